"""The paper's objective (SAM.md section 2) for several predicted masks against several valid answers at once.

Every pixel sum below is linear in the target, so all pairs of M predictions and T targets come from matrix
products; soft targets (the share of a mask pixel that the object covers) need nothing special.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

FOCAL_WEIGHT = 20.0
DICE_WEIGHT = 1.0
IOU_WEIGHT = 1.0
FOCAL_GAMMA = 2


@dataclass(frozen=True)
class PairLosses:
    """Per prediction and target, each (N, M, T): focal and dice loss, and hard IoU (no gradient)."""

    focal: Tensor
    dice: Tensor
    iou: Tensor

    @property
    def mask(self) -> Tensor:
        """Focal and dice in the paper's proportion of 20 : 1."""
        return FOCAL_WEIGHT * self.focal + DICE_WEIGHT * self.dice


def pair_losses(logits: Tensor, targets: Tensor) -> PairLosses:
    """Logits (N, M, P) over P pixels against targets (N, T, P) of 0..1."""
    logits, targets = logits.float(), targets.float()
    probability = logits.sigmoid()
    if_foreground = (1 - probability) ** FOCAL_GAMMA * F.softplus(-logits)
    if_background = probability**FOCAL_GAMMA * F.softplus(logits)
    columns = targets.transpose(1, 2)  # (N, P, T)
    pixels = logits.shape[-1]
    focal = ((if_foreground - if_background) @ columns + if_background.sum(-1, keepdim=True)) / pixels
    area = targets.sum(-1)[:, None]  # (N, 1, T)
    overlap = probability @ columns
    dice = 1 - (2 * overlap + 1) / (probability.sum(-1, keepdim=True) + area + 1)
    with torch.no_grad():
        hard = (logits > 0).float()
        wanted = (targets > 0.5).float()
        common = hard @ wanted.transpose(1, 2)
        union = hard.sum(-1, keepdim=True) + wanted.sum(-1)[:, None] - common
        iou = common / union.clamp(min=1.0)
    return PairLosses(focal, dice, iou)


def best_of_candidates(pairs: Tensor, valid: Tensor) -> Tensor:
    """Mean over valid targets of the lowest loss among the candidates: (N, M, T) and (N, T) bool to (N,).

    With one target this is the paper's rule, which back-propagates only the best mask. Where whole, part
    and subpart are all known, each pulls its own best candidate, so the three do not collapse into one.
    """
    lowest = pairs.min(dim=1).values  # (N, T)
    return (lowest * valid).sum(1) / valid.sum(1).clamp(min=1)


def iou_loss(predicted: Tensor, actual: Tensor) -> Tensor:
    """Mean squared error of predicted IoU (N, M) against the IoU each mask really has."""
    return F.mse_loss(predicted.float(), actual.detach().float())
