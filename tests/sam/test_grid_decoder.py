"""The decoder for many prompts is the same function as the plain one."""

from __future__ import annotations

import pytest
import torch

from annotator.sam import grid_decoder
from annotator.sam.config import PRESETS
from annotator.sam.grid_decoder import GridDecoder
from annotator.sam.model import Sam
from tests.sam.conftest import assert_close

LABELS = {"point": [1, -1], "points and box": [1, 0, 2, 3]}


@pytest.mark.parametrize("name", ["tiny", "bundled"])
@pytest.mark.parametrize("prompts", LABELS)
@torch.no_grad()
def test_masks_and_iou_equal_the_plain_decoders(
    name: str, prompts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_decoder, "TILE", 24)
    torch.manual_seed(3)
    sam = Sam(PRESETS[name].with_image_size(128)).eval()
    for parameter in [*sam.prompt_encoder.parameters(), *sam.mask_decoder.parameters()]:
        parameter.data += 0.1 * torch.randn_like(parameter)
    embedding = torch.randn(1, 256, 8, 8)
    labels = torch.tensor([LABELS[prompts]], dtype=torch.float32).expand(3, -1)
    coords = 128 * torch.rand(3, labels.shape[1], 2)
    encoder = sam.prompt_encoder
    expected, expected_iou = sam.mask_decoder.predict_masks(
        embedding,
        encoder.get_dense_pe(),
        encoder.embed_tokens(coords, labels),
        encoder.embed_dense(coords, labels, None, encoder.match_features(embedding)),
    )
    decoder = GridDecoder(sam, embedding)
    met = decoder.meet(coords, labels)
    assert_close(met.iou, expected_iou[:, 1:], 1e-5)
    for prompt in range(3):
        drawn = decoder.draw(met, prompt, torch.arange(3), 8)
        assert_close(drawn, expected[prompt, 1:], 1e-5)
        part = decoder.draw(met, prompt, torch.tensor([2]), 5)
        assert_close(part, drawn[2:, :20], 1e-6)
