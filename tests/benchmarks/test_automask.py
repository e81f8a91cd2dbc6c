from __future__ import annotations

import numpy as np
import pytest
import torch

from annotator.masks import encode
from benchmarks.automask import _for_all_points, _matched
from benchmarks.encoder_precision import agreement


def disc(radius: int) -> dict[str, object]:
    y, x = np.mgrid[:80, :90]
    return encode((y - 40) ** 2 + (x - 45) ** 2 <= radius**2).to_coco()


def test_a_mask_without_a_counterpart_counts_against_the_share() -> None:
    assert _matched([disc(20), disc(30)], [disc(30), disc(20), disc(5)]) == 1.0
    assert _matched([disc(20), disc(30)], [disc(29), disc(20)]) == 0.5
    assert _matched([disc(20)], []) == 0.0
    assert _matched([], [disc(20)]) == 0.0


def test_decoding_is_extrapolated_and_encoding_is_not() -> None:
    assert _for_all_points({"seconds": 7.0, "encoding": 5.0, "points": 256}) == pytest.approx(13.0)


def test_agreement_is_iou_and_two_empty_masks_agree() -> None:
    one, other = torch.zeros(3, 4, 4, dtype=torch.bool), torch.zeros(3, 4, 4, dtype=torch.bool)
    one[0, :2], other[0, :1] = True, True
    one[1, 0, 0] = True
    assert agreement(one, other).tolist() == [0.5, 0.0, 1.0]
