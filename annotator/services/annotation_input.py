"""The shape of an annotation as it comes in, for the API and for imports alike."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from annotator.masks import Rle, parse_rle

State = Literal["accepted", "proposal", "rejected", "missed"]
Source = Literal["manual", "assisted", "proposal", "imported"]

MAX_COORDINATE = 1_000_000.0
MAX_POINTS = 10_000
MAX_ATTRIBUTES = 64 * 1024


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character")  # JSON allows it, PostgreSQL cannot store it
    return text


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is not text") from None
    except (ValueError, RecursionError):
        raise ValueError("holds something that is not JSON (NaN, Infinity or too deep a nesting)") from None
    if len(text) > MAX_ATTRIBUTES:
        raise ValueError(f"has {len(text)} characters as JSON; {MAX_ATTRIBUTES} are allowed")
    _storable(text.replace("\\u0000", "\x00"))
    return value


Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
Label = Annotated[int, Field(ge=0, le=1)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Box = Annotated[list[Coordinate], Field(min_length=4, max_length=4)]
CropBox = Annotated[list[Annotated[int, Field(ge=0, le=10**6)]], Field(min_length=4, max_length=4)]
RowId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Small = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class Input(BaseModel):
    """Nothing unknown, nothing coerced: "3" is not 3, and a misspelt member is an error instead of ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Segmentation(Input):
    """COCO RLE: size [height, width] in pixels and the compressed counts string."""

    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    counts: Annotated[str, Field(max_length=32 * 2**20)]
    _mask: Rle | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, mask: Rle) -> Self:
        """A mask that has been read already, and is not read again."""
        made = cls(size=[mask.height, mask.width], counts=mask.counts)
        made._mask = mask
        return made

    def mask(self) -> Rle:
        """The mask, read once. Raises MaskError."""
        if self._mask is None:
            self._mask = parse_rle({"size": self.size, "counts": self.counts})
        return self._mask


class Prompts(Input):
    """What the annotator gave: points x,y with labels (1 foreground, 0 background) and boxes x0,y0,x1,y1, all in
    pixels of the upright image.

    `crop_box` is the part x0,y0,x1,y1 (right and bottom edge excluded) whose closer look answered; without one the
    whole image did.
    """

    points: Annotated[list[Point], Field(max_length=MAX_POINTS)] = []
    labels: Annotated[list[Label], Field(max_length=MAX_POINTS)] = []
    boxes: Annotated[list[Box], Field(max_length=1_000)] = []
    # Left out where it is not: what was stored before there were closer looks stays equal to what is sent again.
    crop_box: Annotated[CropBox | None, Field(exclude_if=lambda box: box is None)] = None

    @model_validator(mode="after")
    def _one_label_per_point(self) -> Self:
        if len(self.points) != len(self.labels):
            raise ValueError(f"{len(self.points)} points need as many labels, not {len(self.labels)}")
        return self

    @model_validator(mode="after")
    def _crop_has_an_inside(self) -> Self:
        if self.crop_box is not None:
            x0, y0, x1, y1 = self.crop_box
            if x0 >= x1 or y0 >= y1:
                raise ValueError(
                    f"crop_box {self.crop_box} is empty; send x0,y0,x1,y1 with x0 < x1 and y0 < y1"
                )
        return self


class AnnotationInput(Input):
    """One object as saved. Members with a default may be left out: they keep their stored value on an update."""

    image_id: RowId
    category_id: RowId | None
    state: State = "accepted"
    segmentation: Segmentation
    source: Source
    prompts: Prompts | None = None
    candidate: Annotated[int, Field(ge=0, le=3)] | None = None
    predicted_iou: float | None = None
    stability_score: float | None = None
    model_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = None
    model_segmentation: Segmentation | None = None
    crop_box: Box | None = None
    active_ms: Annotated[int, Field(ge=0, le=2**40)] = 0
    z: Small = 0
    note: Annotated[str, Field(max_length=10_000), AfterValidator(_storable)] = ""
    attributes: Annotated[dict[str, Any], AfterValidator(_storable_json)] = {}
