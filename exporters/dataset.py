"""The one picture of annotated images that every format is written from and read into.

Nothing here knows a database or a file format. `images` and `annotations` may be iterated several times and are not
held in memory: a million masks stream through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotator.masks import Rle

DIFFERENCES_LISTED = 20


class FormatError(ValueError):
    """A file or a dataset that cannot be used; the message names the place and the value."""


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    """One category. `color` is "#rrggbb" or None; `supercategory` is empty when there is none."""

    id: int
    name: str
    color: str | None = None
    supercategory: str = ""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image: upright size in pixels; `file_name` as shown to people; `license` an id of `Dataset.licenses`."""

    id: int
    file_name: str
    width: int
    height: int
    license: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnnotationRecord:
    """One object. `mask` has the size of its image; boxes are x, y, width, height; points are x, y.

    `extra` holds JSON values that a format may carry along (uuid, source, …) and no format depends on.
    """

    id: int
    image_id: int
    category_id: int | None
    mask: Rle
    iscrowd: bool = False
    predicted_iou: float | None = None
    stability_score: float | None = None
    crop_box: tuple[float, float, float, float] | None = None
    point_coords: tuple[tuple[float, float], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Annotated images. `annotations` come grouped by image, in the order of `images`; ids are unique per kind."""

    categories: tuple[CategoryRecord, ...]
    images: Iterable[ImageRecord]
    annotations: Iterable[AnnotationRecord]
    info: Mapping[str, Any] = field(default_factory=dict)
    licenses: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer put into its file."""

    images: int
    annotations: int
    empty: int


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome of reading an export back: every mask compared with the one it was made from.

    `different` lists the first DIFFERENCES_LISTED objects as (annotation id, IoU with the original).
    """

    checked: int
    lossless: int
    empty: int
    missing: int
    different: tuple[tuple[int, float], ...] = ()

    @property
    def ok(self) -> bool:
        """True when nothing is missing and every mask is equal, pixel for pixel."""
        return self.missing == 0 and self.lossless == self.checked


class Sizes:
    """Checks records while they stream past: unique image ids, known images, masks of their image's size."""

    def __init__(self) -> None:
        self._sizes: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, image: ImageRecord) -> None:
        if image.id in self._sizes:
            raise FormatError(f"Two images have the id {image.id}.")
        self._sizes[image.id] = (image.height, image.width)

    def of(self, image_id: int, *, place: str) -> tuple[int, int]:
        """(height, width) of the image; FormatError naming `place` when there is none."""
        try:
            return self._sizes[image_id]
        except KeyError:
            raise FormatError(f"{place} belongs to the image {image_id}, which is not in the data.") from None

    def check(self, annotation: AnnotationRecord) -> None:
        place = f"Annotation {annotation.id}"
        height, width = self.of(annotation.image_id, place=place)
        if (annotation.mask.height, annotation.mask.width) != (height, width):
            raise FormatError(
                f"{place}: its mask is {annotation.mask.height} × {annotation.mask.width} (height × width), "
                f"its image {height} × {width}."
            )
