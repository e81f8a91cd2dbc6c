"""The mask decoder for many prompts on one image, natively on a CPU: the same function with less work for each.

Three rearrangements, none an approximation. Thousands of image tokens meet a handful of prompt tokens, so projections
move to the side of the few ("absorption": `q·(X·Wk)ᵀ = (q·Wkᵀ)·Xᵀ`). While no prompt has touched the image its
projections are the same for all prompts and are computed once. And logits, half of the work, are made only of prompts
that are wanted when their predicted IoU is known, and only where there is image rather than padding.

P prompts, T tokens each, N image tokens, H heads of c channels, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.layers import LayerNorm2d
from annotator.sam.mask_decoder import MaskDecoder, to_tokens
from annotator.sam.model import Sam
from annotator.sam.products import affine, times
from annotator.sam.transformer import DownscaledAttention, TwoWayAttentionBlock

TILE = 512
"""Image tokens that are changed or upscaled together; what they become stays in the cache."""


@dataclass(frozen=True)
class Decoded:
    """Prompts that met the image: predicted IoU (P, 3), the mask tokens (P, 3, C) and image tokens (P, N, C)."""

    iou: Tensor
    tokens: Tensor
    image: Tensor


class GridDecoder:
    """`meet` prompts with the image of an embedding (1, C, h, w), then draw the masks that are wanted."""

    def __init__(self, sam: Sam, embedding: Tensor) -> None:
        self.prompt_encoder, self.decoder = sam.prompt_encoder, sam.mask_decoder
        self.grid = sam.config.embedding_size
        self.image = to_tokens(embedding)  # (1, N, C)
        self.position = to_tokens(self.prompt_encoder.get_dense_pe())
        self.features = self.prompt_encoder.match_features(embedding)
        self.upscaling = _Upscaling(self.decoder)
        encoder = self.prompt_encoder
        self.untouched: _Untouched | None = None
        if encoder.drawing_downscaling is None and encoder.matching is None:
            source = self.image + encoder.no_mask_embed.weight
            first = cast(TwoWayAttentionBlock, self.decoder.transformer.layers[0])
            self.untouched = _Untouched(source, source + self.position, first)

    def meet(self, coords: Tensor, labels: Tensor) -> Decoded:
        """Prompts with coords (P, n, 2) in the model's frame and labels (P, n), padding included."""
        prompts = self.prompt_encoder.embed_tokens(coords, labels)
        decoder = self.decoder
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        start = torch.cat([own.expand(len(prompts), -1, -1), prompts], dim=1)  # (P, T, C)
        tokens, image = start, self.untouched or self._touched(coords, labels)
        for layer in decoder.transformer.layers:
            tokens, image = _block(cast(TwoWayAttentionBlock, layer), tokens, start, image, self.position)
        count = 1 + decoder.num_mask_tokens
        chosen = tokens[:, :count]  # prompts are of no further use
        final = decoder.transformer.final_attn_token_to_image
        chosen = decoder.transformer.norm_final_attn(chosen + image.seen_by(final, chosen + start[:, :count]))
        iou = decoder.iou_prediction_head(chosen[:, 0])[:, 1:]
        assert isinstance(image, _Touched)
        return Decoded(iou, chosen[:, 2:], image.rows)

    def draw(self, decoded: Decoded, prompt: int, masks: Tensor, rows: int) -> Tensor:
        """Logits (M, 4*rows, 4w) of some masks (indices 0..2) of one prompt, in the upper `rows` of the embedding."""
        heads = self.decoder.output_hypernetworks_mlps
        kernels = torch.cat(
            [heads[1 + i](decoded.tokens[prompt, i : i + 1]) for i in masks.tolist()]
        )  # (M, C/8)
        image = decoded.image[prompt, : rows * self.grid[1]]
        logits = torch.cat([kernels @ self.upscaling(tile).T for tile in image.split(TILE)], dim=1)
        blocks = logits.view(-1, rows, self.grid[1], 2, 2, 2, 2)  # h, w, then y, x of each doubling
        return blocks.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, 4 * rows, 4 * self.grid[1])

    def _touched(self, coords: Tensor, labels: Tensor) -> _Touched:
        """The image with drawn or matched prompts in it."""
        dense = self.prompt_encoder.embed_dense(coords, labels, None, self.features)
        rows = self.image + to_tokens(dense)
        return _Touched(rows, rows + self.position)


class _Untouched:
    """The image before any prompt: keys (H, c, N), values (H, N, c) and queries (H, c, N), the same for all."""

    def __init__(self, rows: Tensor, keyed: Tensor, block: TwoWayAttentionBlock) -> None:
        to_image, to_tokens = block.cross_attn_token_to_image, block.cross_attn_image_to_token
        heads = to_image.num_heads
        self.rows = rows
        self.keys = _heads(to_image.k_proj(keyed[0]), heads).transpose(1, 2).contiguous()
        self.values = _heads(to_image.v_proj(rows[0]), heads)
        self.queries = _heads(to_tokens.q_proj(keyed[0]), heads).transpose(1, 2).contiguous()

    def seen_by(self, attention: DownscaledAttention, queries: Tensor) -> Tensor:
        """Tokens (P, T, C) attend to the image."""
        prompts, count, _ = queries.shape
        q = _heads(attention.q_proj(queries.flatten(0, 1)), attention.num_heads) * attention.scale
        weights = q @ self.keys  # (H, P*T, N)
        y = torch.softmax(weights, -1, out=weights) @ self.values
        return attention.out_proj(_merge(y)).unflatten(0, (prompts, count))

    def looking_at(self, attention: DownscaledAttention, keys: Tensor) -> Tensor:
        """The image's attention to tokens (P, T, C) before the softmax: (P, H, T, N)."""
        prompts, count, _ = keys.shape
        k = _heads(attention.k_proj(keys.flatten(0, 1)), attention.num_heads) * attention.scale
        return (k @ self.queries).unflatten(1, (prompts, count)).transpose(0, 1)


class _Touched:
    """The image once prompts have changed it: rows (P, N, C), and with the position code, keyed (P, N, C)."""

    def __init__(self, rows: Tensor, keyed: Tensor) -> None:
        self.rows, self.keyed = rows, keyed

    def seen_by(self, attention: DownscaledAttention, queries: Tensor) -> Tensor:
        """Tokens (P, T, C) attend to the image. A constant added to every key changes no softmax."""
        heads = attention.num_heads
        q = (attention.q_proj(queries) * attention.scale).unflatten(-1, (heads, -1)).transpose(1, 2)
        inward = q @ attention.k_proj.weight.unflatten(0, (heads, -1))  # (P, H, T, C)
        weights = _products(inward.flatten(1, 2), self.keyed.transpose(1, 2))  # (P, H*T, N)
        seen = _products(torch.softmax(weights, -1, out=weights), self.rows)  # (P, H*T, C)
        value = attention.v_proj.weight.unflatten(0, (heads, -1)).transpose(1, 2)  # (H, C, c)
        y = (seen.unflatten(1, (heads, -1)) @ value).transpose(1, 2).flatten(2)  # (P, T, H*c)
        return attention.out_proj(y + attention.v_proj.bias)

    def looking_at(self, attention: DownscaledAttention, keys: Tensor) -> Tensor:
        """The image's attention to tokens (P, T, C) before the softmax: (P, H, T, N)."""
        heads = attention.num_heads
        k = (attention.k_proj(keys) * attention.scale).unflatten(-1, (heads, -1)).transpose(1, 2)
        outward = k @ attention.q_proj.weight.unflatten(0, (heads, -1))  # (P, H, T, C)
        bias = k @ attention.q_proj.bias.unflatten(0, (heads, -1))[..., None]  # (P, H, T, 1)
        logits = _products(outward.flatten(1, 2), self.keyed.transpose(1, 2))
        return logits.add_(bias.flatten(1, 2)).unflatten(1, (heads, -1))


def _block(
    block: TwoWayAttentionBlock, tokens: Tensor, start: Tensor, image: _Untouched | _Touched, position: Tensor
) -> tuple[Tensor, _Touched]:
    """One two-way block: tokens (P, T, C) and the image before and after."""
    if block.first:
        tokens = block.self_attn(q=tokens, k=tokens, v=tokens)
    else:
        q = tokens + start
        tokens = tokens + block.self_attn(q=q, k=q, v=tokens)
    tokens = block.norm1(tokens)
    tokens = block.norm2(tokens + image.seen_by(block.cross_attn_token_to_image, tokens + start))
    tokens = block.norm3(tokens + block.mlp(tokens))
    attention = block.cross_attn_image_to_token
    weights = image.looking_at(attention, tokens + start).softmax(2).flatten(1, 2)  # (P, H*T, N)
    return tokens, _mixed(image.rows, weights, _outward(attention, tokens), block.norm4, position)


def _mixed(rows: Tensor, weights: Tensor, outward: Tensor, norm: nn.LayerNorm, position: Tensor) -> _Touched:
    """norm(rows (P or 1, N, C) + weights (P, r, N) transposed · outward (P, r, C)), a tile at a time in the cache."""
    mixed = rows.new_empty(len(weights), *rows.shape[1:])
    keyed = torch.empty_like(mixed)
    for prompt, source in enumerate(rows.expand_as(mixed)):
        for start in range(0, source.shape[0], TILE):
            tile = slice(start, start + TILE)
            normed = norm(torch.addmm(source[tile], weights[prompt, :, tile].T, outward[prompt]))
            mixed[prompt, tile] = normed
            torch.add(normed, position[0, tile], out=keyed[prompt, tile])
    return _Touched(mixed, keyed)


def _outward(attention: DownscaledAttention, tokens: Tensor) -> Tensor:
    """What tokens (P, T, C) add to the image per unit of attention, (P, H*T, C).

    The output projection is linear, so the few go through it; weights sum to one in each head, so an H-th of its bias
    rides on each.
    """
    heads = attention.num_heads
    v = attention.v_proj(tokens).unflatten(-1, (heads, -1)).transpose(1, 2)  # (P, H, T, c)
    outward = v @ attention.out_proj.weight.T.unflatten(0, (heads, -1))  # (P, H, T, C)
    return (outward + attention.out_proj.bias / heads).flatten(1, 2)


class _Upscaling:
    """The decoder's upscaling of tokens: (n, C) to (n*16, C/8), each token's 4×4 pixels, as 2×2 blocks of 2×2."""

    def __init__(self, decoder: MaskDecoder) -> None:
        first, norm, _, second, _ = decoder.output_upscaling
        assert isinstance(norm, LayerNorm2d)
        self.first, self.second = (_transposed(cast(nn.ConvTranspose2d, layer)) for layer in (first, second))
        self.norm = norm

    def __call__(self, rows: Tensor) -> Tensor:
        x = affine(rows, *self.first).view(-1, self.norm.weight.shape[0])
        x = F.gelu(self.norm.channels_last(x))  # (n*4, C/4)
        return affine(x, *self.second, gelu=True).view(len(rows) * 16, -1)


def _transposed(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """A 2×2 stride-2 transposed convolution as one product a pixel: weight (4*Cout, Cin), bias (4*Cout,)."""
    assert layer.bias is not None
    return layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias.repeat(4)


def _products(x: Tensor, y: Tensor) -> Tensor:
    """x (P, n, k) times y (P, k, m)."""
    return torch.stack([times(one, other) for one, other in zip(x, y, strict=True)])


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(1, (heads, -1)).transpose(0, 1)  # (rows, H*c) -> (H, rows, c)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(0, 1).flatten(1)  # (H, rows, c) -> (rows, H*c)
