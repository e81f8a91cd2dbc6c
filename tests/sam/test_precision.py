from __future__ import annotations

from typing import Any

import pytest
import torch

from annotator.sam import precision, products
from annotator.sam.precision import TOLERATED_ERROR, choose, error
from tests.sam.conftest import Pair, assert_close


@pytest.fixture
def sam(tiny: Pair, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(tiny.ours, "precision", "exact")
    return tiny.ours


def test_fast_embeddings_are_float32_and_close(sam: Any) -> None:
    images = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    exact = sam.embed(images)
    sam.precision = "fast"
    fast = sam.embed(images)
    assert fast.dtype == torch.float32
    assert not torch.equal(fast, exact)
    assert_close(fast, exact, 0.05)
    assert 0 < error(sam) < TOLERATED_ERROR


@pytest.mark.parametrize(
    ("quick", "wrong_by", "chosen"), [(True, 0.001, "fast"), (True, 0.1, "exact"), (False, 0.001, "exact")]
)
def test_unless_told_otherwise_a_measurement_decides(
    sam: Any, monkeypatch: pytest.MonkeyPatch, quick: bool, wrong_by: float, chosen: str
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16_products", lambda: quick)
    monkeypatch.setattr(precision, "error", lambda _: wrong_by)
    assert choose(sam, None) == sam.precision == chosen
    assert choose(sam, "fast") == sam.precision == "fast"
    assert choose(sam, "exact") == sam.precision == "exact"


def test_products_are_the_same_without_the_quick_kernels(sam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    quick = sam.embed(images)
    monkeypatch.setattr(products, "_has_fused_products", lambda _: False)
    assert_close(sam.embed(images), quick, 1e-5)
