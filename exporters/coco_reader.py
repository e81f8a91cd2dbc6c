"""Reading COCO instances: compressed RLE, uncompressed RLE and polygons, every value checked."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from annotator.mask_shapes import from_polygons
from annotator.masks import MaskError, Rle, parse_rle
from exporters.dataset import AnnotationRecord, CategoryRecord, Dataset, FormatError, ImageRecord, Sizes
from exporters.json_stream import refuse_constant, sorted_on_disk, walk

MAX_SIDE = 2**20
Json = Mapping[str, Any]
OnProblem = Callable[[str], None]

_IMAGE_FIELDS = {"id", "file_name", "width", "height", "license"}
_ANNOTATION_FIELDS = {
    "id",
    "image_id",
    "category_id",
    "segmentation",
    "area",
    "bbox",
    "iscrowd",
    "predicted_iou",
    "stability_score",
    "crop_box",
    "point_coords",
}


def read(path: Path, *, on_problem: OnProblem | None = None) -> Dataset:
    """The dataset of a COCO instances file (`.json`, UTF-8).

    Images and categories are read at once; annotations are read and decoded while they are iterated, in the order of
    the images, so that a file of millions of masks takes no more memory than a small one. Area and box are recomputed
    from the mask, never believed. Raises FormatError naming the place for anything unusable. With `on_problem`, an
    annotation that cannot be used is reported to it and left out instead.
    """
    found = _Contents()
    for name, number, value in walk(path):
        found.add(name, number, value)
    if "images" not in found.lists:
        raise FormatError(f"{path.name} is not a COCO file: it has no list of images.")
    known = {category.id for category in found.categories}
    if len(known) != len(found.categories):
        raise FormatError("Two categories have the same id.")
    sizes = Sizes()
    for image in found.images:
        sizes.add(image)
    order = {image.id: position for position, image in enumerate(found.images)}
    ranks = (order.get(image_id, len(order)) for image_id in found.image_ids)
    in_order = all(first <= second for first, second in pairwise(ranks))
    return Dataset(
        categories=tuple(found.categories),
        images=tuple(found.images),
        annotations=_Annotations(path, sizes, order, known, on_problem, in_order),
        info=found.info,
        licenses=tuple(found.licenses),
    )


class _Contents:
    """What the first look at a file keeps; of the annotations only the ids of their images."""

    def __init__(self) -> None:
        self.lists: set[str] = set()
        self.images: list[ImageRecord] = []
        self.categories: list[CategoryRecord] = []
        self.licenses: list[Json] = []
        self.info: Json = {}
        self.image_ids = array("q")

    def add(self, name: str, number: int | None, value: Any) -> None:
        """Take in one step of `walk`."""
        place = f"{name}[{number}]"
        if number is not None or value == []:
            self.lists.add(name)
        elif name in ("categories", "annotations"):
            raise FormatError(f"{name} must be a list.")
        elif name == "info" and isinstance(value, dict):
            self.info = value
        if number is None:
            return
        if name == "images":
            self.images.append(_image(*_object(value, place)))
        elif name == "categories":
            self.categories.append(_category(*_object(value, place)))
        elif name == "annotations":
            self.image_ids.append(_image_id(_object(value, place)[0]))
        elif name == "licenses" and isinstance(value, dict):
            self.licenses.append(value)


def load_json(path: Path) -> Any:
    """The value of a JSON file; FormatError when it is not UTF-8 JSON (NaN and Infinity are not JSON)."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return json.load(file, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is not valid JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class _Annotations:
    """Decodes on every iteration, so that a file's masks are never in memory together."""

    path: Path
    sizes: Sizes
    order: Mapping[int, int]
    categories: set[int]
    on_problem: OnProblem | None
    in_order: bool

    def __iter__(self) -> Iterator[AnnotationRecord]:
        seen: set[int] = set()
        for record, place in self._records():
            try:
                annotation = self._annotation(record, place)
                if annotation.id in seen:
                    raise FormatError(f"{place}: the id {annotation.id} occurs twice.")
            except FormatError as problem:
                if self.on_problem is None:
                    raise
                self.on_problem(str(problem))
                continue
            seen.add(annotation.id)
            yield annotation

    def _records(self) -> Iterator[tuple[Json, str]]:
        wanted = (step for step in walk(self.path) if step[0] == "annotations")
        numbered: Iterator[tuple[int, Any]] = ((step[1], step[2]) for step in wanted if step[1] is not None)
        if not self.in_order:
            numbered = sorted_on_disk(numbered, self._rank)
        for number, record in numbered:
            yield _object(record, f"annotations[{number}]")

    def _rank(self, record: Json) -> int:
        return self.order.get(_image_id(record), len(self.order))

    def _annotation(self, record: Json, place: str) -> AnnotationRecord:
        image_id = whole(record, "image_id", place)
        height, width = self.sizes.of(image_id, place=place)
        category_id = whole(record, "category_id", place) if record.get("category_id") is not None else None
        if category_id is not None and category_id not in self.categories:
            raise FormatError(f"{place}.category_id: there is no category {category_id}.")
        return AnnotationRecord(
            id=whole(record, "id", place),
            image_id=image_id,
            category_id=category_id,
            mask=segmentation(
                record.get("segmentation"), f"{place}.segmentation", height=height, width=width
            ),
            iscrowd=record.get("iscrowd") in (1, True),
            predicted_iou=number(record.get("predicted_iou")),
            stability_score=number(record.get("stability_score")),
            crop_box=box(record.get("crop_box")),
            point_coords=points(record.get("point_coords")),
            extra={name: value for name, value in record.items() if name not in _ANNOTATION_FIELDS},
        )


def segmentation(value: object, place: str, *, height: int, width: int) -> Rle:
    """The mask of a COCO `segmentation` member: RLE of the image's size, or a list of polygons."""
    try:
        if isinstance(value, list):
            return from_polygons(value, height=height, width=width)
        mask = parse_rle(value)
    except MaskError as error:
        raise FormatError(f"{place}: {error}") from None
    if (mask.height, mask.width) != (height, width):
        raise FormatError(
            f"{place}: the mask is {mask.height} × {mask.width} (height × width), its image {height} × {width}."
        )
    return mask


def whole(record: Json, name: str, place: str) -> int:
    """A whole number that must be there."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise FormatError(f"{place}.{name} must be a whole number, not {str(value)[:40]!r}.")
    return value


def number(value: object) -> float | None:
    """A finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def numbers(value: object, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers, or None."""
    if not isinstance(value, list) or len(value) != count:
        return None
    found = tuple(checked for checked in map(number, value) if checked is not None)
    return found if len(found) == count else None


def box(value: object) -> tuple[float, float, float, float] | None:
    """x, y, width, height, or None."""
    found = numbers(value, 4)
    return None if found is None else (found[0], found[1], found[2], found[3])


def points(value: object) -> tuple[tuple[float, float], ...]:
    """x,y pairs; anything that is not one is left out."""
    pairs = (numbers(point, 2) for point in value) if isinstance(value, list) else ()
    return tuple((pair[0], pair[1]) for pair in pairs if pair is not None)


def _image_id(record: Json) -> int:
    """The image that an annotation names, as a number that an array holds; -1 for anything else."""
    value = record.get("image_id")
    return value if isinstance(value, int) and abs(value) < 2**62 else -1


def _object(record: object, place: str) -> tuple[Json, str]:
    if not isinstance(record, dict):
        raise FormatError(f"{place} must be an object.")
    return record, place


def _category(record: Json, place: str) -> CategoryRecord:
    name = record.get("name")
    if not isinstance(name, str) or not name.strip():
        raise FormatError(f"{place}.name must be a text.")
    color, parent = record.get("color"), record.get("supercategory")
    return CategoryRecord(
        id=whole(record, "id", place),
        name=name,
        color=color if isinstance(color, str) else None,
        supercategory=parent if isinstance(parent, str) else "",
    )


def _image(record: Json, place: str) -> ImageRecord:
    width, height = whole(record, "width", place), whole(record, "height", place)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise FormatError(f"{place}: {width} × {height} is not a usable size.")
    name = record.get("file_name")
    if not isinstance(name, str) or not name:
        # LVIS names images by address only.
        address = record.get("coco_url")
        name = PurePosixPath(urlsplit(address).path).name if isinstance(address, str) else ""
    if not name:
        raise FormatError(f"{place} has neither file_name nor coco_url.")
    license_id = record.get("license")
    return ImageRecord(
        id=whole(record, "id", place),
        file_name=name,
        width=width,
        height=height,
        license=license_id if isinstance(license_id, int) and not isinstance(license_id, bool) else None,
        extra={key: value for key, value in record.items() if key not in _IMAGE_FIELDS},
    )
