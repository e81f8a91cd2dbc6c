"""Multi-head attention with decomposed relative positions, whole or in windows (ViTDet)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam import lean_attention
from annotator.sam.config import ImageEncoderConfig
from annotator.sam.products import linear


class Attention(nn.Module):
    """Attention on a grid of tokens (B, h, w, C), inside squares of `window_size` tokens or, for 0, all over it.

    Windows are cut after the projection: a padded place holds what the projection makes of zeros, its bias, so padding
    costs no projection. Where neither positions nor windows say otherwise, torch's fused kernel does it all.
    """

    def __init__(self, config: ImageEncoderConfig, window_size: int) -> None:
        super().__init__()
        dim, side = config.embed_dim, window_size or config.grid_size
        self.window_size = window_size
        self.num_heads = config.num_heads
        head_dim = dim // config.num_heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.use_relative_position = config.use_relative_position
        if config.use_relative_position:
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, head_dim))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, head_dim))

    def forward(self, x: Tensor) -> Tensor:
        lean = lean_attention.serves(x)
        qkv = linear(x, self.qkv) if lean else self.qkv(x)
        if not self.window_size:
            y = self._inside(qkv)
        else:
            windows = self._inside(split_windows(qkv, self.window_size, self.qkv.bias))
            y = merge_windows(windows, self.window_size, (x.shape[1], x.shape[2]))
        return linear(y, self.proj) if lean else self.proj(y)

    def _inside(self, qkv: Tensor) -> Tensor:
        """Attention among the tokens of each grid, (G, h, w, 3*C) to (G, h, w, C)."""
        groups, height, width, _ = qkv.shape
        if self.use_relative_position and lean_attention.serves(qkv):
            return lean_attention.attend(qkv, self.num_heads, self.scale, self._tables(height, width))
        split = qkv.reshape(groups, height * width, 3, self.num_heads, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)  # each (G, heads, h*w, head_dim)
        y = self._attend(q, k, v, height, width).transpose(1, 2)  # (G, h*w, heads, head_dim)
        return y.reshape(groups, height, width, -1)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, height: int, width: int) -> Tensor:
        bias = self._bias(q, height, width) if self.use_relative_position else None
        if q.is_cpu and torch.is_grad_enabled():
            # The fused kernel's backward pass on a CPU takes several times as long as these products.
            logits = (q * self.scale) @ k.transpose(2, 3)  # (G, heads, h*w, h*w)
            return (logits if bias is None else logits + bias).softmax(-1) @ v
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=self.scale)

    def _bias(self, q: Tensor, height: int, width: int) -> Tensor:
        """What the relative positions add to the logits of queries (G, heads, h*w, head_dim), (G, heads, h*w, h*w)."""
        table_h, table_w = self._tables(height, width)
        grid = q.unflatten(2, (height, width))  # (G, heads, h, w, head_dim)
        by_row = torch.einsum("gnhwc,hkc->gnhwk", grid, table_h.to(q.dtype))
        by_column = torch.einsum("gnhwc,wkc->gnhwk", grid, table_w.to(q.dtype))
        return (by_row[..., :, None] + by_column[..., None, :]).flatten(4).flatten(2, 3)

    def _tables(self, height: int, width: int) -> lean_attention.Tables:
        return relative_table(self.rel_pos_h, height), relative_table(self.rel_pos_w, width)


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


def split_windows(x: Tensor, size: int, padding: Tensor) -> Tensor:
    """(B, h, w, D) to (B*windows, size, size, D), filled up right and bottom to whole windows with `padding` (D,)."""
    batch, height, width, dim = x.shape
    rows, columns = -(-height // size), -(-width // size)
    if (rows * size, columns * size) != (height, width):
        x = F.pad(x, (0, 0, 0, columns * size - width, 0, rows * size - height))
        x[:, height:] = padding
        x[:, :height, width:] = padding
    x = x.view(batch, rows, size, columns, size, dim).transpose(2, 3)
    return x.reshape(batch * rows * columns, size, size, dim)


def merge_windows(windows: Tensor, size: int, grid: tuple[int, int]) -> Tensor:
    """The inverse of `split_windows` for a (h, w) grid; padding is dropped. Returns (B, h, w, C)."""
    rows, columns = -(-grid[0] // size), -(-grid[1] // size)
    x = windows.view(-1, rows, columns, size, size, windows.shape[-1]).transpose(2, 3)
    x = x.reshape(x.shape[0], rows * size, columns * size, -1)
    return x[:, : grid[0], : grid[1]].contiguous()
