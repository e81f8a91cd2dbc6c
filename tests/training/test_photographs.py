"""Photographs come out nested, and sources share by the square root of their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotator.training.photographs import nest, read_sources, source_weights


def test_a_mask_inside_another_becomes_its_part(labelled_folder: Path) -> None:
    scene = read_sources(labelled_folder)["leaves"][0].load()
    assert scene.ancestors.tolist() == [[0, 0, 0], [1, 0, 0], [1, 2, 0]]
    assert (scene.mask(2) <= scene.mask(1)).all()
    assert scene.nodes[30, 50] == 2
    assert scene.nodes[30, 10] == 1
    assert scene.nodes[0, 0] == 0


def test_side_by_side_masks_stay_wholes(labelled_folder: Path) -> None:
    scene = read_sources(labelled_folder)["dots"][0].load()
    assert (scene.ancestors[1:, 1:] == 0).all()
    assert len(scene.ancestors) == 4


def test_nesting_stops_at_three_levels_and_drops_what_fills_the_image() -> None:
    bitmaps = [np.zeros((40, 40), bool) for _ in range(5)]
    for bitmap, margin in zip(bitmaps, (0, 5, 9, 13, 17), strict=True):
        bitmap[margin : 40 - margin, margin : 40 - margin] = True
    nodes, ancestors = nest(bitmaps, (40, 40))
    assert ancestors.tolist()[1:] == [[1, 0, 0], [1, 2, 0], [1, 2, 3], [1, 2, 4]]
    assert nodes[0, 0] == 0  # the mask of the whole image is not an object
    assert nodes[20, 20] == 4


def test_small_sources_are_heard(labelled_folder: Path) -> None:
    weights = source_weights(read_sources(labelled_folder))
    assert weights["dots"] / weights["leaves"] == pytest.approx(2**0.5)
    assert sum(weights.values()) == pytest.approx(1)


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"instances\.json"):
        read_sources(tmp_path)
