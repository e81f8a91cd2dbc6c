"""Root mean square normalisation as one operator of exported graphs.

onnxruntime has a kernel that reads each row once and gives the normalised row and its factor. Its optimiser finds the
operator in a graph only where nothing else wants the factor; so the export names it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Rows of x (n, C) over the root of their mean square plus eps, times weight (C,); and what they were multiplied
    with, (n, 1)."""
    return cast(tuple[Tensor, Tensor], _RmsNorm.apply(x, weight, eps))


class _RmsNorm(torch.autograd.Function):
    """Without a backward pass: nothing trains through a graph that is exported."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        factor = torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)
        return x * factor * weight, factor

    @staticmethod
    def symbolic(graph: Any, x: Any, weight: Any, eps: float) -> Any:
        normalised, factor = graph.op(
            "SimplifiedLayerNormalization", x, weight, axis_i=-1, epsilon_f=eps, stash_type_i=1, outputs=2
        )
        # Known shapes become constants in the graph, unknown ones nodes.
        normalised.setType(x.type())
        if sizes := x.type().sizes():
            factor.setType(x.type().with_sizes([*sizes[:-1], 1]))
        return normalised, factor
