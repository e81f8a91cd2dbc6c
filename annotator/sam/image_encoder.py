"""The image encoder: a plain ViT with windowed attention and a convolutional neck (SAM.md section 1)."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam import lean_attention
from annotator.sam.attention import Attention
from annotator.sam.config import ImageEncoderConfig
from annotator.sam.details import COLOURS, Details
from annotator.sam.layers import DropPath, LayerNorm2d, MLPBlock
from annotator.sam.products import linear

MLP_ROWS = 2048
"""Tokens whose hidden layer is in memory at once when no gradients are wanted."""


class ImageEncoderViT(nn.Module):
    """Normalised, padded images (B, 3, S, S) to embeddings (B, out_channels, S/patch, S/patch)."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.img_size = config.image_size
        grid, dim = config.grid_size, config.embed_dim
        self.patch_embed = ConvStem(config) if config.stem == "conv" else PatchEmbed(config)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, dim))
        self.blocks = nn.ModuleList(
            Block(config, window_size=0 if index in config.global_attention_indexes else config.window_size)
            for index in range(config.depth)
        )
        out = config.out_channels
        self.neck = nn.Sequential(
            nn.Conv2d(dim, out, kernel_size=1, bias=False),
            LayerNorm2d(out),
            nn.Conv2d(out, out, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(out),
        )
        self.details: Details | None = None
        if config.details:
            self.details = Details(dim, out)
            make_room_for_colours(self.neck)
        self.vit_frozen = False  # training the other parts alone costs a third
        self._init_weights()

    def forward(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.vit_frozen):
            vit = self._tokens(x).permute(0, 3, 1, 2)  # (B, h, w, C) -> (B, C, h, w)
        if torch.is_grad_enabled():
            return self._embedding(x, vit)
        with torch.autocast(x.device.type, enabled=False):
            return self._embedding(x.float(), vit.float())

    def _embedding(self, x: Tensor, vit: Tensor) -> Tensor:
        """What follows the ViT; outside of training in float32 also after a bfloat16 ViT, because it costs little and
        rounding here makes most of the embedding's error."""
        embedding: Tensor = self.neck(vit)
        return embedding if self.details is None else embedding + self.details(x, vit)

    def _tokens(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)  # (B, h, w, C)
        x = x + self._positions((x.shape[1], x.shape[2]))
        if lean_attention.serves(x) and not self.training:
            x = x.contiguous()
            for block in self.blocks:
                cast(Block, block).run_(x)
            return x
        for block in self.blocks:
            x = block(x)
        return x

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """`pos_embed` (1, h, w, C), resampled while training runs at another input size than the model's own."""
        if grid == tuple(self.pos_embed.shape[1:3]):
            return self.pos_embed
        own = self.pos_embed.permute(0, 3, 1, 2)  # (1, h, w, C) -> (1, C, h, w)
        return F.interpolate(own, size=grid, mode="bicubic", align_corners=False).permute(0, 2, 3, 1)

    def set_drop_path_rate(self, rate: float) -> None:
        """Stochastic depth for training, rising linearly from 0 at the first block to `rate` at the last."""
        last = max(len(self.blocks) - 1, 1)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            block.drop_path.rate = rate * index / last

    def _init_weights(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)


@torch.no_grad()
def make_room_for_colours(neck: nn.Sequential) -> None:
    """Leave the channels that `Details` starts with to it."""
    last = neck[-1]
    assert isinstance(last, LayerNorm2d)
    last.weight[: 16 * COLOURS] = 0
    last.bias[: 16 * COLOURS] = 0


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens: (B, 3, S, S) to (B, S/patch, S/patch, C)."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.embed_dim, kernel_size=config.patch_size, stride=config.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).permute(0, 2, 3, 1)  # (B, C, h, w) -> (B, h, w, C)


class ConvStem(nn.Module):
    """Stride-2 3×3 convolutions down to the patch size, the width doubling up to C.

    Learns faster from scratch than one large patch projection. (B, 3, S, S) to (B, S/patch, S/patch, C).
    """

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        steps = config.patch_size.bit_length() - 1
        if 2**steps != config.patch_size:
            raise ValueError(f"a conv stem needs a power of two as patch_size, got {config.patch_size}")
        widths = [3] + [max(config.embed_dim >> (steps - 1 - step), 8) for step in range(steps)]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [
                nn.Conv2d(width_in, width_out, kernel_size=3, stride=2, padding=1),
                LayerNorm2d(width_out),
                nn.GELU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.proj = nn.Conv2d(widths[-1], config.embed_dim, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(self.layers(x)).permute(0, 2, 3, 1)  # (B, C, h, w) -> (B, h, w, C)


class Block(nn.Module):
    """Pre-norm transformer block on a grid of tokens (B, h, w, C); `window_size` 0 attends globally."""

    def __init__(self, config: ImageEncoderConfig, window_size: int) -> None:
        super().__init__()
        dim = config.embed_dim
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(config, window_size)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLPBlock(dim, int(dim * config.mlp_ratio), nn.GELU())
        self.drop_path = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def run_(self, x: Tensor) -> Tensor:
        """The same without gradients on a CPU, in place: `x` must be contiguous and becomes the result."""
        x += self.attn(self.norm1(x))
        for rows in x.flatten(0, 2).split(MLP_ROWS):  # (B*h*w, C)
            rows += linear(linear(self.norm2(rows), self.mlp.lin1, gelu=True), self.mlp.lin2)
        return x
