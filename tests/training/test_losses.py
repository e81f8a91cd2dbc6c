"""The objective against values worked out by hand and against a plain per-pixel form."""

from __future__ import annotations

import math

import pytest
import torch

from annotator.training.losses import best_of_candidates, iou_loss, pair_losses


def test_one_pixel_by_hand() -> None:
    """Logit 0 means probability 1/2: focal is 1/4 · ln 2 either way; dice is 1 − (1 + 1) / (1/2 + 1 + 1)."""
    losses = pair_losses(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
    assert losses.focal.item() == pytest.approx(0.25 * math.log(2), rel=1e-5)
    assert losses.dice.item() == pytest.approx(1 - 2 / 2.5, rel=1e-5)
    assert losses.mask.item() == pytest.approx(20 * 0.25 * math.log(2) + 0.2, rel=1e-5)


def test_pairs_equal_the_plain_form() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 50, generator=generator) * 3
    targets = torch.rand(2, 4, 50, generator=generator)
    losses = pair_losses(logits, targets)
    for n, m, t in [(0, 0, 0), (0, 2, 3), (1, 1, 2)]:
        p, y = logits[n, m].sigmoid(), targets[n, t]
        focal = -(y * (1 - p) ** 2 * p.log() + (1 - y) * p**2 * (1 - p).log()).mean()
        dice = 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
        assert losses.focal[n, m, t].item() == pytest.approx(focal.item(), rel=1e-4)
        assert losses.dice[n, m, t].item() == pytest.approx(dice.item(), rel=1e-4)


def test_iou_is_of_the_thresholded_masks() -> None:
    logits = torch.tensor([[[2.0, 2.0, -2.0, -2.0]]])
    targets = torch.tensor([[[1.0, 0.4, 0.6, 0.0]]])  # pixels 0 and 2 are wanted
    assert pair_losses(logits, targets).iou.item() == pytest.approx(1 / 3)


def test_gradient_agrees_with_differences() -> None:
    logits = torch.randn(1, 2, 6, dtype=torch.float32, requires_grad=True)
    targets = torch.rand(1, 2, 6)
    pair_losses(logits, targets).mask.sum().backward()
    assert logits.grad is not None
    step = 1e-2
    for index in (0, 4):
        moved = torch.zeros_like(logits)
        moved[0, 1, index] = step
        with torch.no_grad():
            above = pair_losses(logits + moved, targets).mask.sum()
            below = pair_losses(logits - moved, targets).mask.sum()
        assert logits.grad[0, 1, index].item() == pytest.approx(
            ((above - below) / (2 * step)).item(), abs=2e-2
        )


def test_only_the_best_candidate_of_a_target_learns() -> None:
    pairs = torch.tensor([[[3.0], [1.0], [2.0]]], requires_grad=True)
    best_of_candidates(pairs, torch.tensor([[True]])).sum().backward()
    assert pairs.grad is not None
    assert pairs.grad.flatten().tolist() == [0.0, 1.0, 0.0]


def test_each_valid_target_pulls_its_own_candidate() -> None:
    pairs = torch.tensor([[[1.0, 9.0, 0.0], [9.0, 3.0, 0.0]]])
    assert best_of_candidates(pairs, torch.tensor([[True, True, False]])).item() == pytest.approx(2.0)


def test_iou_loss_does_not_teach_the_mask() -> None:
    predicted, actual = torch.tensor([0.5], requires_grad=True), torch.tensor([0.9], requires_grad=True)
    loss = iou_loss(predicted, actual)
    loss.backward()
    assert loss.item() == pytest.approx(0.16)
    assert predicted.grad is not None
    assert actual.grad is None
