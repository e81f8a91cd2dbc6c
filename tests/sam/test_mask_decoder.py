from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from annotator.sam.config import PRESETS
from annotator.sam.mask_decoder import expected_iou
from annotator.sam.model import Sam
from annotator.sam.prompt_encoder import BLOB_SIGMAS, DRAWN_CHANNELS
from tests.sam.conftest import Pair, assert_close

Prompts = tuple[tuple[Tensor, Tensor] | None, Tensor | None, Tensor | None]


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def _points(count: int, size: int) -> tuple[Tensor, Tensor]:
    return _random(3, count, 2) * size, (_random(3, count, seed=1) > 0.4).int()


def _boxes(size: int) -> Tensor:
    corners = (_random(3, 2, 2, seed=2) * size).sort(dim=1).values
    return corners.reshape(3, 4)


def _masks(size: int) -> Tensor:
    return (_random(3, 1, size // 4, size // 4, seed=3) - 0.5) * 20


PROMPTS: dict[str, Callable[[int], Prompts]] = {
    "one point": lambda size: (_points(1, size), None, None),
    "seven points": lambda size: (_points(7, size), None, None),
    "box": lambda size: (None, _boxes(size), None),
    "box and points": lambda size: (_points(2, size), _boxes(size), None),
    "mask": lambda size: (None, None, _masks(size)),
    "point and mask": lambda size: (_points(1, size), None, _masks(size)),
    "all": lambda size: (_points(3, size), _boxes(size), _masks(size)),
}


def _decode(sam: Sam, embedding: Tensor, prompts: Prompts, multimask: bool) -> tuple[Tensor, Tensor]:
    sparse, dense = sam.prompt_encoder(*prompts)
    position = sam.prompt_encoder.get_dense_pe()
    return sam.mask_decoder(embedding, position, sparse, dense, multimask)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("prompts", PROMPTS)
@torch.no_grad()
def test_vit_b_logits_and_iou_equal_the_released_ones(vit_b: Pair, prompts: str, multimask: bool) -> None:
    chosen = PROMPTS[prompts](1024)
    embedding = torch.randn(1, 256, 64, 64, generator=torch.Generator().manual_seed(4))
    masks, iou = _decode(vit_b.ours, embedding, chosen, multimask)
    expected_masks, expected_iou = _decode(vit_b.reference, embedding, chosen, multimask)
    assert masks.shape == (3, 3 if multimask else 1, 256, 256)
    assert_close(masks, expected_masks, 1e-5)
    assert_close(iou, expected_iou, 1e-5)


@torch.no_grad()
def test_position_code_of_the_grid_equals_the_released_one(vit_b: Pair) -> None:
    expected = vit_b.reference.prompt_encoder.get_dense_pe()
    assert_close(vit_b.ours.prompt_encoder.get_dense_pe(), expected, 1e-5)


@torch.no_grad()
def test_several_images_with_several_prompts_equal_one_at_a_time(tiny: Pair) -> None:
    embeddings = torch.randn(2, 256, 8, 8, generator=torch.Generator().manual_seed(5))
    coords, labels = _random(6, 2, 2) * 128, torch.ones(6, 2)
    masks, iou = _decode(tiny.ours, embeddings, ((coords, labels), None, None), True)
    for index in range(6):
        one = ((coords[index : index + 1], labels[index : index + 1]), None, None)
        alone, alone_iou = _decode(tiny.ours, embeddings[index // 3][None], one, True)
        assert_close(masks[index : index + 1], alone, 1e-5)
        assert_close(iou[index : index + 1], alone_iou, 1e-5)


def test_images_that_cannot_be_shared_out_are_refused(tiny: Pair) -> None:
    with pytest.raises(ValueError) as error:
        _decode(tiny.ours, torch.zeros(2, 256, 8, 8), (_points(1, 128), None, None), True)
    assert "2 image embeddings" in str(error.value)
    assert "3 prompt sets" in str(error.value)


@torch.no_grad()
def test_bfloat16_autocast_keeps_the_position_code_in_float32(tiny: Pair) -> None:
    chosen = (_points(2, 128), None, None)
    expected, _ = tiny.ours.prompt_encoder(*chosen)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = tiny.ours.prompt_encoder(*chosen)
        masks, iou = _decode(tiny.ours, torch.randn(1, 256, 8, 8), chosen, True)
    assert torch.equal(found, expected)
    assert masks.float().isfinite().all()
    assert iou.float().isfinite().all()


def test_gradients_reach_every_parameter(bundled_like: Sam) -> None:
    sam = copy.deepcopy(bundled_like)  # whose silent layers have begun to speak
    for parameter in sam.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    embedding = sam.image_encoder(torch.randn(1, 3, 128, 128))
    chosen = (_points(2, 128), _boxes(128), None)
    sparse, dense = sam.prompt_encoder(*chosen, embedding)
    position = sam.prompt_encoder.get_dense_pe()
    masks, iou = sam.mask_decoder.predict_masks(embedding, position, sparse, dense)
    with_mask = sam.prompt_encoder(None, None, masks[:, :1], embedding)[1]
    (masks.square().mean() + iou.square().mean() + with_mask.square().mean()).backward()
    # A box leaves out the padding token; nothing else may be left out.
    without = {name for name, p in sam.named_parameters() if p.grad is None or not p.grad.any()}
    # The matching's offset belongs to the dense loss alone.
    assert without <= {"prompt_encoder.not_a_point_embed.weight", "prompt_encoder.matching.offset"}


def test_drawing_puts_points_and_boxes_where_they_are(bundled_like: Sam) -> None:
    # Image 128, maps 32 × 32: four image pixels a cell.
    coords = torch.tensor([[[41.5, 21.5], [101.5, 61.5], [9.5, 17.5], [89.5, 97.5]]])
    maps = bundled_like.prompt_encoder.draw(coords, torch.tensor([[1.0, 0.0, 2.0, 3.0]]))[0]
    assert maps.shape == (DRAWN_CHANNELS, 32, 32)
    assert len(BLOB_SIGMAS) == 2
    for narrow_or_wide in (0, 2):
        foreground, background = maps[narrow_or_wide], maps[narrow_or_wide + 1]
        assert divmod(int(foreground.argmax()), 32) == (5, 10)
        assert divmod(int(background.argmax()), 32) == (15, 25)
    inside, outside = maps[4], maps[5]
    assert inside[14, 12] > 0.99
    assert inside[14, 30] < 0.01
    assert torch.allclose(inside + outside, torch.ones(32, 32))
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_drawing_of_padding_alone_is_empty(bundled_like: Sam) -> None:
    maps = bundled_like.prompt_encoder.draw(torch.zeros(1, 1, 2), torch.tensor([[-1.0]]))
    assert not maps.any()


def test_drawn_and_matched_prompts_start_without_effect() -> None:
    sam = Sam(PRESETS["bundled"].with_image_size(64)).eval()
    assert sam.prompt_encoder.drawing_downscaling is not None
    with torch.no_grad():
        embedding = torch.randn(1, 256, 4, 4)
        _, dense = sam.prompt_encoder((torch.tensor([[[3.0, 4.0]]]), torch.ones(1, 1)), None, None, embedding)
    expected = sam.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(dense)
    assert torch.equal(dense, expected)


def test_the_iou_expected_of_a_mask_is_what_it_shares_with_the_likely_ones() -> None:
    """The figures of static/js/core/prompts.js, whose test has the same."""
    rows = [[1, 1, 1, -1, -1, -1], [1, -1, -1, -1, -1, -1], [1, 1, 1, 1, -1, -1], [-1, -1, -1, -1, -1, 1]]
    logits = torch.tensor(rows, dtype=torch.float32).view(1, 4, 2, 3).expand(2, 4, 2, 3)
    scores = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.2, 0.2, 0.2, 0.8]])
    wanted = torch.tensor([[25 / 48, 19 / 48, 1 / 2, 1 / 4], [0.200531, 0.152404, 0.19251, 0.711235]])
    torch.testing.assert_close(expected_iou(scores, logits), wanted, atol=1e-5, rtol=0)
    assert not expected_iou(scores, -logits.abs()).any()


def test_masks_are_offered_by_what_they_share_only_where_mask_0_is_ranked(tiny: Pair) -> None:
    decoder = copy.deepcopy(tiny.ours.mask_decoder)
    rows = [[1, 1, 1, -1, -1, -1], [1, -1, -1, -1, -1, -1], [1, 1, 1, 1, -1, -1], [-1, -1, -1, -1, -1, 1]]
    logits = torch.tensor(rows, dtype=torch.float32).view(1, 4, 2, 3)
    scores = torch.tensor([[0.5, 0.5, 0.5, 0.51]])
    decoder.ranked_from = 1
    assert decoder.offered(scores, logits).tolist() == [[3, 1, 2]]
    decoder.ranked_from = 0
    assert decoder.offered(scores, logits).tolist() == [[0, 2, 1]]
