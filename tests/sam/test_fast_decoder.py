"""The rearranged decoder is the same function as the plain one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from annotator.sam.config import PRESETS
from annotator.sam.fast_decoder import Click, MaskPrompt, Prelude, no_mask_rows
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
    prepared = Prelude(sam)(embedding)
    rows = no_mask_rows(sam) if mask is None else MaskPrompt(sam)(mask)
    masks, iou = Click(sam)(prepared, coords, labels, rows)

    assert masks.shape == expected_masks[0].shape
    assert (masks - expected_masks[0]).abs().max() <= 1e-5 * expected_masks.abs().max()
    assert (iou - expected_iou[0]).abs().max() <= 1e-5 * expected_iou.abs().max()


@torch.no_grad()
def test_one_prelude_serves_many_prompts(sam: Sam) -> None:
    height, width = sam.config.embedding_size
    prepared = Prelude(sam)(torch.randn(1, 256, height, width))
    click, labels, rows = Click(sam), torch.tensor([[1.0, -1.0]]), no_mask_rows(sam)
    here = click(prepared, torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), labels, rows)[0]
    there = click(prepared, torch.tensor([[[90.0, 70.0], [0.0, 0.0]]]), labels, rows)[0]
    again = click(prepared, torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), labels, rows)[0]
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
            masks, _ = Click(model)(Prelude(model)(embedding), coords, labels, no_mask_rows(model))
        assert (masks - expected[0]).abs().max() <= 1e-5 * expected.abs().max()
