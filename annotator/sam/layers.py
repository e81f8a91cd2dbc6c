"""Small layers that several parts of the model share."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LayerNorm2d(nn.Module):
    """LayerNorm over the channels of (B, C, H, W), each pixel on its own."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return self.channels_last(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def channels_last(self, x: Tensor) -> Tensor:
        """The same on (..., C), for callers that already hold tokens."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class MLPBlock(nn.Module):
    """Two linear layers around `activation`, the transformer's feed-forward part; (..., dim) in and out."""

    def __init__(self, dim: int, hidden_dim: int, activation: nn.Module) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden_dim)
        self.lin2 = nn.Linear(hidden_dim, dim)
        self.act = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(self.act(self.lin1(x)))


class MLP(nn.Module):
    """`num_layers` linear layers with ReLU between them, (..., input_dim) to (..., output_dim)."""

    def __init__(self, input_dim: int, hidden_dim: int, output_dim: int, num_layers: int) -> None:
        super().__init__()
        widths = [input_dim] + [hidden_dim] * (num_layers - 1) + [output_dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class DropPath(nn.Module):
    """Stochastic depth: in training, drops a sample's whole residual branch with probability `rate`."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        return x * (x.new_empty(shape).bernoulli_(keep) / keep)


def conv_transpose_2x2(layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """A 2×2 stride-2 transposed convolution as one matrix product per pixel.

    x is (..., Cin); the result is (..., 4, Cout), its axis -2 being the 2×2 output pixels in row-major order.
    The windows do not overlap, so this is exact; on a CPU it is faster than the convolution.
    """
    weight = layer.weight.permute(0, 2, 3, 1).flatten(1)  # (Cin, Cout, 2, 2) -> (Cin, 4*Cout)
    y = x @ weight
    y = y.unflatten(-1, (4, layer.out_channels))  # (..., 4*Cout) -> (..., 4, Cout)
    return y if layer.bias is None else y + layer.bias
