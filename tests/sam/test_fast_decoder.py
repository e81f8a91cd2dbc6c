"""The rearranged decoder is the same function as the plain one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from annotator.sam.config import PRESETS
from annotator.sam.fast_decoder import Click, MaskPrompt, Prelude, Prepared, Upscale, no_mask_rows
from annotator.sam.image_rows import before_norms, centred
from annotator.sam.model import Sam

LABELS = {2: [1, -1], 3: [1, 2, 3], 6: [1, 0, 2, 3, 1, 0]}


@pytest.fixture(scope="module", params=["tiny", "bundled"])
def sam(request: pytest.FixtureRequest) -> Sam:
    """Random weights, biases and gains away from 0 and 1, and drawn and matched prompts that matter."""
    torch.manual_seed(7)
    model = Sam(PRESETS[request.param]).eval()
    for parameter in [*model.prompt_encoder.parameters(), *model.mask_decoder.parameters()]:
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def _decoded(
    sam: Sam, prelude: tuple[Prepared, Tensor], coords: Tensor, labels: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """All masks (4, 4h, 4w) and their predicted IoU."""
    prepared, pixels = prelude
    height, width = sam.config.embedding_size
    drawing, iou = Click(sam)(prepared, coords, labels, rows)
    return Upscale(sam)(pixels, drawing, torch.tensor([0, height, 0, width])), iou


@pytest.mark.parametrize("mask_prompt", [False, True])
@pytest.mark.parametrize("prompts", sorted(LABELS))
@torch.no_grad()
def test_click_equals_the_plain_decoder(sam: Sam, prompts: int, mask_prompt: bool) -> None:
    height, width = sam.config.embedding_size
    embedding = torch.randn(1, 256, height, width)
    coords = torch.rand(1, prompts, 2) * sam.config.image_size
    labels = torch.tensor([LABELS[prompts]], dtype=torch.float32)
    mask = 5 * torch.randn(1, 1, 4 * height, 4 * width) if mask_prompt else None

    encoder = sam.prompt_encoder
    expected_masks, expected_iou = sam.mask_decoder.predict_masks(
        embedding,
        encoder.get_dense_pe(),
        encoder.embed_tokens(coords, labels),
        encoder.embed_dense(coords, labels, mask, encoder.match_features(embedding)),
    )
    rows = no_mask_rows(sam) if mask is None else MaskPrompt(sam)(mask)
    masks, iou = _decoded(sam, Prelude(sam)(embedding), coords, labels, rows)

    assert masks.shape == expected_masks[0].shape
    assert (masks - expected_masks[0]).abs().max() <= 1e-5 * expected_masks.abs().max()
    assert (iou - expected_iou[0]).abs().max() <= 1e-5 * expected_iou.abs().max()


@torch.no_grad()
def test_one_prelude_serves_many_prompts(sam: Sam) -> None:
    height, width = sam.config.embedding_size
    prelude = Prelude(sam)(torch.randn(1, 256, height, width))
    labels, rows = torch.tensor([[1.0, -1.0]]), no_mask_rows(sam)
    here = _decoded(sam, prelude, torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), labels, rows)[0]
    there = _decoded(sam, prelude, torch.tensor([[[90.0, 70.0], [0.0, 0.0]]]), labels, rows)[0]
    again = _decoded(sam, prelude, torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), labels, rows)[0]
    assert torch.equal(here, again)
    assert not torch.equal(here, there)


def test_layers_other_than_two_work() -> None:
    config = PRESETS["tiny"]
    for depth in (1, 3):
        model = Sam(replace(config, mask_decoder=replace(config.mask_decoder, depth=depth))).eval()
        embedding = torch.randn(1, 256, *model.config.embedding_size)
        coords, labels = torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), torch.tensor([[1.0, -1.0]])
        encoder = model.prompt_encoder
        with torch.no_grad():
            expected, _ = model.mask_decoder.predict_masks(
                embedding,
                encoder.get_dense_pe(),
                encoder.embed_tokens(coords, labels),
                encoder.embed_dense(coords, labels, None),
            )
            masks, _ = _decoded(model, Prelude(model)(embedding), coords, labels, no_mask_rows(model))
        assert (masks - expected[0]).abs().max() <= 1e-5 * expected.abs().max()


@torch.no_grad()
def test_windows_and_single_masks_are_parts_of_the_whole(sam: Sam) -> None:
    height, width = sam.config.embedding_size
    prepared, pixels = Prelude(sam)(torch.randn(1, 256, height, width))
    coords, labels = torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), torch.tensor([[1.0, -1.0]])
    drawing, _ = Click(sam)(prepared, coords, labels, no_mask_rows(sam))
    upscale = Upscale(sam)
    whole = upscale(pixels, drawing, torch.tensor([0, height, 0, width]))
    for window in ([0, height - 3, 0, width], [height - 3, height, 0, width], [1, height, 2, width - 1]):
        y0, y1, x0, x1 = window
        expected = whole[:, 4 * y0 : 4 * y1, 4 * x0 : 4 * x1]
        part = upscale(pixels, drawing, torch.tensor(window))
        assert torch.allclose(part, expected, atol=1e-6 * float(whole.abs().max()))
    second = upscale(
        pixels, drawing._replace(kernels=drawing.kernels[1:2]), torch.tensor([0, height, 0, width])
    )
    assert torch.allclose(second[0], whole[1], atol=1e-6 * float(whole.abs().max()))


@torch.no_grad()
def test_what_the_image_is_multiplied_with_behind_norms() -> None:
    torch.manual_seed(0)
    norms, weight, x = [nn.LayerNorm(12) for _ in range(3)], torch.randn(5, 12), torch.randn(7, 12)
    for norm in norms:
        nn.init.normal_(norm.weight)
    expected = x
    for norm in norms:
        expected = centred(expected) * norm.weight
    assert torch.allclose(x @ before_norms(norms, weight), expected @ weight.T, atol=1e-5)
