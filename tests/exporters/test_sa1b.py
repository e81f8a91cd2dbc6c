"""SA-1B files: the released layout, folder and archive, names that stay where they belong."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from annotator.masks import decode, encode
from exporters import sa1b
from exporters.dataset import AnnotationRecord, Dataset, FormatError, ImageRecord


def mask(seed: int, height: int, width: int) -> AnnotationRecord:
    bitmap = np.random.default_rng(seed).random((height, width)) < 0.4
    return AnnotationRecord(seed, 0, None, encode(bitmap))


@pytest.fixture
def dataset() -> Dataset:
    return Dataset(
        categories=(),
        images=(
            ImageRecord(4, "sa_4.jpg", 9, 7),
            ImageRecord(5, "empty.jpg", 3, 3),
            ImageRecord(6, "sa_6.jpg", 5, 4),
        ),
        annotations=(
            replace(
                mask(1, 7, 9),
                image_id=4,
                predicted_iou=0.91,
                stability_score=0.97,
                crop_box=(0.0, 0.0, 9.0, 7.0),
                point_coords=((3.0, 4.5),),
            ),
            replace(mask(2, 7, 9), image_id=4),
            replace(mask(3, 4, 5), image_id=6),
        ),
    )


def test_the_released_layout(dataset: Dataset, tmp_path: Path) -> None:
    written = sa1b.write(dataset, tmp_path / "out")
    assert (written.images, written.annotations, written.empty) == (3, 3, 0)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "empty.json",
        "sa_4.json",
        "sa_6.json",
    ]
    document = json.loads((tmp_path / "out" / "sa_4.json").read_text())
    assert document["image"] == {"image_id": 4, "width": 9, "height": 7, "file_name": "sa_4.jpg"}
    assert json.loads((tmp_path / "out" / "empty.json").read_text())["annotations"] == []
    first, second = document["annotations"]
    assert list(first) == [
        "id",
        "segmentation",
        "bbox",
        "area",
        "predicted_iou",
        "stability_score",
        "crop_box",
        "point_coords",
    ]
    original = next(iter(dataset.annotations))
    assert np.array_equal(coco_mask.decode(first["segmentation"]), decode(original.mask))
    assert (first["area"], first["bbox"]) == (original.mask.area, list(original.mask.bbox))
    assert (first["predicted_iou"], first["point_coords"]) == (0.91, [[3.0, 4.5]])
    assert (second["predicted_iou"], second["crop_box"], second["point_coords"]) == (None, [0, 0, 9, 7], [])


def test_folder_and_archive_hold_the_same(dataset: Dataset, tmp_path: Path) -> None:
    sa1b.write(dataset, tmp_path / "out")
    sa1b.write(dataset, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert inside == {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}


def test_round_trip(dataset: Dataset, tmp_path: Path) -> None:
    sa1b.write(dataset, tmp_path / "out")
    back = sa1b.read(tmp_path / "out")
    assert {image.id: image for image in back.images} == {image.id: image for image in dataset.images}
    read = {record.id: record for record in back.annotations}
    for original in dataset.annotations:
        assert read[original.id].mask == original.mask
        assert read[original.id].predicted_iou == original.predicted_iou
        assert read[original.id].point_coords == original.point_coords


def test_reads_a_released_record(tmp_path: Path) -> None:
    record = {
        "id": 1,
        "segmentation": {"size": [5, 10], "counts": "`04n0"},
        "bbox": [3.0, 1.0, 1.0, 4.0],
        "area": 4,
        "predicted_iou": 0.26,
        "stability_score": 0.47,
        "crop_box": [3.0, 1.0, 2.0, 5.0],
        "point_coords": [[3, 4]],
    }
    image = {"image_id": 1, "width": 10, "height": 5, "file_name": "a.jpg"}
    (tmp_path / "a.json").write_text(json.dumps({"image": image, "annotations": [record]}))
    (found,) = sa1b.read(tmp_path / "a.json").annotations
    assert found.mask.bbox == (3, 1, 1, 4)
    assert (found.mask.area, found.crop_box, found.point_coords) == (4, (3.0, 1.0, 2.0, 5.0), ((3.0, 4.0),))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.jpg", "..\\..\\boot.jpg", "/abs/x.jpg", "..", ".", ".json", "C:x"]
)
def test_names_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    images = (ImageRecord(1, name, 3, 3), ImageRecord(2, name.upper(), 3, 3), ImageRecord(3, name, 3, 3))
    sa1b.write(Dataset(categories=(), images=images, annotations=()), tmp_path / "deep" / "out")
    assert len(list((tmp_path / "deep" / "out").iterdir())) == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "deep"]
    assert sorted(image.id for image in sa1b.read(tmp_path / "deep" / "out").images) == [1, 2, 3]


def test_annotations_out_of_order_are_not_lost_silently(dataset: Dataset, tmp_path: Path) -> None:
    reordered = replace(dataset, annotations=tuple(dataset.annotations)[::-1])
    with pytest.raises(FormatError, match="another order"):
        sa1b.write(reordered, tmp_path / "out.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"image": {}, "annotations": []},
        {"image": {"image_id": 1, "width": 3, "height": 3, "file_name": ""}, "annotations": []},
        {"image": {"image_id": 1, "width": 3, "height": 3, "file_name": "x"}, "annotations": [7]},
        {"image": {"image_id": 1, "width": 3, "height": 3, "file_name": "x"}, "annotations": [{"id": 1}]},
        {
            "image": {"image_id": 1, "width": 3, "height": 3, "file_name": "x"},
            "annotations": [{"id": 1, "segmentation": {"size": [2, 2], "counts": "04"}}],
        },
    ],
)
def test_unusable_files_are_named(tmp_path: Path, document: object) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match=r"bad\.json"):
        list(sa1b.read(tmp_path / "bad.json").annotations)


def test_a_folder_without_files(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no \.json file"):
        sa1b.read(tmp_path)


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_verify_says_lossless(dataset: Dataset, tmp_path: Path, name: str) -> None:
    seen: list[int] = []
    sa1b.write(dataset, tmp_path / name)
    found = sa1b.verify(tmp_path / name, dataset, progress=seen.append)
    assert (found.ok, found.checked, found.lossless, found.missing) == (True, 3, 3, 0)
    assert seen == [2, 2, 3]


def test_verify_finds_a_changed_mask_and_missing_ones(dataset: Dataset, tmp_path: Path) -> None:
    sa1b.write(dataset, tmp_path)
    file = tmp_path / "sa_4.json"
    document = json.loads(file.read_text())
    document["annotations"][1]["segmentation"] = encode(np.ones((7, 9), bool)).to_coco()
    file.write_text(json.dumps(document))
    found = sa1b.verify(tmp_path, dataset)
    assert (found.ok, found.checked, found.lossless) == (False, 3, 2)
    assert found.different[0][0] == 2
    assert 0 < found.different[0][1] < 1
    del document["annotations"][1]
    file.write_text(json.dumps(document))
    assert sa1b.verify(tmp_path, dataset).missing == 1
    file.unlink()
    with pytest.raises(FormatError, match=r"sa_4\.json"):
        sa1b.verify(tmp_path, dataset)
