"""Two models compared: rows, intervals, pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from annotator.evaluation.clicks import Answer, Click
from annotator.evaluation.comparison import COLUMNS, compare, estimate, held_objects
from annotator.masks import encode


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Three images of a square each, two "leaf" and one "fruit"."""
    (tmp_path / "project" / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(3):
        bitmap = np.zeros((40, 40), np.uint8)
        bitmap[10:30, 8 + number : 28 + number] = 1
        Image.fromarray(bitmap * 255).convert("RGB").save(tmp_path / "project" / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 40, "height": 40})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1 + number // 2,
                "area": 400,
                "segmentation": encode(bitmap).to_coco(),
            }
        )
    body = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "leaf"}, {"id": 2, "name": "fruit"}],
    }
    (tmp_path / "project" / "instances.json").write_text(json.dumps(body))
    return tmp_path


class Opened:
    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask

    def answer(self, clicks: tuple[Click, ...], box: tuple[int, int, int, int] | None) -> Answer:
        return Answer(self.mask)


class Threshold:
    """Answers everything with the bright pixels, of all columns but the first `missing` of the object."""

    def __init__(self, name: str, missing: int) -> None:
        self.name, self.missing = name, missing

    def open(self, image: NDArray[np.uint8]) -> Opened:
        mask = image[..., 0] > 128
        first = int(np.flatnonzero(mask.any(0))[0])
        mask[:, first : first + self.missing] = False
        return Opened(mask)


def test_every_category_has_its_row(held: Path) -> None:
    objects = held_objects(held)
    seen: list[tuple[int, int]] = []
    result = compare(
        Threshold("old", 10), Threshold("new", 5), objects, lambda done, all_: seen.append((done, all_))
    )
    assert [row["category"] for row in result["rows"]] == ["", "fruit", "leaf"]
    assert [row["objects"] for row in result["rows"]] == [3, 1, 2]
    for row in result["rows"]:
        for column in COLUMNS:
            assert row["old"][column]["mean"] == 0.5
            assert row["new"][column]["mean"] == 0.75
            assert row["difference"][column] == {"mean": 0.25, "interval": [0.25, 0.25]}
    assert seen[-1] == (6, 6)
    json.dumps(result)


def test_objects_are_the_same_every_time_and_limited(held: Path) -> None:
    assert held_objects(held, most=2) == held_objects(held, most=2)
    assert len(held_objects(held, most=2)) == 2


def test_an_interval_holds_the_mean_and_narrows() -> None:
    rng = np.random.default_rng(0)
    few, many = estimate(rng.random(10)), estimate(rng.random(1000))
    for each in (few, many):
        assert each["interval"][0] < each["mean"] < each["interval"][1]
    assert many["interval"][1] - many["interval"][0] < 0.3 * (few["interval"][1] - few["interval"][0])
