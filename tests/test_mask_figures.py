"""Centre and concavity against the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.mask_figures import centre, concavity
from annotator.masks import encode


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_the_centre_is_the_mean_of_the_pixels(height: int, width: int, seed: int) -> None:
    bitmap = np.random.default_rng(seed).random((height, width)) < 0.6
    ys, xs = np.nonzero(bitmap)
    expected = (xs.mean(), ys.mean()) if xs.size else (0.0, 0.0)
    assert centre(encode(bitmap)) == pytest.approx(expected)


def test_convex_masks_have_no_concavity() -> None:
    bitmap = np.zeros((20, 30), dtype=bool)
    assert concavity(encode(bitmap)) == 0.0
    bitmap[3:9, 5:25] = True
    assert concavity(encode(bitmap)) == 0.0
    assert concavity(encode(np.ones((20, 30), dtype=bool))) == 0.0


def test_concavity_of_an_angle() -> None:
    """An L of two bars, 1 × 10 and 10 × 1 pixels: its hull is the square without a triangle of 9 × 9."""
    bitmap = np.zeros((12, 12), dtype=bool)
    bitmap[1:11, 1] = bitmap[10, 1:11] = True
    assert concavity(encode(bitmap)) == pytest.approx(1 - 19 / (100 - 81 / 2))


def test_a_run_over_several_columns_counts_in_each() -> None:
    bitmap = np.zeros((4, 5), dtype=bool)
    bitmap[2:, 1] = bitmap[:, 2] = bitmap[:2, 3] = True
    rle = encode(bitmap)
    assert rle.runs.size == 3
    assert centre(rle) == pytest.approx((2.0, 1.5))
