"""COCO files: opened by pycocotools, equal pixel for pixel, streamed, atomic, and read back from anybody's hand."""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from annotator.masks import decode, encode
from exporters import coco
from exporters.dataset import AnnotationRecord, CategoryRecord, Dataset, FormatError, ImageRecord

HEIGHT, WIDTH = 40, 60


def bitmap(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[4 : 10 + seed % 20, 5 : 20 + seed % 30] = 1
    mask[6:8, 7:12] = 0  # a hole
    mask[rng.random(mask.shape) < 0.02] ^= 1  # separate parts
    return mask


def annotation(number: int, image_id: int = 1, **changes: Any) -> AnnotationRecord:
    record = AnnotationRecord(number, image_id, 3, encode(bitmap(number)), extra={"uuid": f"u{number}"})
    return replace(record, **changes)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset(
        categories=(CategoryRecord(3, 'Katze \\ "кот"', "#aabbcc", "animal"), CategoryRecord(9, "dog")),
        images=(ImageRecord(1, "a.jpg", WIDTH, HEIGHT, license=1), ImageRecord(2, "b.png", WIDTH, HEIGHT)),
        annotations=(
            annotation(
                1, predicted_iou=0.9, stability_score=0.95, crop_box=(0, 0, 60, 40), point_coords=((1.5, 2),)
            ),
            annotation(2, category_id=9),
            annotation(7, image_id=2),
            annotation(8, image_id=2, mask=encode(np.zeros((HEIGHT, WIDTH), bool))),
            annotation(9, image_id=2, mask=encode(np.ones((HEIGHT, WIDTH), bool))),
        ),
        info={"description": "two images", "year": 2026},
        licenses=({"id": 1, "name": "CC0", "url": ""},),
    )


def opened(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_decodes_exactly_the_masks(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    written = coco.write(dataset, path)
    assert (written.images, written.annotations, written.empty) == (2, 5, 1)
    file = opened(path)
    for original in dataset.annotations:
        stored = file.anns[original.id]
        assert np.array_equal(file.annToMask(stored), decode(original.mask))
        assert stored["area"] == coco_mask.area(stored["segmentation"]) == original.mask.area
        assert stored["bbox"] == coco_mask.toBbox(stored["segmentation"]).tolist()
        assert stored["iscrowd"] == 0
        assert isinstance(stored["segmentation"]["counts"], str)
    assert file.getAnnIds(imgIds=[1], catIds=[9]) == [2]
    assert [image["file_name"] for image in file.loadImgs([1, 2])] == ["a.jpg", "b.png"]


def test_members_and_extra_fields(dataset: Dataset, tmp_path: Path) -> None:
    coco.write(dataset, tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(document) == ["info", "licenses", "images", "categories", "annotations"]
    assert document["info"] == {"description": "two images", "year": 2026}
    assert document["licenses"] == [{"id": 1, "name": "CC0", "url": ""}]
    assert document["categories"][0]["name"] == 'Katze \\ "кот"'
    first, second = document["annotations"][:2]
    assert (first["uuid"], first["predicted_iou"], first["point_coords"]) == ("u1", 0.9, [[1.5, 2]])
    assert "predicted_iou" not in second


def test_round_trip(dataset: Dataset, tmp_path: Path) -> None:
    coco.write(dataset, tmp_path / "out.json")
    back = coco.read(tmp_path / "out.json")
    assert tuple(back.categories) == dataset.categories
    assert tuple(back.images) == tuple(dataset.images)
    assert tuple(back.annotations) == tuple(dataset.annotations)
    assert tuple(back.annotations) == tuple(back.annotations), "iterates again"
    assert (back.info, back.licenses) == (dataset.info, dataset.licenses)


def test_an_empty_dataset_is_a_valid_file(tmp_path: Path) -> None:
    empty = Dataset(categories=(), images=(), annotations=())
    coco.write(empty, tmp_path / "out.json")
    assert opened(tmp_path / "out.json").anns == {}
    assert coco.verify(tmp_path / "out.json", empty).ok


def test_verify_says_lossless(dataset: Dataset, tmp_path: Path) -> None:
    coco.write(dataset, tmp_path / "out.json")
    found = coco.verify(tmp_path / "out.json", dataset)
    assert (found.ok, found.checked, found.lossless, found.empty, found.missing) == (True, 5, 5, 1, 0)


@pytest.mark.parametrize("field", ["segmentation", "area", "bbox", "category_id", "image_id"])
def test_verify_finds_one_wrong_value(dataset: Dataset, tmp_path: Path, field: str) -> None:
    coco.write(dataset, tmp_path / "out.json")
    other = bitmap(1)
    other[39, 59] ^= 1
    wrong = {
        "segmentation": encode(other).to_coco(),
        "area": 1,
        "bbox": [0, 0, 1, 1],
        "category_id": 9,
        "image_id": 2,
    }[field]
    lines = (tmp_path / "out.json").read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if '"uuid":"u1"' in line)
    record = json.loads(lines[place].rstrip(",\n"))
    lines[place] = json.dumps({**record, field: wrong}) + ",\n"
    (tmp_path / "out.json").write_text("".join(lines))
    found = coco.verify(tmp_path / "out.json", dataset)
    assert not found.ok
    assert (found.checked, found.lossless) == (5, 4)
    assert [number for number, _ in found.different] == [1]
    assert (found.different[0][1] < 1) == (field == "segmentation")


def test_verify_finds_missing_and_surplus(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    all_of_them = tuple(dataset.annotations)
    coco.write(replace(dataset, annotations=all_of_them[:-1]), path)
    assert coco.verify(path, dataset).missing == 1
    coco.write(dataset, path)
    assert coco.verify(path, replace(dataset, annotations=all_of_them[:-1])).missing == 1


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9, -1, -4])
def test_verify_refuses_a_file_cut_short(dataset: Dataset, tmp_path: Path, keep: float) -> None:
    path = tmp_path / "out.json"
    coco.write(dataset, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(FormatError):
        coco.verify(path, dataset)


@pytest.mark.parametrize(
    "broken",
    [
        annotation(5, image_id=77),
        annotation(5, category_id=None),
        annotation(5, category_id=77),
        annotation(5, mask=encode(np.ones((WIDTH, HEIGHT), bool))),
        annotation(5, predicted_iou=float("nan")),
    ],
)
def test_a_failed_write_keeps_the_last_good_file(
    dataset: Dataset, tmp_path: Path, broken: AnnotationRecord
) -> None:
    path = tmp_path / "out.json"
    coco.write(dataset, path)
    before = path.read_bytes()
    with pytest.raises(ValueError):
        coco.write(replace(dataset, annotations=(*dataset.annotations, broken)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Endless:
    """Many annotations that exist one at a time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.mask = encode(bitmap(3))

    def __iter__(self) -> Iterator[AnnotationRecord]:
        return (AnnotationRecord(number, 1, 3, self.mask) for number in range(self.count))


def test_memory_does_not_grow_with_the_number_of_masks(dataset: Dataset, tmp_path: Path) -> None:
    def peak(count: int) -> int:
        many = replace(dataset, annotations=Endless(count))
        tracemalloc.start()
        coco.write(many, tmp_path / "out.json")
        assert coco.verify(tmp_path / "out.json", many).lossless == count
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(20)
    assert peak(2000) < peak(200) + 50_000


def test_progress_counts_annotations(dataset: Dataset, tmp_path: Path) -> None:
    many = replace(dataset, annotations=Endless(1200))
    seen: list[int] = []
    coco.write(many, tmp_path / "out.json", progress=seen.append)
    coco.verify(tmp_path / "out.json", many, progress=seen.append)
    assert seen == [500, 1000, 500, 1000]


def read_one(tmp_path: Path, **changes: Any) -> AnnotationRecord:
    """Read a file of one image, 6 × 8, and one annotation with these members."""
    record = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]], **changes}
    return read_document(tmp_path, annotations=[record])[0]


def read_document(tmp_path: Path, **changes: Any) -> list[AnnotationRecord]:
    document = {
        "images": [{"id": 1, "file_name": "x.jpg", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [],
        **changes,
    }
    (tmp_path / "in.json").write_text(json.dumps(document))
    return list(coco.read(tmp_path / "in.json").annotations)


def test_reads_every_kind_of_segmentation(tmp_path: Path) -> None:
    polygon = read_one(tmp_path)
    uncompressed = read_one(
        tmp_path, iscrowd=1, segmentation={"size": [6, 8], "counts": polygon.mask.runs.tolist()}
    )
    compressed = read_one(tmp_path, segmentation=polygon.mask.to_coco())
    expected = coco_mask.merge(coco_mask.frPyObjects([[1, 1, 5, 1, 5, 4, 1, 4]], 6, 8))
    assert polygon.mask.counts == expected["counts"].decode()
    assert polygon.mask == uncompressed.mask == compressed.mask
    assert (polygon.iscrowd, uncompressed.iscrowd) == (False, True)


def test_lvis_images_are_named_by_address(tmp_path: Path) -> None:
    image = {"id": 1, "coco_url": "http://images.example/val/0001.jpg?x=1", "width": 8, "height": 6}
    read_document(tmp_path, images=[image])
    assert next(iter(coco.read(tmp_path / "in.json").images)).file_name == "0001.jpg"


def test_annotations_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": "x.jpg", "width": 8, "height": 6} for number in (5, 2)]
    ring = [[1, 1, 5, 1, 5, 4]]
    records = [{"id": number, "image_id": 2 + 3 * (number % 2), "segmentation": ring} for number in range(4)]
    found = read_document(tmp_path, images=images, annotations=records)
    assert [(record.image_id, record.id) for record in found] == [(5, 1), (5, 3), (2, 0), (2, 2)]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"segmentation": None}, "annotations[0].segmentation"),
        ({"segmentation": []}, "annotations[0].segmentation"),
        ({"segmentation": [[1, 1]]}, "annotations[0].segmentation"),
        ({"segmentation": {"size": [6, 8], "counts": "x"}}, "annotations[0].segmentation"),
        ({"segmentation": {"size": [8, 6], "counts": [48]}}, "annotations[0].segmentation"),
        ({"image_id": 2}, "annotations[0]"),
        ({"image_id": "1"}, "annotations[0].image_id"),
        ({"image_id": [1]}, "annotations[0].image_id"),
        ({"category_id": 2}, "annotations[0].category_id"),
        ({"category_id": True}, "annotations[0].category_id"),
        ({"id": None}, "annotations[0].id"),
    ],
)
def test_unusable_annotations_are_named(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_one(tmp_path, **changes)
    assert str(caught.value).startswith(place)
    problems: list[str] = []
    assert list(coco.read(tmp_path / "in.json", on_problem=problems.append).annotations) == []
    assert problems == [str(caught.value)]


@pytest.mark.parametrize(
    "changes",
    [
        {"images": None},
        {"images": {}},
        {"images": [1]},
        {"images": [{"id": 1, "width": 8, "height": 6}]},
        {"images": [{"id": 1, "file_name": "x", "width": 0, "height": 6}]},
        {"images": [{"id": 1, "file_name": "x", "width": 8.5, "height": 6}]},
        {"images": [{"id": 1, "file_name": "x", "width": 10**30, "height": 6}]},
        {"images": [{"id": 1, "file_name": "x", "width": 8, "height": 6}] * 2},
        {"categories": "cat"},
        {"categories": [{"id": 1}]},
        {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
        {"annotations": 7},
        {"annotations": [None]},
    ],
)
def test_unusable_documents_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        read_document(tmp_path, **changes)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"images": [NaN]}']
)
def test_files_that_are_not_coco(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in.json").write_bytes(data)
    with pytest.raises(FormatError):
        coco.read(tmp_path / "in.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70) | st.floats(-9, 90) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(["size", "counts"]), inner),
    max_leaves=12,
)


@given(segmentation=json_values)
@settings(deadline=None, max_examples=200)
def test_fuzzed_segmentations_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, segmentation: object
) -> None:
    try:
        record = read_one(tmp_path_factory.getbasetemp(), segmentation=segmentation)
    except FormatError:
        return
    assert record.mask.runs.sum() == 48
