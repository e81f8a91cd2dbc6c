"""A small U-net beside the ViT: an option for models trained on few images.

A ViT with patches of 16 pixels needs very many images before its tokens tell pixels inside a patch apart, convolutions
learn that soon. The branch ends in as many numbers per patch as the embedding has channels (for 256: 16 for each
of the 4×4 mask pixels) and is added to it, so the embedding keeps SAM's shape. It starts with each mask pixel's mean
colour, in the first 3 · 16 channels, and silent otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.layers import LayerNorm2d

WIDTHS = (24, 40, 64, 96)
"""Channels at strides 2, 4, 8 and 16."""

COLOURS = 3
"""Lightness, red against green, yellow against blue."""

FINE = 24
"""Channels at stride 4 on the way back."""


class Details(nn.Module):
    """Images (B, 3, S, S) and the ViT's output (B, dim, S/16, S/16) to what the embedding gains, (B, C, S/16, S/16)."""

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        half, quarter, eighth, coarse = WIDTHS
        self.to_quarter = nn.Sequential(
            nn.Conv2d(3, half, 3, stride=2, padding=1),
            LayerNorm2d(half),
            nn.GELU(),
            nn.Conv2d(half, quarter, 3, stride=2, padding=1),
            Residual(quarter),
            Residual(quarter),
        )
        self.to_eighth = _halving(quarter, eighth)
        self.to_coarse = _halving(eighth, coarse)
        self.from_vit = _lateral(dim, 16 * FINE)
        self.from_coarse = _lateral(coarse, 16 * FINE)
        self.from_eighth = _lateral(eighth, 4 * FINE)
        self.from_quarter = _lateral(quarter, FINE)
        self.fuse = nn.Sequential(Residual(FINE), Residual(FINE), LayerNorm2d(FINE))
        self.opponent = nn.Conv2d(3, COLOURS, 1, bias=False)
        self.out = nn.Conv2d(COLOURS + FINE, channels // 16, 1)
        self._start_with_colours()

    def forward(self, image: Tensor, vit: Tensor) -> Tensor:
        quarter = self.to_quarter(image)
        eighth = self.to_eighth(quarter)
        coarse = self.to_coarse(eighth)
        fine = F.pixel_shuffle(self.from_vit(vit) + self.from_coarse(coarse), 4)
        fine = fine + F.pixel_shuffle(self.from_eighth(eighth), 2) + self.from_quarter(quarter)
        colours = self.opponent(F.avg_pool2d(image, 4))
        return F.pixel_unshuffle(self.out(torch.cat([colours, self.fuse(fine)], dim=1)), 4)

    @torch.no_grad()
    def _start_with_colours(self) -> None:
        third = 1 / 3
        opponent = torch.tensor([[third, third, third], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])
        self.opponent.weight.copy_(opponent[..., None, None])
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]
        for colour in range(COLOURS):
            self.out.weight[colour, colour] = 1.0


class Residual(nn.Module):
    """x + a 3×3 convolution of x, (B, C, h, w); the identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 3, padding=1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.out(F.gelu(self.mix(self.norm(x))))
        return x + added


def _halving(narrow: int, wide: int) -> nn.Sequential:
    """Half the resolution: (B, narrow, h, w) to (B, wide, h/2, w/2)."""
    step = nn.Conv2d(narrow, wide, 3, stride=2, padding=1)
    return nn.Sequential(LayerNorm2d(narrow), step, Residual(wide), Residual(wide))


def _lateral(channels: int, wanted: int) -> nn.Sequential:
    return nn.Sequential(LayerNorm2d(channels), nn.Conv2d(channels, wanted, 1))
