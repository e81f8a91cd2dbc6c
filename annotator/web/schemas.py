"""What requests may contain. Unknown fields are refused, so a misspelt one is noticed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from annotator.services.image_filters import FilterName

MAX_PREFERENCES = 64


class Input(BaseModel):
    """Base of all request bodies and queries."""

    model_config = ConfigDict(extra="forbid")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters are not allowed")
    return value


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_printable)
]
Description = Annotated[str, StringConstraints(max_length=10_000)]
Password = Annotated[str, StringConstraints(max_length=1000)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]
Stage = Literal["assisted_manual", "semi_automatic", "fully_automatic"]
Role = Literal["manager", "annotator"]
Status = Literal["new", "in_progress", "done", "skipped"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SignIn(Input):
    name: Annotated[str, StringConstraints(max_length=200)]
    password: Password


class PasswordIn(Input):
    current_password: Password = ""
    password: Password


class PreferencesIn(Input):
    preferences: dict[Annotated[str, StringConstraints(min_length=1, max_length=64)], JsonValue] = Field(
        max_length=MAX_PREFERENCES
    )


class Empty(Input):
    """A body without fields."""


class UserIn(Input):
    name: Annotated[Name, StringConstraints(max_length=80)]
    password: Password | None = None
    is_admin: bool = False


class UserPatch(Input):
    name: Annotated[Name, StringConstraints(max_length=80)] | None = None
    is_admin: bool | None = None
    active: bool | None = None
    password: Password | None = None


class TokenIn(Input):
    name: Annotated[Name, StringConstraints(max_length=80)]


class ProjectIn(Input):
    name: Name
    description: Description = ""
    stage: Stage = "assisted_manual"


class ProjectPatch(Input):
    name: Name | None = None
    description: Description | None = None
    stage: Stage | None = None
    # Share of the images that people check in the fully automatic stage.
    sample_share: Annotated[float, Field(gt=0, le=1)] | None = None
    model_digest: Digest | None = None


class MemberIn(Input):
    role: Role


class CategoryIn(Input):
    name: Name
    color: Color | None = None


class CategoryPatch(Input):
    name: Name | None = None
    color: Color | None = None
    position: Annotated[int, Field(ge=0, le=100_000)] | None = None


class ImageQuery(Input):
    status: Status | None = None
    filter: FilterName | None = None
    q: Annotated[str, StringConstraints(max_length=200)] = ""
    cursor: Annotated[int, Field(ge=0, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 60


class ImageOneQuery(Input):
    filter: FilterName | None = None


class ImagePatch(Input):
    status: Status | None = None
    skip_reason: Annotated[str, StringConstraints(max_length=1000)] | None = None


class CropIn(Input):
    """A part of an image: x0, y0, x1, y1 in its pixels, the right and bottom edge excluded."""

    box: Annotated[
        list[Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]],
        Field(min_length=4, max_length=4),
    ]


class JobQuery(Input):
    project_id: Annotated[int, Field(ge=1, le=2**62)] | None = None
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    kind: (
        Literal[
            "embed",
            "embed_chunk",
            "crop",
            "tiles",
            "automask",
            "import",
            "export",
            "train",
            "evaluate",
            "install_model",
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class ModelInstall(Input):
    name: Literal["vit_b", "vit_l", "vit_h"]


class AnyObject(BaseModel):
    """An open JSON object in an answer; the shapes are described in docs/api.md."""

    model_config = ConfigDict(extra="allow")

    def get(self, name: str) -> Any:
        return (self.model_extra or {}).get(name)
