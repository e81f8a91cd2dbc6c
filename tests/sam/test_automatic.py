from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from annotator.sam import SamAutomaticMaskGenerator, SamPredictor
from annotator.sam.embedding_file import unpack_embedding
from annotator.sam.grid_decoder import Decoded, GridDecoder
from annotator.sam.predictor import encode_image
from annotator.sam.sparse_masks import SparseMasks
from tests.sam.conftest import Pair, assert_close, photograph

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
    released: Any,
    pair: Pair,
    thresholds: dict[str, float],
    settings: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {**COMMON, **thresholds, **SETTINGS[settings]}
    monkeypatch.setattr(SamAutomaticMaskGenerator, "_decoder", lambda self, masks: self._decode)
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


@pytest.mark.parametrize("settings", ["plain", "crops"])
def test_the_released_generator_finds_the_same_masks(
    released: Any, pair: Pair, thresholds: dict[str, float], settings: str
) -> None:
    options = {**COMMON, **thresholds, **SETTINGS[settings], "points_per_side": 6, "box_nms_thresh": 0.95}
    found = SamAutomaticMaskGenerator(pair.ours, **options).generate(IMAGE)
    expected = released.SamAutomaticMaskGenerator(pair.reference, **options).generate(IMAGE)
    assert len(expected) >= 10
    for some, others in ((found, expected), (expected, found)):
        best = [
            max(_iou(record["segmentation"], wanted["segmentation"]) for record in others) for wanted in some
        ]
        assert np.mean(np.array(best) >= 0.99) >= 0.99


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


def test_logits_are_made_only_of_masks_that_pass_the_iou_filter(
    pair: Pair, thresholds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    original = GridDecoder.draw

    def counting(self: GridDecoder, decoded: Decoded, prompt: int, masks: torch.Tensor, rows: int) -> Any:
        drawn.append(len(masks))
        assert rows == 6  # of 8: the rest is padding
        return original(self, decoded, prompt, masks, rows)

    monkeypatch.setattr(GridDecoder, "draw", counting)
    SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds}).generate(IMAGE)
    assert 0 < sum(drawn) < 0.8 * 48


def test_a_stored_embedding_saves_the_encoding(
    pair: Pair, thresholds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds})
    expected = generator.generate(IMAGE)
    stored = unpack_embedding(encode_image(pair.ours, IMAGE, image_sha256="0" * 64))
    monkeypatch.setattr(pair.ours, "embed", None)
    found = generator.generate(IMAGE, embedding=stored)  # of half the digits
    assert abs(len(found) - len(expected)) <= 1
    assert _iou(found[0]["segmentation"], expected[0]["segmentation"]) > 0.95
    with pytest.raises(ValueError, match="embedding of an image of"):
        generator.generate(IMAGE[:50], embedding=stored)


def test_crops_one_at_a_time_give_the_same_and_report_progress(
    pair: Pair, thresholds: dict[str, float]
) -> None:
    generator = SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds, **SETTINGS["crops"]})
    shares: list[float] = []
    expected = generator.generate(IMAGE, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 5
    parts = [generator.process_crop(IMAGE, index) for index in range(len(generator.crops(IMAGE.shape)))]
    assert len(parts) == 5
    found = generator.merge(pickle.loads(pickle.dumps(parts)))
    assert [record["bbox"] for record in found] == [record["bbox"] for record in expected]


@torch.no_grad()
def test_other_devices_decode_in_large_batches(pair: Pair, thresholds: dict[str, float]) -> None:
    generator = SamAutomaticMaskGenerator(pair.ours, **{**COMMON, **thresholds})
    generator.predictor.set_image(IMAGE)
    points = np.array([[20.0, 30.0], [100.0, 60.0]])
    plain = list(generator._decode(points))
    config = pair.ours.config
    masks = SparseMasks(config.mask_size, config.image_size, generator.predictor.input_size, IMAGE.shape[:2])
    quick = list(generator._decoder(masks)(points))
    assert [index for index, *_ in plain] == [index for index, *_ in quick]
    for (_, iou, logits), (_, quick_iou, quick_logits) in zip(plain, quick, strict=True):
        assert quick_iou == pytest.approx(iou, abs=1e-5)
        assert_close(quick_logits, logits[: len(quick_logits)], 1e-5)


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
