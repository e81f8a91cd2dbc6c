"""SA-1B: one JSON file per image, as in the released dataset (paper appendix on the data format).

`{"image": {image_id, width, height, file_name}, "annotations": [{id, segmentation, bbox, area, predicted_iou,
stability_score, crop_box, point_coords}]}` with boxes x, y, width, height. A score that was never measured (a mask
drawn by hand) is null.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from annotator.masks import iou
from exporters.coco_reader import box, load_json, number, points, segmentation, whole
from exporters.dataset import (
    DIFFERENCES_LISTED,
    AnnotationRecord,
    Dataset,
    FormatError,
    ImageRecord,
    Sizes,
    Verification,
    Written,
)
from exporters.files import replacing

Progress = Callable[[int], None]


def write(dataset: Dataset, target: Path, *, progress: Progress | None = None) -> Written:
    """Write to a `.zip` file (replaced atomically) or into a folder (made when missing; each file atomic).

    `progress` is called with the number of annotations written so far. Raises FormatError for annotations that are
    not grouped by image in image order, or whose mask does not have its image's size.
    """
    if target.suffix.lower() == ".zip":
        with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            return _write(dataset, archive.writestr, progress)
    target.mkdir(parents=True, exist_ok=True)

    def store(name: str, data: bytes) -> None:
        with replacing(target / name) as file:
            file.write(data)

    return _write(dataset, store, progress)


def _write(dataset: Dataset, store: Callable[[str, bytes], None], progress: Progress | None) -> Written:
    taken: set[str] = set()
    written = empty = images = 0
    for image, group in _by_image(dataset):
        document = {
            "image": {
                "image_id": image.id,
                "width": image.width,
                "height": image.height,
                "file_name": image.file_name,
            },
            "annotations": [_to_json(annotation, image) for annotation in group],
        }
        store(_file_name(image, taken), json.dumps(document, ensure_ascii=False, allow_nan=False).encode())
        images += 1
        written += len(group)
        empty += sum(annotation.mask.area == 0 for annotation in group)
        if progress is not None:
            progress(written)
    return Written(images=images, annotations=written, empty=empty)


def _by_image(dataset: Dataset) -> Iterator[tuple[ImageRecord, list[AnnotationRecord]]]:
    """Each image with its annotations: one pass over both streams, memory for one image."""
    sizes = Sizes()
    stream = iter(dataset.annotations)
    following = next(stream, None)
    for image in dataset.images:
        sizes.add(image)
        group: list[AnnotationRecord] = []
        while following is not None and following.image_id == image.id:
            sizes.check(following)
            group.append(following)
            following = next(stream, None)
        yield image, group
    if following is not None:
        raise FormatError(
            f"Annotation {following.id} belongs to the image {following.image_id}, "
            "which is not in the data or stands in another order."
        )


def verify(target: Path, dataset: Dataset, *, progress: Progress | None = None) -> Verification:
    """Read back what `write` made of `dataset` and compare every mask with the original, pixel for pixel.

    Raises FormatError when a file is missing or damaged.
    """
    if target.suffix.lower() == ".zip":
        with zipfile.ZipFile(target) as archive:
            return _verify(dataset, archive.read, progress)
    return _verify(dataset, lambda name: (target / name).read_bytes(), progress)


def _verify(dataset: Dataset, fetch: Callable[[str], bytes], progress: Progress | None) -> Verification:
    taken: set[str] = set()
    checked = lossless = empty = missing = 0
    different: list[tuple[int, float]] = []
    for image, group in _by_image(dataset):
        name = _file_name(image, taken)
        try:
            document = json.loads(fetch(name))
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise FormatError(f"{name} of the export cannot be read: {error}") from None
        missing += abs(len(document["annotations"]) - len(group))
        for original, record in zip(group, document["annotations"], strict=False):
            stored = _annotation(record, image, name)
            checked += 1
            empty += stored.mask.area == 0
            if (stored.id, stored.mask, record["area"]) == (original.id, original.mask, original.mask.area):
                lossless += 1
            elif len(different) < DIFFERENCES_LISTED:
                different.append((original.id, iou(stored.mask, original.mask)))
        if progress is not None:
            progress(checked)
    return Verification(checked, lossless, empty, missing, tuple(different))


def _to_json(annotation: AnnotationRecord, image: ImageRecord) -> dict[str, Any]:
    return {
        "id": annotation.id,
        "segmentation": annotation.mask.to_coco(),
        "bbox": list(annotation.mask.bbox),
        "area": annotation.mask.area,
        "predicted_iou": annotation.predicted_iou,
        "stability_score": annotation.stability_score,
        "crop_box": list(annotation.crop_box or (0, 0, image.width, image.height)),
        "point_coords": [list(point) for point in annotation.point_coords],
    }


def _file_name(image: ImageRecord, taken: set[str]) -> str:
    """`<stem>.json`, so that the file stands beside its image; with the id appended where the stem is taken.

    Only the last part of the name counts, whichever separator it uses: names never leave the folder.
    """
    stem = PurePosixPath(PureWindowsPath(image.file_name).name).stem.lstrip(".") or f"image_{image.id}"
    name = f"{stem}.json"
    if name.casefold() in taken:  # file systems may not tell A.json from a.json
        name = f"{stem}_{image.id}.json"
    while name.casefold() in taken:
        name = f"_{name}"
    taken.add(name.casefold())
    return name


def read(path: Path) -> Dataset:
    """The dataset of one SA-1B JSON file or of all `*.json` files of a folder, in name order.

    Images are listed at once, masks are decoded while `annotations` is iterated, one file at a time. Raises
    FormatError naming file and place.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path.name} holds no .json file.")
    images: list[ImageRecord] = []
    sizes = Sizes()
    for file in files:
        image = _image(_document(file), file.name)
        sizes.add(image)
        images.append(image)
    return Dataset(categories=(), images=tuple(images), annotations=_Annotations(tuple(files)))


@dataclass(frozen=True, slots=True)
class _Annotations:
    files: tuple[Path, ...]

    def __iter__(self) -> Iterator[AnnotationRecord]:
        for file in self.files:
            document = _document(file)
            image = _image(document, file.name)
            for position, record in enumerate(document["annotations"]):
                yield _annotation(record, image, f"{file.name}: annotations[{position}]")


def _document(file: Path) -> dict[str, Any]:
    document = load_json(file)
    if (
        not isinstance(document, dict)
        or not isinstance(document.get("image"), dict)
        or not isinstance(document.get("annotations"), list)
    ):
        raise FormatError(f"{file.name} is not an SA-1B file: it needs an image and a list of annotations.")
    return document


def _image(document: dict[str, Any], file_name: str) -> ImageRecord:
    place = f"{file_name}: image"
    record = document["image"]
    width, height = whole(record, "width", place), whole(record, "height", place)
    name = record.get("file_name")
    if width < 1 or height < 1 or not isinstance(name, str) or not name:
        raise FormatError(f"{place} needs a file_name and a positive width and height.")
    return ImageRecord(id=whole(record, "image_id", place), file_name=name, width=width, height=height)


def _annotation(record: object, image: ImageRecord, place: str) -> AnnotationRecord:
    if not isinstance(record, dict):
        raise FormatError(f"{place} must be an object.")
    mask = record.get("segmentation")
    return AnnotationRecord(
        id=whole(record, "id", place),
        image_id=image.id,
        category_id=None,
        mask=segmentation(mask, f"{place}.segmentation", height=image.height, width=image.width),
        predicted_iou=number(record.get("predicted_iou")),
        stability_score=number(record.get("stability_score")),
        crop_box=box(record.get("crop_box")),
        point_coords=points(record.get("point_coords")),
    )
