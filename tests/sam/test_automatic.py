from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from annotator.sam import SamAutomaticMaskGenerator, SamPredictor
from tests.sam.conftest import Pair, photograph

# Random weights are unsure of everything and nearly blind to the prompt: a high mask threshold makes their masks small
# and different, and the filters are set so that some pass and some do not.
COMMON: dict[str, Any] = {
    "points_per_side": 4,
    "points_per_batch": 4,
    "stability_score_offset": 0.005,
    "box_nms_thresh": 0.8,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rle": {"output_mode": "uncompressed_rle"},
    "coco": {"output_mode": "coco_rle"},
    "crops": {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2},
    "own grid": {"points_per_side": None, "point_grids": [np.array([[0.25, 0.5], [0.7, 0.3]])]},
    "small regions": {"min_mask_region_area": 5},
    "no filters": {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 0.95},
}
IMAGE = photograph((90, 140))


@pytest.fixture
def pair(tiny: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    predictor = SamPredictor(tiny.ours)
    predictor.set_image(IMAGE)
    logits, *_ = predictor.predict(np.array([[70, 40]]), np.array([1]), return_logits=True)
    threshold = float(np.quantile(logits, 0.98))
    monkeypatch.setattr(tiny.ours, "mask_threshold", threshold)
    monkeypatch.setattr(tiny.reference, "mask_threshold", threshold)
    return tiny


@pytest.fixture
def thresholds(pair: Pair) -> dict[str, float]:
    """Quantiles of what the random model predicts on the image, so that both filters bite."""
    options = {**COMMON, "pred_iou_thresh": -100.0, "stability_score_thresh": -1.0, "box_nms_thresh": 1.0}
    everything = SamAutomaticMaskGenerator(pair.ours, **options).generate(IMAGE)
    assert len(everything) == 48
    return {
        "pred_iou_thresh": float(np.quantile([record["predicted_iou"] for record in everything], 0.3)),
        "stability_score_thresh": float(
            np.quantile([record["stability_score"] for record in everything], 0.2)
        ),
    }


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray):
        return found.dtype == expected.dtype and np.array_equal(found, expected)
    return bool(found == expected)


@pytest.mark.parametrize("settings", SETTINGS)
def test_records_equal_the_released_ones(
    released: Any, pair: Pair, thresholds: dict[str, float], settings: str
) -> None:
    options = {**COMMON, **thresholds, **SETTINGS[settings]}
    found = SamAutomaticMaskGenerator(pair.ours, **options).generate(IMAGE)
    generator = released.SamAutomaticMaskGenerator(pair.reference, **options)
    # The same logits to the last bit, so that nothing but the steps behind them is compared.
    generator.predictor = SamPredictor(pair.ours)
    expected = generator.generate(IMAGE)
    assert len(expected) >= 2
    assert len(found) == len(expected)
    for record, wanted in zip(found, expected, strict=True):
        assert list(record) == list(wanted)
        for key in wanted:
            assert _same(record[key], wanted[key]), key


def test_the_released_model_finds_the_same_objects(
    released: Any, pair: Pair, thresholds: dict[str, float]
) -> None:
    options = {**COMMON, **thresholds, "box_nms_thresh": 1.0}
    found = SamAutomaticMaskGenerator(pair.ours, **options).generate(IMAGE)
    expected = released.SamAutomaticMaskGenerator(pair.reference, **options).generate(IMAGE)
    assert abs(len(found) - len(expected)) <= 1  # one may lie on a threshold
    best = [
        max(_iou(record["segmentation"], wanted["segmentation"]) for record in found) for wanted in expected
    ]
    assert np.quantile(best, 0.05) > 0.99


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_filters_and_suppression_bite(pair: Pair, thresholds: dict[str, float]) -> None:
    def count(**options: Any) -> int:
        return len(
            SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds, **options}).generate(IMAGE)
        )

    kept = count(box_nms_thresh=1.0)
    assert 0 < kept < count(box_nms_thresh=1.0, pred_iou_thresh=-100.0)
    assert kept < count(box_nms_thresh=1.0, stability_score_thresh=0.0)
    assert kept > count(box_nms_thresh=0.5)
    assert count(pred_iou_thresh=100.0) == 0
    assert count(pred_iou_thresh=100.0, crop_n_layers=1, min_mask_region_area=5) == 0


def test_masks_below_the_iou_threshold_are_never_brought_to_full_size(
    pair: Pair, thresholds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = pair.ours.postprocess_masks

    def counting(masks: torch.Tensor, *sizes_: Any) -> torch.Tensor:
        sizes.append(masks.shape[1])
        return original(masks, *sizes_)

    monkeypatch.setattr(pair.ours, "postprocess_masks", counting)
    SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds}).generate(IMAGE)
    assert 0 < sum(sizes) < 0.8 * 48


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"points_per_side": None}, "exactly one"),
        ({"points_per_side": 4, "point_grids": [np.zeros((1, 2))]}, "exactly one"),
        ({"output_mode": "polygons"}, "'polygons'"),
        ({"points_per_side": None, "point_grids": [np.zeros((1, 2))], "crop_n_layers": 1}, "2 point grids"),
    ],
)
def test_contradictory_arguments_are_refused(tiny: Pair, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SamAutomaticMaskGenerator(tiny.ours, **options)
