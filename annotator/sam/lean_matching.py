"""What matching costs most, on a CPU: the same numbers as the plain form, ten times sooner.

A pooling layer of a general library asks every pixel for its window and keeps where the greatest value was. An image
dilation of the same window takes a twentieth of that, and where a value came from can be found afterwards: the least
likeness on the best path is the likeness of one pixel, which no other of its plane is likely to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Plane = NDArray[np.float32]
Schedule = Sequence[tuple[int, int]]
"""(cell side, steps) from coarse to fine; each cell side is half of the one before, the last is 1."""

NEIGHBOURS = np.ones((3, 3), np.uint8)


def serves(x: Tensor) -> bool:
    """Whether `x` is worked on here; GPUs are quick with pooling, and graphs are exported in the plain form."""
    return x.is_cpu and not torch.jit.is_tracing()


def squares(features: Tensor, keys: Tensor) -> Tensor:
    """Squared distances (I, L, K, P) of keys (I, L, K, F) to features (I, L, F, P), one feature at a time in the cache.
    No gradients."""
    total = features.new_zeros(*keys.shape[:3], features.shape[-1])
    for number in range(keys.shape[-1]):
        difference = features[:, :, number, None] - keys[..., number, None]
        total.addcmul_(difference, difference)
    return total


def spread(likeness: Tensor, seeds: Tensor, steps: Schedule) -> Tensor:
    """As `matching.spread`: likeness and seeds (B, K, H, W) of at least zero to (B, K, H, W), with gradients to the
    likeness."""
    return cast(Tensor, _Spread.apply(likeness, seeds, steps))


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, likeness: Tensor, seeds: Tensor, steps: Schedule) -> Tensor:
        reached = torch.zeros_like(likeness, memory_format=torch.contiguous_format)
        for out, passable, start in _planes(reached, likeness, seeds):
            if start.any():
                out[:] = _reached(passable, start, steps)
        ctx.save_for_backward(likeness, reached)
        return reached

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        likeness, reached = ctx.saved_tensors
        found = torch.zeros_like(likeness, memory_format=torch.contiguous_format)
        for out, passable, values, gradient in _planes(found, likeness, reached, gradients[0]):
            if values.any():
                out[:] = _at_sources(passable, values, gradient)
        return found, None, None


def _planes(*maps: Tensor) -> Any:
    """The (H, W) planes of several maps (B, K, H, W), as views where they lie as arrays do."""
    return zip(*(each.detach().flatten(0, 1).numpy() for each in maps), strict=True)


def _reached(likeness: Plane, seeds: Plane, steps: Schedule) -> Plane:
    reached: Plane | None = None
    for cell, count in steps:
        passable = _blocks(likeness, cell).min((1, 3))
        front = np.minimum(passable, _blocks(seeds, cell).max((1, 3)).clip(max=1.0))
        if reached is not None:
            np.maximum(front, np.minimum(passable, reached.repeat(2, 0).repeat(2, 1)), out=front)
        ahead = np.empty_like(front)
        for _ in range(count):
            cv2.dilate(front, NEIGHBOURS, dst=ahead)
            np.minimum(passable, ahead, out=front)
        reached = front
    assert reached is not None
    return reached


def _blocks(plane: Plane, cell: int) -> Plane:
    height, width = plane.shape
    return plane.reshape(height // cell, cell, width // cell, cell)


def _at_sources(likeness: Plane, values: Plane, gradient: Plane) -> Plane:
    """The gradient of each value, at the pixel whose likeness it is; what came from a seed goes nowhere."""
    flat = likeness.ravel()
    order = np.argsort(flat)
    ascending = flat[order]
    place = np.searchsorted(ascending, values.ravel()).clip(max=flat.size - 1)
    found = ascending[place] == values.ravel()
    sums = np.bincount(order[place[found]], weights=gradient.ravel()[found], minlength=flat.size)
    return sums.reshape(likeness.shape).astype(np.float32)
