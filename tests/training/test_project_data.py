"""The frozen data of a run: who is held back, what is written, what is reduced."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotator import masks
from annotator.training.photographs import read_sources
from annotator.training.project_data import (
    LabelledImage,
    LabelledMask,
    held_back,
    link_or_copy,
    read_folder,
    write_snapshot,
)


def digests(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_who_is_held_back_depends_on_the_image_alone() -> None:
    first, more = held_back(digests(100)), held_back(digests(400))
    assert first == more & set(digests(100))
    assert 10 < len(first) < 30


def test_one_image_is_always_held_back_and_one_trained_on() -> None:
    alone = [f"{number:08x}" + "0" * 56 for number in (1, 2, 3)]
    assert held_back(alone) == {alone[0]}
    both = [f"{number:08x}" + "0" * 56 for number in (5, 10)]
    assert held_back(both) == {both[0]}
    with pytest.raises(ValueError, match="training needs two"):
        held_back(alone[:1])


def test_a_snapshot_reads_back_and_large_images_shrink(tmp_path: Path) -> None:
    bitmap = np.zeros((60, 120), np.uint8)
    bitmap[10:50, 20:100] = 1
    images = []
    for number, digest in enumerate(digests(2)):
        file = tmp_path / f"{number}.png"
        Image.new("RGB", (120, 60), (number * 90, 40, 40)).save(file)
        masks_of = (LabelledMask(f"m{number}", "leaf", masks.encode(bitmap)),)
        images.append(LabelledImage(digest, ".png", link_or_copy(file), masks_of))
    counts = write_snapshot(tmp_path / "data", {"project": images}, {digests(2)[1]}, longest=60)
    assert (counts.images, counts.masks, counts.held_images, counts.held_masks) == (1, 1, 1, 1)
    assert counts.categories == {"leaf": 2}
    trained = read_sources(tmp_path / "data" / "train")["project"][0].load()
    assert trained.image.shape == (30, 60, 3)
    assert trained.mask(1).sum() == 20 * 40
    held = json.loads((tmp_path / "data" / "held" / "project" / "instances.json").read_text())
    assert [each["uuid"] for each in held["annotations"]] == ["m1"]
    assert held["categories"] == [{"id": 1, "name": "leaf"}]
    assert held["images"][0]["width"] == 120


def test_a_coco_folder_becomes_a_snapshot(labelled_folder: Path) -> None:
    sources = read_folder(labelled_folder)
    assert {name: len(images) for name, images in sources.items()} == {"dots": 2, "leaves": 1}
    assert {each.category for image in sources["dots"] for each in image.masks} == {"dots"}


def test_an_sa1b_folder_is_read(tmp_path: Path) -> None:
    bitmap = np.zeros((20, 30), np.uint8)
    bitmap[5:15, 5:25] = 1
    Image.new("RGB", (30, 20)).save(tmp_path / "sa_1.jpg")
    body = {
        "image": {"image_id": 1, "width": 30, "height": 20, "file_name": "sa_1.jpg"},
        "annotations": [{"id": 1, "segmentation": masks.encode(bitmap).to_coco()}],
    }
    (tmp_path / "sa_1.json").write_text(json.dumps(body))
    (tmp_path / "other.json").write_text("[]")
    sources = read_sources(tmp_path)
    assert [len(images) for images in sources.values()] == [1]
    assert next(iter(sources.values()))[0].load().mask(1).sum() == 200
