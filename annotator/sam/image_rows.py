"""The decoder's image tokens without writing them out: a linear function of the image plus a few terms per click.

Between two attentions the decoder adds to each image token a mix of a few dozen vectors (the prompt tokens' values) and
normalises. So after any block the tokens are `scale ∘ (X·B + Fᵀ·M) + bias`: X the image, B a product of gains and
centrings that the weights decide, F and M this click's mixes. Whoever reads them through weights W needs X·(B·W), which
is prepared once per image, and Fᵀ·(M·W), whose inner width is the number of mixes instead of that of channels.

N image tokens are columns wherever they meet H heads or r mixes; C channels, T prompt tokens, c channels of a head. r
counts H·T a block, and what mask, drawn and matched prompts add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.rms_norm import rms_norm


@dataclass(frozen=True)
class ImageRows:
    """Image tokens after some blocks of the decoder.

    features (r, N) and basis (r, C) hold the mixes, scale (1, N) what layer norms divided by, bias (C,) is part of each
    token. `written` (N, C) is the tokens without bias, up to the mean of each, which the next layer norm takes away
    anyway; `is_centred` where that has been done.
    """

    features: Tensor
    basis: Tensor
    scale: Tensor
    bias: Tensor
    written: Tensor
    is_centred: bool

    @classmethod
    def of_image(cls, image: Tensor, features: Tensor, basis: Tensor, bias: Tensor) -> ImageRows:
        """Before the first block: `image` (N, C), whose rows sum to zero, plus featuresᵀ·basis + bias."""
        written = torch.addmm(image, features.T, centred(basis))
        return cls(features, basis, torch.ones(1, 1), bias, written, is_centred=True)

    def mixed(self, weights: Tensor, values: Tensor, norm: nn.LayerNorm) -> ImageRows:
        """The tokens plus weightsᵀ·values, then `norm`: weights (H, T, N) sum to one over T, values are (H, T, C).

        So an H-th of whatever is the same for all tokens rides on each head's values.
        """
        weights, values = weights.flatten(0, 1), (values + self.bias / weights.shape[0]).flatten(0, 1)
        written = self.written if self.is_centred else centred(self.written)
        written = torch.addmm(written, weights.T, centred(values))
        written, own = rms_norm(written, norm.weight, norm.eps)  # own: (N, 1)
        return ImageRows(
            torch.cat([self.features, weights / self.scale]),
            centred(torch.cat([self.basis, values])) * norm.weight,
            self.scale * own.T,
            norm.bias,
            written,
            is_centred=False,
        )

    def met_by(self, queries: Tensor, weight: Tensor, prepared: Tensor, constant: Tensor) -> Tensor:
        """Products (H, T, N) of queries (H, T, c) and the tokens behind `weight` (H*c, C).

        prepared (H, c, N) is the image's share; constant (H, c, N or 1) is what the tokens' bias, and whatever joins
        them, make of themselves behind `weight`.
        """
        heads = queries.shape[0]
        inward = (queries @ weight.unflatten(0, (heads, -1))).flatten(0, 1)  # (H*T, C)
        products = torch.addmm((queries @ prepared).flatten(0, 1), inward @ self.basis.T, self.features)
        return (products * self.scale + (queries @ constant).flatten(0, 1)).unflatten(0, (heads, -1))

    def summed(self, weights: Tensor, layer: nn.Linear, prepared: Tensor) -> Tensor:
        """weights (H, T, N), which sum to one over N, times the tokens behind `layer`: (T, H*c).

        prepared (H, N, c) is the image's share.
        """
        scaled = weights * self.scale
        share = (scaled.flatten(0, 1) @ self.features.T).unflatten(0, (weights.shape[0], -1))  # (H, T, r)
        mine = (
            F.linear(self.basis, layer.weight).unflatten(1, (weights.shape[0], -1)).transpose(0, 1)
        )  # (H, r, c)
        return (scaled @ prepared + share @ mine).transpose(0, 1).flatten(1) + layer(self.bias)


def before_norms(norms: Sequence[nn.LayerNorm], weight: Tensor) -> Tensor:
    """What the image is to be multiplied with, (C, k), to be read behind these norms through `weight` (k, C)."""
    weight = weight.T
    for norm in reversed(norms):
        weight = norm.weight[:, None] * weight
        weight = weight - weight.mean(0)
    return weight


def centred(x: Tensor) -> Tensor:
    """x with the mean of its last axis taken away."""
    return x - x.mean(-1, keepdim=True)
