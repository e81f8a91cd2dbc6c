"""The ViT's attention without gradients on a CPU: exact, in pieces that stay in the cache.

The released code adds two position biases to all logits of all heads, each time in new memory; on a CPU half of its
time goes into page faults. Here one head's logits are made a few megabytes at a time in one buffer: filled with the
bias, the product of queries and keys added onto it, softmax in place.
"""

from __future__ import annotations

import torch
from torch import Tensor

from annotator.sam.products import times

CHUNK_BYTES = 4 * 2**20
"""Size of the logits that are worked on at a time."""

Tables = tuple[Tensor, Tensor]


def serves(x: Tensor) -> bool:
    """Whether what is done to `x` is done on a CPU and without gradients; GPUs have kernels of their own for it."""
    return x.is_cpu and not torch.is_grad_enabled()


def attend(qkv: Tensor, heads: int, scale: float, tables: Tables) -> Tensor:
    """Attention inside each of G squares of tokens: qkv (G, s, s, 3*heads*c) to (G, s, s, heads*c).

    tables are the relative positions of rows and of columns, (s, s, c) each: entry [i, j] belongs to query i, key j.
    """
    groups, side = qkv.shape[:2]
    q, k, v = qkv.flatten(1, 2).unflatten(-1, (3, heads, -1)).unbind(2)  # (G, s*s, heads, c)
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    rows, columns = (table.to(qkv.dtype).transpose(1, 2) for table in tables)  # (s, c, s)
    step, height = _chunks(groups, side, qkv.element_size())
    buffer = qkv.new_empty(step * height * side * side * side)
    for head in range(heads):
        queries = q[:, :, head].unflatten(1, (side, side)).contiguous()  # (G, s, s, c)
        keys = (k[:, :, head] * scale).transpose(1, 2)  # (G, c, s*s)
        values = v[:, :, head].contiguous()
        by_row = queries @ rows  # (G, s, s, s): query row, query column, key row
        by_column = (queries.transpose(1, 2) @ columns).transpose(1, 2)  # the same with the key's column last
        for group in range(0, groups, step):
            for top in range(0, side, height):
                part = (slice(group, group + step), slice(top, top + height))
                bias = torch.add(
                    by_row[part][..., :, None],
                    by_column[part][..., None, :],
                    out=_shaped(buffer, (*by_row[part].shape, side)),
                )
                logits = bias.flatten(3).flatten(1, 2)  # (step, height*s, s*s)
                logits.baddbmm_(queries[part].flatten(1, 2), keys[part[0]])
                torch.softmax(logits, -1, out=logits)
                begin = top * side
                out[part[0], begin : begin + logits.shape[1], head] = _weighted(logits, values[part[0]])
    return out.flatten(2).unflatten(1, (side, side))


def _chunks(groups: int, side: int, bytes_each: int) -> tuple[int, int]:
    """How many squares, and of these how many rows of queries, go together."""
    row = side * side * side * bytes_each
    if groups == 1 or row * side > CHUNK_BYTES:
        return 1, min(side, max(1, CHUNK_BYTES // row))
    return min(groups, CHUNK_BYTES // (row * side)), side


def _shaped(buffer: Tensor, shape: tuple[int, ...]) -> Tensor:
    return buffer[: torch.Size(shape).numel()].view(shape)


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    """(g, n, m) times (g, m, c)."""
    return times(weights[0], values[0])[None] if len(weights) == 1 else weights @ values
