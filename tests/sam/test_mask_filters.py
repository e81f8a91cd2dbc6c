from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch

from annotator.sam.mask_filters import (
    crop_boxes,
    mask_boxes,
    point_grid,
    remove_small_regions,
    stability_scores,
    suppress,
    touches_crop_edge,
)
from tests.sam.conftest import _nms


@pytest.fixture(scope="module")
def amg(released: Any) -> Any:
    return importlib.import_module("segment_anything.utils.amg")


@pytest.mark.parametrize("side", [1, 2, 7, 32])
def test_point_grid(amg: Any, side: int) -> None:
    assert np.array_equal(point_grid(side), amg.build_point_grid(side))


@pytest.mark.parametrize("size", [(100, 100), (1500, 2250), (31, 77)])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_crop_boxes(amg: Any, size: tuple[int, int], layers: int) -> None:
    boxes, layer_of = amg.generate_crop_boxes(size, layers, 512 / 1500)
    assert crop_boxes(size, layers, 512 / 1500) == [
        (layer, tuple(box)) for layer, box in zip(layer_of, boxes, strict=True)
    ]


def test_stability_scores(amg: Any) -> None:
    logits = torch.randn(6, 20, 30, generator=torch.Generator().manual_seed(0)) * 2
    assert torch.equal(stability_scores(logits, 0.1, 1.0), amg.calculate_stability_score(logits, 0.1, 1.0))
    assert stability_scores(torch.full((1, 4, 4), -9.0), 0.0, 1.0).isnan().all()


def test_mask_boxes(amg: Any) -> None:
    random = np.random.default_rng(0)
    masks = random.random((9, 13, 17)) > 0.97
    masks[0] = False
    masks[1] = True
    assert np.array_equal(mask_boxes(masks), amg.batched_mask_to_box(torch.from_numpy(masks)).numpy())


def test_touches_crop_edge(amg: Any) -> None:
    random = np.random.default_rng(1)
    boxes = np.sort(random.integers(0, 120, (200, 2, 2)), axis=1).reshape(200, 4)
    for crop in ((0, 0, 120, 120), (40, 30, 160, 150), (80, 80, 200, 200)):
        expected = amg.is_box_near_crop_edge(torch.from_numpy(boxes), list(crop), [0, 0, 200, 200]).numpy()
        assert np.array_equal(touches_crop_edge(boxes, crop, (200, 200)), expected)
        assert crop[0] == 0 or expected.any()


@pytest.mark.parametrize("threshold", [0.3, 0.7, 1.0])
def test_suppress_equals_its_definition(threshold: float) -> None:
    random = np.random.default_rng(2)
    boxes = np.sort(random.integers(0, 30, (150, 2, 2)), axis=1).reshape(150, 4)
    boxes[:5] = 0  # no area
    scores = random.integers(0, 20, 150).astype(np.float32) / 20  # with ties
    expected = _nms(torch.from_numpy(boxes).float(), torch.from_numpy(scores), torch.zeros(150), threshold)
    keep = suppress(boxes, scores, threshold)
    assert keep.tolist() == expected.tolist()
    assert len(keep) < 150 or threshold == 1.0


def test_suppress_of_nothing() -> None:
    assert suppress(np.zeros((0, 4), np.int64), np.zeros(0, np.float32), 0.7).tolist() == []


@pytest.mark.parametrize("seed", range(12))
def test_remove_small_regions(amg: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((24, 30)) > random.uniform(0.1, 0.9)
    mask[3:9, 4:20] = seed % 2 == 0
    for area in (1, 4, 30, 10_000):
        expected, holes = amg.remove_small_regions(mask, area, "holes")
        expected, islands = amg.remove_small_regions(expected, area, "islands")
        found, changed = remove_small_regions(mask, area)
        assert np.array_equal(found, expected)
        assert changed == (holes or islands)
