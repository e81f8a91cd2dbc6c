"""A dense loss beside the prompts, for the encoder alone: pixels of one object should have like features.

Prompts touch a few objects of an image; this asks about dozens of pixels for the price of one 1×1 convolution. The
features are those that the model matches its prompts by; for a model that does not, they are dropped after training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from annotator.sam.matching import FEATURES, PromptMatching
from annotator.training.losses import pair_losses

ANCHORS = 24
LOGITS_A_UNIT = 4.0
"""Of scaled distance: how sharply like turns into unlike around the offset."""


def affinity_loss(
    matching: PromptMatching,
    embedding: Tensor,
    wholes: Tensor,
    leaves: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Mask loss of ANCHORS random labelled pixels an image and level, each "clicking" all pixels like it.

    embedding is (B, C, h, w); wholes and leaves are (B, 4h, 4w) integer labels, 0 where nothing is labelled.
    """
    features = matching.features(embedding).flatten(3)  # (B, 2, FEATURES, P)
    labels = torch.stack([wholes, leaves], 1).flatten(2)  # (B, 2, P)
    known = (labels > 0).float() + 1e-9
    anchors = torch.multinomial(known.flatten(0, 1), ANCHORS, generator=generator)
    anchors = anchors.unflatten(0, labels.shape[:2])  # (B, 2, ANCHORS)
    picked = labels.gather(2, anchors)
    keys = features.gather(3, anchors[:, :, None].expand(-1, -1, FEATURES, -1))
    distances = torch.cdist(keys.transpose(2, 3), features.transpose(2, 3))  # (B, 2, ANCHORS, P)
    logits = LOGITS_A_UNIT * (matching.offset[..., None] - matching.scale[..., None] * distances)
    same = (labels[:, :, None] == picked[..., None]) & (picked > 0)[..., None]
    pairs = pair_losses(logits.flatten(0, 2)[:, None], same.flatten(0, 2)[:, None])
    usable = (picked > 0).flatten().float()
    return (pairs.mask.flatten() * usable).sum() / usable.sum().clamp(min=1)
