"""The protocol, on segmenters whose answers are known beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotator.evaluation.clicks import (
    Answer,
    Bitmap,
    Click,
    bounding_box,
    first_click,
    iou,
    measure,
    measure_object,
    next_click,
)
from annotator.evaluation.objects import LabelledObject, read_objects

Box = tuple[int, int, int, int]


class Patches:
    """Marks the 5 × 5 pixels around each foreground click and the inside of a box; remembers what it was asked."""

    name = "patches"

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[Click, ...], Box | None]] = []

    def open(self, image: np.ndarray) -> Patches:
        self.shape = image.shape[:2]
        return self

    def answer(self, clicks: tuple[Click, ...], box: Box | None) -> Answer:
        self.asked.append((clicks, box))
        mask = np.zeros(self.shape, bool)
        if box:
            mask[box[1] : box[3], box[0] : box[2]] = True
        for click in clicks:
            mask[max(0, click.y - 2) : click.y + 3, max(0, click.x - 2) : click.x + 3] = click.inside
        nothing = np.zeros_like(mask)
        return Answer(mask, (nothing, mask, nothing), (("mask 0", nothing),), 0.5)


def square(size: int = 40, low: int = 10, high: int = 30) -> Bitmap:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def item() -> LabelledObject:
    return LabelledObject("set", Path("image.png"), 1, 400, {})


def test_the_first_click_is_the_middle() -> None:
    click = first_click(square(40, 10, 31))
    assert (click.x, click.y, click.inside) == (20, 20, True)


def test_a_mask_at_the_border_is_clicked_away_from_it() -> None:
    mask = np.zeros((30, 30), bool)
    mask[:, :11] = True
    assert first_click(mask).x == 5


def test_the_next_click_goes_to_the_largest_error() -> None:
    wanted = square()
    shown = wanted.copy()
    shown[10:14, 10:14] = False  # 16 pixels missing
    shown[33:39, 33:39] = True  # 36 pixels too many
    click = next_click(shown, wanted)
    assert click is not None
    assert not click.inside
    assert 33 <= click.x < 39
    assert 33 <= click.y < 39


def test_no_error_needs_no_click() -> None:
    assert next_click(square(), square()) is None


def test_boxes_end_after_the_last_pixel() -> None:
    assert bounding_box(square(40, 10, 30)) == (10, 10, 30, 30)


def test_iou_by_hand() -> None:
    assert iou(square(40, 10, 20), square(40, 15, 25)) == pytest.approx(25 / 175)
    assert iou(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 1.0


def test_columns_of_a_known_segmenter() -> None:
    """Each click adds 25 of 400 pixels at most; a box is the square itself."""
    patches, wanted = Patches(), square()
    outcome = measure_object(patches, item(), np.zeros((40, 40, 3), np.uint8), wanted)
    assert outcome.columns["1"] == pytest.approx(25 / 400)
    assert outcome.columns["oracle"] == pytest.approx(25 / 400)
    assert outcome.columns["mask 0"] == 0
    assert outcome.columns["2"] == pytest.approx(50 / 400)
    assert outcome.columns["9"] > outcome.columns["5"] > outcome.columns["3"]
    assert outcome.columns["box"] == outcome.columns["box+1"] == 1.0
    assert outcome.predicted_iou == 0.5


def test_clicks_accumulate_and_objects_start_afresh() -> None:
    patches = Patches()
    measure_object(patches, item(), np.zeros((40, 40, 3), np.uint8), square())
    counts = [len(clicks) for clicks, box in patches.asked if box is None]
    assert counts == list(range(1, 10))
    assert patches.asked[-1] == ((), (10, 10, 30, 30))  # a perfect box is not refined


def test_a_perfect_answer_ends_early_and_fills_the_columns() -> None:
    class Perfect(Patches):
        def answer(self, clicks: tuple[Click, ...], box: Box | None) -> Answer:
            super().answer(clicks, box)
            return Answer(square())

    perfect = Perfect()
    outcome = measure_object(perfect, item(), np.zeros((40, 40, 3), np.uint8), square())
    assert set(outcome.columns.values()) == {1.0}
    assert len(perfect.asked) == 2


def test_every_object_is_measured(measuring_folder: Path) -> None:
    objects = read_objects(measuring_folder, ("discs",), "all", 5)
    outcomes = list(measure(Patches(), objects))
    assert [outcome.item for outcome in outcomes] == objects
