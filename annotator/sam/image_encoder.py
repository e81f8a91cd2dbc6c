"""The image encoder: a plain ViT with windowed attention and a convolutional neck (SAM.md section 1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.config import ImageEncoderConfig
from annotator.sam.details import COLOURS, Details
from annotator.sam.layers import DropPath, LayerNorm2d, MLPBlock

# Without gradients attention runs over a few heads at a time, to keep the logits of one step below this size.
ATTENTION_CHUNK_BYTES = 64 * 2**20


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
            embedding: Tensor = self.neck(vit)
        return embedding if self.details is None else embedding + self.details(x, vit)

    def _tokens(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)  # (B, h, w, C)
        x = x + self._positions((x.shape[1], x.shape[2]))
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
        self.window_size = window_size
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(config, size=window_size or config.grid_size)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLPBlock(dim, int(dim * config.mlp_ratio), nn.GELU())
        self.drop_path = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        if self.window_size:
            grid = (x.shape[1], x.shape[2])
            y = merge_windows(self.attn(split_windows(y, self.window_size)), self.window_size, grid)
        else:
            y = self.attn(y)
        x = x + self.drop_path(y)
        return x + self.drop_path(self.mlp(self.norm2(x)))


class Attention(nn.Module):
    """Multi-head attention on (B, size, size, C) with a decomposed relative position bias (ViTDet)."""

    def __init__(self, config: ImageEncoderConfig, size: int) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads = config.num_heads
        head_dim = dim // config.num_heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.use_relative_position = config.use_relative_position
        if config.use_relative_position:
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * size - 1, head_dim))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * size - 1, head_dim))

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, dim = x.shape
        qkv = self.qkv(x).reshape(batch, height * width, 3, self.num_heads, dim // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)  # each (B*heads, h*w, head_dim)
        if not self.use_relative_position and torch.is_grad_enabled() and x.device.type == "cpu":
            # The fused kernel's backward pass on a CPU takes several times as long as these products.
            y = ((q * self.scale) @ k.transpose(1, 2)).softmax(-1) @ v
        elif not self.use_relative_position:
            y = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        else:
            y = self._attend(q, k, v, height, width)
        y = y.unflatten(0, (batch, self.num_heads)).transpose(1, 2)  # (B, h*w, heads, head_dim)
        return self.proj(y.reshape(batch, height, width, dim))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, height: int, width: int) -> Tensor:
        table_h = relative_table(self.rel_pos_h, height)  # (h, h, head_dim)
        table_w = relative_table(self.rel_pos_w, width)  # (w, w, head_dim)
        heads, tokens, _ = q.shape
        step = heads
        if not torch.is_grad_enabled():
            step = max(1, ATTENTION_CHUNK_BYTES // (tokens * tokens * q.element_size()))
        parts = [
            _attend_heads(q[i : i + step], k[i : i + step], v[i : i + step], table_h, table_w, self.scale)
            for i in range(0, heads, step)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attend_heads(q: Tensor, k: Tensor, v: Tensor, table_h: Tensor, table_w: Tensor, scale: float) -> Tensor:
    """softmax(q·kᵀ·scale + bias)·v for q, k, v of (G, h*w, head_dim)."""
    heads, tokens, _ = q.shape
    height, width = table_h.shape[0], table_w.shape[0]
    grid = q.unflatten(1, (height, width))  # (G, h, w, head_dim)
    bias_h = torch.einsum("ghwc,hkc->ghwk", grid, table_h)
    bias_w = torch.einsum("ghwc,wkc->ghwk", grid, table_w)
    logits = (q * scale) @ k.transpose(1, 2)  # (G, h*w, h*w)
    logits = logits.view(heads, height, width, height, width)
    logits = logits + bias_h[..., :, None] + bias_w[..., None, :]
    return logits.view(heads, tokens, tokens).softmax(-1) @ v


def relative_table(rel_pos: Tensor, size: int) -> Tensor:
    """(2*size-1, D) learned offsets to (size, size, D): entry [i, j] belongs to query i and key j.

    A table learned for another size is resampled linearly.
    """
    if rel_pos.shape[0] != 2 * size - 1:
        rel_pos = resize_relative_positions(rel_pos, size)
    offsets = torch.arange(size, device=rel_pos.device)
    return rel_pos[offsets[:, None] - offsets[None, :] + size - 1]


def resize_relative_positions(rel_pos: Tensor, size: int) -> Tensor:
    """(L, D) offsets learned for another side to (2*size-1, D)."""
    resized = F.interpolate(rel_pos.float().T[None], size=2 * size - 1, mode="linear")  # (1, D, 2*size-1)
    return resized[0].T.to(rel_pos.dtype)


def split_windows(x: Tensor, size: int) -> Tensor:
    """(B, h, w, C) to (B*windows, size, size, C), zero-padded right and bottom to whole windows."""
    batch, height, width, dim = x.shape
    x = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
    rows, columns = x.shape[1] // size, x.shape[2] // size
    x = x.view(batch, rows, size, columns, size, dim).transpose(2, 3)
    return x.reshape(batch * rows * columns, size, size, dim)


def merge_windows(windows: Tensor, size: int, grid: tuple[int, int]) -> Tensor:
    """The inverse of `split_windows` for a (h, w) grid; padding is dropped. Returns (B, h, w, C)."""
    rows, columns = -(-grid[0] // size), -(-grid[1] // size)
    x = windows.view(-1, rows, columns, size, size, windows.shape[-1]).transpose(2, 3)
    x = x.reshape(x.shape[0], rows * size, columns * size, -1)
    return x[:, : grid[0], : grid[1]].contiguous()
