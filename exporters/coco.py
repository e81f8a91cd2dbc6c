"""COCO instances: one JSON file that pycocotools opens.

Written with one record a line, so that writing and verifying need constant memory. Masks are compressed RLE and
`iscrowd` is 0: crowd regions are skipped by most tools, and these are single objects. Fields beyond the standard
(uuid, predicted_iou, …) are ignored by readers that do not know them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

from pycocotools import mask as coco_mask

from annotator.masks import MaskError, Rle, iou, parse_rle
from exporters.coco_reader import read
from exporters.dataset import (
    DIFFERENCES_LISTED,
    AnnotationRecord,
    CategoryRecord,
    Dataset,
    FormatError,
    ImageRecord,
    Sizes,
    Verification,
    Written,
)
from exporters.files import replacing

__all__ = ["Progress", "read", "verify", "write"]

Progress = Callable[[int], None]
PROGRESS_STEP = 500


def write(dataset: Dataset, target: Path | IO[bytes], *, progress: Progress | None = None) -> Written:
    """Stream the dataset to a path (replaced atomically) or an open binary file.

    `progress` is called with the number of annotations written so far. Raises FormatError for an annotation whose
    image or category is not in the dataset or whose mask does not have its image's size.
    """
    with replacing(target) if isinstance(target, Path) else nullcontext(target) as file:
        return _write(dataset, file, progress)


def _write(dataset: Dataset, file: IO[bytes], progress: Progress | None) -> Written:
    sizes = Sizes()
    counts = {"annotations": 0, "empty": 0}
    categories = {category.id for category in dataset.categories}

    def images() -> Iterator[dict[str, Any]]:
        for image in dataset.images:
            sizes.add(image)
            yield _image_to_json(image)

    def annotations() -> Iterator[dict[str, Any]]:
        for annotation in dataset.annotations:
            sizes.check(annotation)
            if annotation.category_id not in categories:
                raise FormatError(f"Annotation {annotation.id} has no category of the dataset.")
            record = _annotation_to_json(annotation)
            counts["annotations"] += 1
            counts["empty"] += record["area"] == 0
            yield record
            if progress is not None and counts["annotations"] % PROGRESS_STEP == 0:
                progress(counts["annotations"])

    file.write(b"{\n")
    _write_member(file, "info", dataset.info)
    _write_member(file, "licenses", list(dataset.licenses))
    _write_list(file, "images", images(), last=False)
    _write_list(file, "categories", map(_category_to_json, dataset.categories), last=False)
    _write_list(file, "annotations", annotations(), last=True)
    file.write(b"}\n")
    return Written(images=len(sizes), **counts)


def _line(value: Any) -> bytes:
    # allow_nan=False: NaN is not JSON and most readers refuse the whole file over one.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _write_member(file: IO[bytes], name: str, value: Any) -> None:
    file.write(b'"%s": %s,\n' % (name.encode(), _line(value)))


def _write_list(file: IO[bytes], name: str, records: Iterable[dict[str, Any]], *, last: bool) -> None:
    file.write(b'"%s": [' % name.encode())
    separator = b"\n"
    for record in records:
        file.write(separator + _line(record))
        separator = b",\n"
    file.write(b"\n]\n" if last else b"\n],\n")


def _image_to_json(image: ImageRecord) -> dict[str, Any]:
    record = {
        "id": image.id,
        "file_name": image.file_name,
        "width": image.width,
        "height": image.height,
        **image.extra,
    }
    return record if image.license is None else {**record, "license": image.license}


def _category_to_json(category: CategoryRecord) -> dict[str, Any]:
    record = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    return record if category.color is None else {**record, "color": category.color}


def _annotation_to_json(annotation: AnnotationRecord) -> dict[str, Any]:
    optional = {
        "predicted_iou": annotation.predicted_iou,
        "stability_score": annotation.stability_score,
        "crop_box": annotation.crop_box,
        "point_coords": annotation.point_coords or None,
        **annotation.extra,
    }
    return {
        "id": annotation.id,
        "image_id": annotation.image_id,
        "category_id": annotation.category_id,
        "segmentation": annotation.mask.to_coco(),
        "area": annotation.mask.area,
        "bbox": list(annotation.mask.bbox),
        "iscrowd": int(annotation.iscrowd),
        **{name: value for name, value in optional.items() if value is not None},
    }


def verify(source: Path | IO[bytes], dataset: Dataset, *, progress: Progress | None = None) -> Verification:
    """Read back what `write` made of `dataset` and compare every mask with the original, pixel for pixel.

    Area and box in the file are compared with what pycocotools computes from the written string, so a codec error
    of ours would show. Raises FormatError when the file is damaged.
    """
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        written = _written_annotations(file)
        checked = lossless = empty = missing = 0
        different: list[tuple[int, float]] = []
        for annotation in dataset.annotations:
            record = next(written, None)
            if record is None or record["id"] != annotation.id:
                missing += 1
                continue
            checked += 1
            mask = _stored_mask(record)
            empty += mask.area == 0
            if mask == annotation.mask and _measures_agree(record) and _labels_agree(record, annotation):
                lossless += 1
            elif len(different) < DIFFERENCES_LISTED:
                different.append((annotation.id, _iou_or_zero(mask, annotation.mask)))
            if progress is not None and checked % PROGRESS_STEP == 0:
                progress(checked)
        missing += sum(1 for _ in written)
    return Verification(checked, lossless, empty, missing, tuple(different))


def _written_annotations(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    lines = iter(file)
    for line in lines:
        if line == b'"annotations": [\n':
            break
    else:
        raise FormatError("The export ends before its annotations.")
    for line in lines:
        if line == b"]\n":
            break
        try:
            yield json.loads(line.removesuffix(b"\n").removesuffix(b","))
        except ValueError:
            raise FormatError(f"The export holds a damaged record: {line[:60]!r}…") from None
    if list(lines) != [b"}\n"]:
        raise FormatError("The export was cut short.")


def _stored_mask(record: Mapping[str, Any]) -> Rle:
    try:
        return parse_rle(record["segmentation"])
    except MaskError as error:
        raise FormatError(f"Annotation {record['id']} of the export: {error}") from None


def _measures_agree(record: Mapping[str, Any]) -> bool:
    area = int(coco_mask.area(record["segmentation"]))
    box = coco_mask.toBbox(record["segmentation"]).tolist()
    return area == record["area"] and box == record["bbox"]


def _labels_agree(record: Mapping[str, Any], annotation: AnnotationRecord) -> bool:
    return (record["image_id"], record["category_id"]) == (annotation.image_id, annotation.category_id)


def _iou_or_zero(first: Rle, second: Rle) -> float:
    return iou(first, second) if (first.height, first.width) == (second.height, second.width) else 0.0
