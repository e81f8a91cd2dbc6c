"""Recall and precision of proposals, worked out on masks drawn by hand; the command end to end on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotator.evaluation.objects import read_images
from annotator.evaluation.proposals import (
    DetectorProposer,
    GridProposer,
    Proposed,
    boxed_images,
    markdown,
    measure,
    summarise,
)
from annotator.masks import encode
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam
from annotator.training.detector import ObjectDetector

HEIGHT, WIDTH = 40, 60


def box(x: int, y: int, width: int, height: int) -> dict[str, object]:
    bitmap = np.zeros((HEIGHT, WIDTH), np.uint8)
    bitmap[y : y + height, x : x + width] = 1
    return encode(bitmap).to_coco()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One set of two images with two rectangles each."""
    from PIL import Image

    (tmp_path / "set" / "images").mkdir(parents=True)
    body: dict[str, list[dict[str, object]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "a"}],
    }
    for number in (1, 2):
        Image.new("RGB", (WIDTH, HEIGHT), (number * 60, 90, 90)).save(
            tmp_path / "set" / "images" / f"{number}.png"
        )
        body["images"].append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
        for x in (2, 32):
            body["annotations"].append(
                {
                    "id": len(body["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "area": 400,
                    "segmentation": box(x, 5, 20, 20),
                }
            )
    (tmp_path / "set" / "instances.json").write_text(json.dumps(body))
    return tmp_path


class Scripted:
    """The left rectangle exactly, the right one at IoU 0.75, and nonsense; two of them confident."""

    name = "scripted"

    def propose(self, image: NDArray[np.uint8]) -> Proposed:
        return Proposed([box(2, 5, 20, 20), box(0, 30, 60, 10), box(32, 5, 20, 15)], confident=2)


def test_figures_by_hand(folder: Path) -> None:
    objects = read_images(folder, ("set",), "all", 2)
    summary = summarise(list(measure(Scripted(), objects)))
    assert summary["set"]["recall"] == 1.0
    # Ten thresholds: the exact mask passes all, the other those up to 0.75, six of ten.
    assert summary["set"]["average_recall"] == pytest.approx((1 + 0.6) / 2)
    assert summary["set"]["precision"] == 0.5
    assert summary["set"]["confident_recall"] == 0.5
    assert summary["set"]["confident"] == 2.0
    assert summary["mean"] == summary["set"]
    assert "| mean | scripted | 1.00 | 0.80 | 2.0 | 0.50 |" in markdown({"scripted": summary})


def test_both_proposers_answer(folder: Path) -> None:
    sam = Sam(PRESETS["tiny"]).eval()
    objects = read_images(folder, ("set",), "all", 1)
    detector = ObjectDetector(256, input_size=128, base_digest=sam.digest)
    for proposer in (GridProposer(sam), DetectorProposer(sam, detector)):
        [figures] = measure(proposer, objects)
        assert figures.objects == 2
        assert figures.confident <= 100
        assert (np.diff(figures.found) <= 0).all()


def test_boxes_are_in_the_models_frame(folder: Path) -> None:
    sam = Sam(PRESETS["tiny"]).eval()
    [image, _] = boxed_images(sam, read_images(folder, ("set",), "all", 2))
    scale = 128 / WIDTH
    assert image.embedding.shape == (256, 8, 8)
    assert image.boxes[0].tolist() == pytest.approx([2 * scale, 5 * scale, 22 * scale, 25 * scale], rel=0.02)
