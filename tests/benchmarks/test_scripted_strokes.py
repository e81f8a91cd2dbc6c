"""The simulated hand: strokes correct the error, stay inside the lines, and are sized like a person's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from annotator.evaluation.clicks import iou
from benchmarks.scripted_strokes import LADDER, Stroke, next_stroke

Mask = np.ndarray


def disc(x: int, y: int, radius: int, shape: tuple[int, int] = (160, 200)) -> Mask:
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.hypot(xs - x, ys - y) <= radius)


def paint(shown: Mask, stroke: Stroke) -> Mask:
    """As the editor paints: every pixel within the radius of the path."""
    path = np.ones(shown.shape, np.uint8)
    points = np.array(stroke.points, np.int32).reshape(-1, 1, 2)
    cv2.polylines(path, [points], len(points) == 1, 0)
    near = cv2.distanceTransform(path, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= stroke.radius
    return shown & ~near if stroke.erase else shown | near


def test_nothing_to_correct_needs_no_stroke() -> None:
    wanted = disc(90, 80, 40)
    assert next_stroke(wanted, wanted) is None


def test_a_missing_half_is_painted_with_a_large_brush() -> None:
    wanted = disc(90, 80, 40)
    shown = wanted & (np.arange(200) < 90)
    stroke = next_stroke(shown, wanted)
    assert stroke is not None
    assert not stroke.erase
    assert stroke.radius > 8
    after = paint(shown, stroke)
    assert iou(after, wanted) > 0.85
    assert (after & ~wanted).sum() < 0.03 * wanted.sum()


def test_too_much_is_erased_beside_the_object() -> None:
    wanted = disc(60, 80, 30)
    shown = wanted | disc(130, 80, 25)
    stroke = next_stroke(shown, wanted)
    assert stroke is not None
    assert stroke.erase
    after = paint(shown, stroke)
    assert iou(after, wanted) > iou(shown, wanted)
    assert (wanted & ~after).sum() < 0.02 * wanted.sum()


def test_a_thin_part_gets_a_thin_brush() -> None:
    wanted = disc(60, 80, 30)
    wanted[78:83, 85:180] = True
    stroke = next_stroke(disc(60, 80, 30), wanted)
    assert stroke is not None
    assert stroke.radius < 5
    assert stroke.travel > 60


@pytest.mark.parametrize("seed", range(5))
def test_repeated_strokes_reach_nearly_the_whole_object(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (cv2.GaussianBlur(rng.standard_normal((160, 200)), (0, 0), 12) for _ in range(2))
    wanted, shown = np.asarray(one > 0), np.asarray(one + 0.5 * other > 0)
    scores = [iou(shown, wanted)]
    for _ in range(40):
        stroke = next_stroke(shown, wanted)
        if stroke is None or scores[-1] > 0.95:
            break
        shown = paint(shown, stroke)
        scores.append(iou(shown, wanted))
    assert scores[-1] > 0.95, scores


def test_the_same_error_gives_the_same_stroke() -> None:
    wanted = disc(90, 80, 40)
    shown = disc(80, 80, 35)
    assert next_stroke(shown, wanted) == next_stroke(shown, wanted)


def test_radii_are_a_rising_ladder() -> None:
    assert list(LADDER) == sorted(set(LADDER))
