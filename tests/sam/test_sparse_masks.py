from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from annotator.masks import decode
from annotator.sam import sparse_masks
from annotator.sam.mask_filters import mask_boxes, stability_scores
from annotator.sam.sparse_masks import SparseMasks
from annotator.sam.transforms import input_size, postprocess_masks

SIZES = [(150, 225), (97, 150), (231, 160), (32, 32), (40, 500), (700, 500), (1, 90)]
IMAGE_SIZE, MASK_SIZE = 128, (32, 32)


def field(cells: int, seed: int) -> np.ndarray:
    """Logits (32, 32) with hills of a few samples."""
    random = torch.Generator().manual_seed(seed)
    coarse = 6 * torch.randn(1, 1, cells, cells, generator=random) - 3
    return F.interpolate(coarse, MASK_SIZE, mode="bicubic")[0, 0].numpy()


def sparse(size: tuple[int, int]) -> SparseMasks:
    return SparseMasks(MASK_SIZE, IMAGE_SIZE, input_size(size, IMAGE_SIZE), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cells", [3, 8, 32])
@pytest.mark.parametrize(("threshold", "dense_share"), [(0.0, 1.0), (4.0, 1.0), (0.0, 0.0)])
def test_outlines_and_pixels_equal_those_of_full_size_logits(
    size: tuple[int, int], cells: int, threshold: float, dense_share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse_masks, "CELLS_AT_ONCE", 50)
    monkeypatch.setattr(sparse_masks, "DENSE_SHARE", dense_share)
    masks = sparse(size)
    for seed in range(3):
        logits = field(cells, seed)
        full = postprocess_masks(
            torch.from_numpy(logits)[None, None], input_size(size, IMAGE_SIZE), size, IMAGE_SIZE
        )[0]
        expected = (full > threshold).numpy()
        outline = masks.outline(logits, threshold, 1.0)
        assert outline is not None
        stability = stability_scores(full, threshold, 1.0).numpy()
        assert np.allclose(outline.stability, stability, atol=2 / full.numel(), equal_nan=True)
        assert outline.box == tuple(mask_boxes(expected)[0])
        rle = masks.encode(outline, threshold, (0, 0), size)
        assert np.array_equal(decode(rle), expected[0])


def test_parts_of_an_image_are_encoded_in_their_place() -> None:
    size, whole = (97, 150), (200, 180)
    masks = sparse(size)
    outline = masks.outline(field(8, 0), 0.0, 1.0)
    assert outline is not None
    alone = decode(masks.encode(outline, 0.0, (0, 0), size))
    expected = np.zeros(whole, np.uint8)
    expected[50 : 50 + 97, 30 : 30 + 150] = alone
    assert alone.any()
    assert np.array_equal(decode(masks.encode(outline, 0.0, (30, 50), whole)), expected)


@pytest.mark.parametrize("cells", [3, 8, 32])
def test_unstable_masks_are_refused_and_no_others(cells: int) -> None:
    masks = sparse((150, 225))
    for seed in range(6):
        outline = masks.outline(field(cells, seed), 0.0, 1.0)
        assert outline is not None
        assert masks.outline(field(cells, seed), 0.0, 1.0, float(outline.stability) + 1e-4) is None
        assert masks.outline(field(cells, seed), 0.0, 1.0, float(outline.stability)) is not None


def test_unstable_masks_are_mostly_refused_before_any_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparseMasks, "_values", None)
    assert sparse((150, 225)).outline(field(3, 0), 0.0, 3.0, 0.95) is None


def test_padding_may_be_missing() -> None:
    masks, logits = sparse((150, 225)), field(4, 2)
    whole, cut = masks.outline(logits, 0.0, 1.0), masks.outline(logits[: masks.rows.samples], 0.0, 1.0)
    assert masks.rows.samples < 32
    assert whole is not None
    assert cut is not None
    assert (whole.stability, whole.box) == (cut.stability, cut.box)


def test_an_empty_mask_has_no_pixels() -> None:
    masks = sparse((150, 225))
    outline = masks.outline(np.full(MASK_SIZE, -9.0, np.float32), 0.0, 1.0)
    assert outline is not None
    assert np.isnan(outline.stability)
    assert outline.box == (0, 0, 0, 0)
    assert masks.encode(outline, 0.0, (0, 0), (150, 225)).area == 0
