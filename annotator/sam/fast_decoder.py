"""The mask decoder rearranged for the browser: the same function of the same weights, with less work per click.

Three graphs. *Prelude* runs once per image: what block 0 needs of the image does not depend on the prompt. *Click*
runs per prompt set. *MaskPrompt* runs before a click that has a mask prompt; without one the click gets a row of zeros.
Three identities make this cheap; none of them is an approximation:

* **Absorption.** Thousands of image tokens meet a handful of prompt tokens. With `k = X·Wk`, each head's
  `q_h·k_hᵀ` equals `(q_h·Wk_hᵀ)·Xᵀ`: the few tokens are projected into image space and X is never projected. Likewise
  `Σ p·(X·Wv_h)` is `(Σ p·X)·Wv_h`, and on the way back the output projection moves onto the tokens. A constant added
  to every key does not change a softmax; one added to every value passes through, because weights sum to one.
* **Low rank.** A mask prompt (or drawn prompts) enters as `features·W` with 16 features a cell, so its share of keys,
  queries and values is a product with the features, not with the image.
* **Locality.** The two transposed convolutions do not overlap: each image token makes its own 4×4 logits, and tokens
  that lie in the padding need not make any.

onnxruntime-web's LayerNorm kernel is slow, so layer norms of many rows are written out: centring moves into the
weights in front where it can, gain and bias into the weights behind.

Tokens are rows throughout (N = h·w image tokens, T prompt tokens, C = 256 channels, H = 8 heads of c channels).
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.layers import MLP, LayerNorm2d
from annotator.sam.mask_decoder import MaskDecoder
from annotator.sam.model import Sam
from annotator.sam.prompt_encoder import PromptEncoder
from annotator.sam.transformer import DownscaledAttention, TwoWayAttentionBlock

Prepared = tuple[Tensor, ...]


class Prelude(nn.Module):
    """Once per image: image_embeddings (1, C, h, w) to what every click reuses.

    Returns `Prepared`: image (N, C), the embedding with `no_mask_embed` added and each row's mean taken away (all
    that still reads it is a layer norm); keys (H, c, N), values (H, N, c) and queries (H, N, c) of block 0's two
    cross-attentions; where the model matches prompts, also its features (1, LEVELS, FEATURES, 4h, 4w). The key
    bias is left out: softmax does not see it.
    """

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder = sam.prompt_encoder
        block = _blocks(sam.mask_decoder)[0]
        self.to_image = block.cross_attn_token_to_image
        self.to_tokens = block.cross_attn_image_to_token

    def forward(self, image_embeddings: Tensor) -> Prepared:
        image = image_embeddings.flatten(2)[0].T + self.prompt_encoder.no_mask_embed.weight  # (N, C)
        keyed = image + _position(self.prompt_encoder)
        heads = self.to_image.num_heads
        keys = F.linear(keyed, self.to_image.k_proj.weight).unflatten(1, (heads, -1)).permute(1, 2, 0)
        values = _heads(self.to_image.v_proj(image), heads)
        queries = _heads(self.to_tokens.q_proj(keyed), heads)
        features = self.prompt_encoder.match_features(image_embeddings)
        return (_centred(image), keys, values, queries, *(() if features is None else (features,)))


class Click(nn.Module):
    """Per prompt set: the prelude's results and prompts to low-resolution logits and predicted IoU.

    `mask_rows` (R, N) comes from `MaskPrompt`, or from `no_mask_rows` where there is no mask prompt. Masks are
    (4, 4h, 4w), index 0 for unambiguous prompts; predicted IoU is (4,).
    """

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder = sam.prompt_encoder
        self.decoder = sam.mask_decoder
        self.grid = sam.config.embedding_size

    def forward(
        self, prepared: Prepared, point_coords: Tensor, point_labels: Tensor, mask_rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        image, keys, values, queries, *features = prepared
        prompts = self.prompt_encoder.embed_tokens(point_coords, point_labels)[0]  # (n, C)
        own = torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])
        start = torch.cat([own, prompts])  # (T, C)
        dense = self._dense(point_coords, point_labels, mask_rows, features[0] if features else None)

        position = _position(self.prompt_encoder)
        first, *later = _blocks(self.decoder)
        tokens = first.norm1(_self_attention(first.self_attn, start, start))
        tokens = first.norm2(
            tokens + _hoisted_to_image(first.cross_attn_token_to_image, tokens + start, keys, values, dense)
        )
        tokens = first.norm3(tokens + first.mlp(tokens))
        mixed = _hoisted_to_tokens(
            first.cross_attn_image_to_token, dense.added_to(image), queries, tokens + start, tokens, dense
        )
        rows = NormalisedRows(mixed, first.norm4, centred=True)
        for block in later:
            keyed = rows.scaled + (rows.bias + position)
            tokens = block.norm1(tokens + _self_attention(block.self_attn, tokens + start, tokens))
            tokens = block.norm2(
                tokens + absorbed_to_image(block.cross_attn_token_to_image, tokens + start, keyed, rows)
            )
            tokens = block.norm3(tokens + block.mlp(tokens))
            mixed = absorbed_to_tokens(block.cross_attn_image_to_token, rows, keyed, tokens + start, tokens)
            rows = NormalisedRows(mixed, block.norm4, centred=False)
        final = self.decoder.transformer.final_attn_token_to_image
        count = 1 + self.decoder.num_mask_tokens
        chosen = tokens[:count]  # prompts are of no further use
        keyed = rows.scaled + (rows.bias + position)
        attended = absorbed_to_image(final, chosen + start[:count], keyed, rows)
        chosen = self.decoder.transformer.norm_final_attn(chosen + attended)
        return self._masks(rows, chosen), _iou(self.decoder, chosen)

    def _dense(
        self, coords: Tensor, labels: Tensor, mask_rows: Tensor, features: Tensor | None
    ) -> DenseUpdate:
        """What mask prompt and drawn or matched prompts add to the image."""
        encoder = self.prompt_encoder
        rows, weights = [mask_rows], [_mask_weight(encoder)[: mask_rows.shape[0]]]
        constant = torch.zeros_like(encoder.no_mask_embed.weight[0])
        for layers, maps in encoder.prompt_maps(coords, labels, features):
            last = cast(nn.Conv2d, layers[-1])
            assert last.bias is not None
            rows.append(layers[:-1](maps)[0].flatten(1))
            weights.append(last.weight.flatten(1).T)
            constant = constant + last.bias
        return DenseUpdate(torch.cat(rows), torch.cat(weights), constant)

    def _masks(self, rows: NormalisedRows, chosen: Tensor) -> Tensor:
        """(N, C) and the five own tokens to logits (4, 4h, 4w)."""
        features = upscale_tokens(self.decoder, rows)  # (N*16, C/8)
        weights = torch.cat(
            [mlp(chosen[1 + i : 2 + i]) for i, mlp in enumerate(self.decoder.output_hypernetworks_mlps)]
        )
        height, width = self.grid
        logits = (features @ weights.T).view(
            height, width, 2, 2, 2, 2, -1
        )  # h, w, then y, x of each doubling
        return logits.permute(6, 0, 2, 4, 1, 3, 5).reshape(-1, 4 * height, 4 * width)


class MaskPrompt(nn.Module):
    """Per mask prompt: logits (1, 1, 4h, 4w) to the rows (R, N) that a click takes; the last one is all ones."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.layers = sam.prompt_encoder.mask_downscaling[:-1]

    def forward(self, mask_input: Tensor) -> Tensor:
        rows = self.layers(mask_input)[0].flatten(1)
        return torch.cat([rows, torch.ones_like(rows[:1])])


def no_mask_rows(sam: Sam) -> Tensor:
    """What a click takes where there is no mask prompt, (1, N): runtimes fail on matrices without rows."""
    height, width = sam.config.embedding_size
    return torch.zeros(1, height * width)


def _mask_weight(encoder: PromptEncoder) -> Tensor:
    """Of the rows of `MaskPrompt`, (R, C): the last one exchanges the image without a mask prompt for one with."""
    last = cast(nn.Conv2d, encoder.mask_downscaling[-1])
    assert last.bias is not None
    exchanged = last.bias - encoder.no_mask_embed.weight[0]
    return torch.cat([last.weight.flatten(1).T, exchanged[None]])


class DenseUpdate:
    """A change of the image that is `features`ᵀ (R, N) times `weight` (R, C) plus `constant` (C,)."""

    def __init__(self, features: Tensor, weight: Tensor, constant: Tensor) -> None:
        self.features, self.weight, self.constant = features, weight, constant

    def added_to(self, image: Tensor) -> Tensor:
        """`image` (N, C) of centred rows with the update, rows centred again."""
        return torch.addmm(image + _centred(self.constant), self.features.T, _centred(self.weight))

    def projected(self, layer: nn.Linear, heads: int) -> Tensor:
        """Weights (H, R, c) of the update behind a linear layer."""
        return _heads(F.linear(self.weight, layer.weight), heads)


class NormalisedRows:
    """A layer norm of many rows (N, C), with its gain and bias left to whoever reads them.

    `centred` says that each row of `x` sums to zero already.
    """

    def __init__(self, x: Tensor, norm: nn.LayerNorm | LayerNorm2d, *, centred: bool) -> None:
        x = x if centred else _centred(x)
        self.rows = x * torch.rsqrt((x * x).mean(-1, keepdim=True) + norm.eps)
        self.gain, self.bias = norm.weight, norm.bias
        self.scaled = self.rows * self.gain  # (N, C); `scaled + bias` is the layer norm


def absorbed_to_image(
    attention: DownscaledAttention, queries: Tensor, keyed: Tensor, image: NormalisedRows
) -> Tensor:
    """Tokens (T, C) attend to image tokens: keys from `keyed` (N, C), values from `image` (N, C)."""
    heads = attention.num_heads
    q = _heads(attention.q_proj(queries), heads) * _scale(attention)  # (H, T, c)
    inward = q @ attention.k_proj.weight.unflatten(0, (heads, -1))  # (H, T, C)
    weights = (inward.flatten(0, 1) @ keyed.T).softmax(-1)  # (H*T, N)
    summary = (weights @ image.scaled + image.bias).unflatten(0, (heads, -1))  # (H, T, C)
    value = attention.v_proj.weight.unflatten(0, (heads, -1)).transpose(1, 2)  # (H, C, c)
    return attention.out_proj(_merge(summary @ value) + attention.v_proj.bias)


def absorbed_to_tokens(
    attention: DownscaledAttention, image: NormalisedRows, keyed: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """Image tokens attend to tokens (T, C): `image` (N, C) plus the attention's output, queries from `keyed`."""
    heads = attention.num_heads
    k = _heads(attention.k_proj(keys), heads) * _scale(attention)  # (H, T, c)
    outward = k @ attention.q_proj.weight.unflatten(0, (heads, -1))  # (H, T, C)
    bias = (k @ attention.q_proj.bias.unflatten(0, (heads, -1))[..., None]).flatten()  # (H*T,)
    logits = torch.addmm(bias, keyed, outward.flatten(0, 1).T)  # (N, H*T)
    return _mixed(attention, image.scaled, logits, values, shift=image.bias, centred=False)


def _hoisted_to_image(
    attention: DownscaledAttention, queries: Tensor, keys: Tensor, values: Tensor, dense: DenseUpdate
) -> Tensor:
    """Block 0's tokens-to-image attention on the prelude's keys (H, c, N) and values (H, N, c)."""
    heads = attention.num_heads
    q = _heads(attention.q_proj(queries), heads) * _scale(attention)  # (H, T, c)
    logits = q @ keys  # (H, T, N)
    logits = logits + (q @ dense.projected(attention.k_proj, heads).transpose(1, 2)) @ dense.features
    weights = logits.softmax(-1)
    mixed = weights @ values  # (H, T, c)
    mixed = mixed + (weights @ dense.features.T) @ dense.projected(attention.v_proj, heads)
    return attention.out_proj(_merge(mixed) + F.linear(dense.constant, attention.v_proj.weight))


def _hoisted_to_tokens(
    attention: DownscaledAttention,
    image: Tensor,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    dense: DenseUpdate,
) -> Tensor:
    """Block 0's image-to-tokens attention on the prelude's queries (H, N, c)."""
    heads = attention.num_heads
    k = (_heads(attention.k_proj(keys), heads) * _scale(attention)).transpose(1, 2)  # (H, c, T)
    logits = (queries @ k).transpose(0, 1).flatten(1)  # (N, H*T)
    share = (dense.projected(attention.q_proj, heads) @ k).transpose(0, 1).flatten(1)  # (R, H*T)
    moved = F.linear(dense.constant, attention.q_proj.weight).unflatten(0, (heads, 1, -1))  # (H, 1, c)
    logits = torch.addmm(logits + (moved @ k).flatten(), dense.features.T, share)
    return _mixed(attention, image, logits, values, shift=torch.zeros_like(image[0]), centred=True)


def _mixed(
    attention: DownscaledAttention,
    image: Tensor,
    logits: Tensor,
    values: Tensor,
    *,
    shift: Tensor,
    centred: bool,
) -> Tensor:
    """image (N, C) + shift (C,) + out_proj(softmax(logits (N, H*T)) · v), the projection moved onto the tokens.

    The softmax of each head sums to one, so an H-th of all constants rides on each head's value. With `centred`,
    what is added to the image has rows that sum to zero.
    """
    heads = attention.num_heads
    weights = logits.unflatten(1, (heads, -1)).softmax(-1).flatten(1)  # (N, H*T)
    v = _heads(attention.v_proj(values), heads)  # (H, T, c)
    outward = v @ attention.out_proj.weight.T.unflatten(0, (heads, -1))  # (H, T, C)
    outward = (outward + (attention.out_proj.bias + shift) / heads).flatten(0, 1)
    if centred:
        outward = _centred(outward)
    return torch.addmm(image, weights, outward)


def upscale_tokens(decoder: MaskDecoder, image: NormalisedRows) -> Tensor:
    """(N, C) to (N*16, C/8): each token's 4×4 pixels as 2×2 blocks of 2×2."""
    first, norm, _, second, _ = decoder.output_upscaling
    assert isinstance(first, nn.ConvTranspose2d)
    assert isinstance(norm, LayerNorm2d)
    assert isinstance(second, nn.ConvTranspose2d)
    weight, bias = _transposed(first)
    weight, bias = _centred(weight), _centred(bias)  # for the layer norm over the 64 channels of each pixel
    bias = bias + (image.bias @ weight.flatten(1)).unflatten(0, (4, -1))
    weight = image.gain[:, None, None] * weight
    x = torch.addmm(bias.flatten(), image.rows, weight.flatten(1)).view(-1, first.out_channels)
    pixels = NormalisedRows(x, norm, centred=True)
    x = F.gelu(pixels.scaled + pixels.bias)  # (N*4, C/4)
    weight, bias = _transposed(second)
    return F.gelu(torch.addmm(bias.flatten(), x, weight.flatten(1))).view(-1, second.out_channels)


def _transposed(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """A 2×2 stride-2 transposed convolution as one product a pixel: weight (Cin, 4, Cout), bias (4, Cout)."""
    assert layer.bias is not None
    return layer.weight.permute(0, 2, 3, 1).flatten(1, 2), layer.bias.expand(4, -1)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


def _self_attention(attention: DownscaledAttention, queries: Tensor, values: Tensor) -> Tensor:
    """Among the few prompt tokens nothing is worth rearranging."""
    return attention(q=queries[None], k=queries[None], v=values[None])[0]


def _iou(decoder: MaskDecoder, chosen: Tensor) -> Tensor:
    head = decoder.iou_prediction_head
    assert isinstance(head, MLP)
    return head(chosen[:1])[0]


def _blocks(decoder: MaskDecoder) -> list[TwoWayAttentionBlock]:
    return [cast(TwoWayAttentionBlock, block) for block in decoder.transformer.layers]


def _position(encoder: PromptEncoder) -> Tensor:
    """Position codes (N, C); in a graph they are computed when it is loaded, which costs less than sending them."""
    return encoder.get_dense_pe()[0].flatten(1).T


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(1, (heads, -1)).transpose(0, 1)  # (rows, H*c) -> (H, rows, c)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(0, 1).flatten(1)  # (H, rows, c) -> (rows, H*c)


def _scale(attention: DownscaledAttention) -> float:
    return 1 / math.sqrt(attention.q_proj.out_features / attention.num_heads)
