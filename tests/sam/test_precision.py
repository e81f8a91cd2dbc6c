from __future__ import annotations

from typing import Any

import pytest
import torch

from annotator.sam import precision, products
from annotator.sam.config import PRESETS
from annotator.sam.embedding_file import unpack_embedding
from annotator.sam.model import Sam
from annotator.sam.precision import choose, error
from annotator.sam.predictor import encode_image, encode_images
from tests.sam.conftest import LANDSCAPE, PORTRAIT, Pair, assert_close, photograph


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
    assert 0 < error(sam) < 0.05


@pytest.mark.parametrize("part", ["neck", "details"])
def test_what_follows_a_bfloat16_vit_stays_exact(part: str) -> None:
    sam = Sam(PRESETS["bundled"].with_image_size(64)).eval()
    sam.precision = "fast"
    seen: list[tuple[torch.Tensor, ...]] = []
    module = getattr(sam.image_encoder, part)
    module.register_forward_hook(lambda _, inputs, output: seen.append((*inputs, output)))
    sam.embed(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    *inputs, found = seen[0]
    with torch.no_grad():
        assert torch.equal(found, module.forward(*inputs))
    assert found.dtype == torch.float32


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


def test_several_images_in_one_pass_give_the_same_files(sam: Any) -> None:
    images = [photograph(LANDSCAPE), photograph(PORTRAIT, seed=1)]
    names = ["a" * 64, "b" * 64]
    together = encode_images(sam, images, names)
    for file, image, name in zip(together, images, names, strict=True):
        found = unpack_embedding(file)
        alone = unpack_embedding(encode_image(sam, image, image_sha256=name))
        assert_close(found.embedding.astype("f4"), alone.embedding.astype("f4"), 2e-3)
        assert (found.input_size, found.original_size) == (alone.input_size, alone.original_size)
        assert found.image_sha256 == name


def test_the_fused_kernel_of_gpus_adds_the_relative_positions(sam: Any) -> None:
    attention = sam.image_encoder.blocks[1].attn
    q, k, v = torch.randn(3, 2, 2, 64, 16, generator=torch.Generator().manual_seed(1)).unbind(0)
    with torch.enable_grad():
        products = attention._attend(q, k, v, 8, 8)
    with torch.no_grad():
        fused = attention._attend(q, k, v, 8, 8)
        without = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert_close(fused, products, 1e-5)
    assert not torch.allclose(fused, without, atol=1e-3)
