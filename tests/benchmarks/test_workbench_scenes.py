"""The objects that the workbench is measured with are the masks that they claim to be."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from annotator.masks import decode, encode
from benchmarks.workbench_scenes import photograph, placed, spread_objects


@pytest.mark.parametrize(("left", "top"), [(0, 0), (5, 3), (13, 0), (0, 14)])
def test_a_placed_window_is_the_mask_of_the_whole_image(left: int, top: int) -> None:
    window = np.random.default_rng(left + top).random((6, 7)) < 0.6
    whole = np.zeros((20, 20), bool)
    whole[top : top + 6, left : left + 7] = window
    assert placed(window, left, top, 20, 20) == encode(whole)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_spread_objects_are_apart_from_each_other(count: int) -> None:
    masks = spread_objects(300, 400, count)
    covered = sum(decode(mask).astype(int) for mask in masks)
    assert len(masks) == count
    assert min(mask.area for mask in masks) > 30
    assert covered.max() == 1


def test_a_photograph_has_its_size_and_differs_by_seed() -> None:
    first, again, other = (photograph(48, 64, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert Image.open(io.BytesIO(first)).size == (64, 48)
