"""A dense loss beside the prompts, for the encoder alone: pixels of one object should have like features.

Prompts touch a few objects of an image; this asks about dozens of pixels for the price of one 1×1 convolution. The head
is dropped when the model is saved for use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.training.losses import pair_losses

FEATURES = 16
ANCHORS = 24
LEVELS = 2


class AffinityHead(nn.Module):
    """Embedding (B, C, h, w) to unit features (B, 2, FEATURES, 4h, 4w), one set for wholes and one for leaves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, LEVELS * FEATURES * 16, kernel_size=1)
        self.scale = nn.Parameter(torch.full((LEVELS, 1, 1), 10.0))
        self.offset = nn.Parameter(torch.full((LEVELS, 1, 1), -6.0))

    def forward(self, embedding: Tensor) -> Tensor:
        pixels = F.pixel_shuffle(self.project(embedding), 4)  # (B, 2*FEATURES, 4h, 4w)
        return F.normalize(pixels.unflatten(1, (LEVELS, FEATURES)).float(), dim=2)

    def loss(self, embedding: Tensor, wholes: Tensor, leaves: Tensor, generator: torch.Generator) -> Tensor:
        """Mask loss of ANCHORS random labelled pixels an image and level, each "clicking" all pixels like it.

        wholes and leaves are (B, 4h, 4w) integer labels, 0 where nothing is labelled.
        """
        features = self(embedding).flatten(3)  # (B, 2, FEATURES, P)
        labels = torch.stack([wholes, leaves], 1).flatten(2)  # (B, 2, P)
        known = (labels > 0).float() + 1e-9
        anchors = torch.multinomial(known.flatten(0, 1), ANCHORS, generator=generator)
        anchors = anchors.unflatten(0, labels.shape[:2])  # (B, 2, ANCHORS)
        picked = labels.gather(2, anchors)
        keys = features.gather(3, anchors[:, :, None].expand(-1, -1, FEATURES, -1))
        logits = self.scale * (keys.transpose(2, 3) @ features) + self.offset  # (B, 2, ANCHORS, P)
        same = (labels[:, :, None] == picked[..., None]) & (picked > 0)[..., None]
        pairs = pair_losses(logits.flatten(0, 2)[:, None], same.flatten(0, 2)[:, None])
        usable = (picked > 0).flatten().float()
        return (pairs.mask.flatten() * usable).sum() / usable.sum().clamp(min=1)
