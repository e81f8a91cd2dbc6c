"""The mask decoder rearranged for the browser: the same function of the same weights, with less work per click.

Four graphs. *Prelude* runs once per image, *MaskPrompt* once per mask prompt, *Click* once per prompt set; *Upscale*
turns a click into logits, for a part of the image at a time: the padding shows no mask, and is wanted only when the
logits come back as a mask prompt. Three identities make this cheap; none of them is an approximation:

* **Linearity.** Thousands of image tokens meet a handful of prompt tokens, so all that a click changes of them is a sum
  of few terms (`image_rows.py`). What the decoder multiplies the image with is multiplied once, in the prelude; a
  click only adds its terms.
* **Absorption.** With `k = X·Wk`, each head's `q_h·k_hᵀ` equals `(q_h·Wk_hᵀ)·Xᵀ`, and `Σ p·(X·Wv_h)` is `(Σ p·X)·Wv_h`:
  weights move to the side of the few prompt tokens. A constant added to every key does not change a softmax; one added
  to every value passes through, because weights sum to one.
* **Locality.** The two transposed convolutions do not overlap: each image token makes its own 4×4 logits.

onnxruntime-web's LayerNorm kernel is slow, so layer norms of many rows are written out: centring moves into the
weights in front where it can, gain and bias into the weights behind.

Tokens are rows except where they meet heads or mixes (N = h·w image tokens, T prompt tokens, C = 256 channels, H = 8
heads of c channels, L blocks).
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.image_rows import ImageRows, before_norms, centred
from annotator.sam.layers import MLP, LayerNorm2d
from annotator.sam.mask_decoder import MaskDecoder
from annotator.sam.model import Sam
from annotator.sam.prompt_encoder import PromptEncoder
from annotator.sam.rms_norm import rms_norm
from annotator.sam.transformer import DownscaledAttention, TwoWayAttentionBlock


class Reading(NamedTuple):
    """The image behind a block's projections: keys (H, c, N) and values (H, N, c) for the tokens, queries (H, c, N) to
    them. The last reading, by the final attention, has no queries.

    What joins keys and queries is position codes and biases behind the same projections, (H, c, N). The first reading
    holds its position codes already and leaves the bias, which depends on the prompts, to the click.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor | None
    joins_keys: Tensor | None
    joins_queries: Tensor | None


class Prepared(NamedTuple):
    """What clicks reuse: image (N, C), the embedding with `no_mask_embed` and each token's mean taken away; a reading
    for each block and the final one; where the model matches prompts, its features (1, LEVELS, FEATURES, 4h, 4w).
    """

    image: Tensor
    readings: list[Reading]
    features: Tensor | None


class Prelude(nn.Module):
    """Once per image: image_embeddings (1, C, h, w) to what every click reuses, and pixels (N, C) for `Upscale`."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder, self.decoder = sam.prompt_encoder, sam.mask_decoder

    def forward(self, image_embeddings: Tensor) -> tuple[Prepared, Tensor]:
        image = image_embeddings.flatten(2)[0].T + self.prompt_encoder.no_mask_embed.weight  # (N, C)
        position = _position(self.prompt_encoder)
        readings = [self._reading(image, position, level) for level in range(len(_blocks(self.decoder)) + 1)]
        features = self.prompt_encoder.match_features(image_embeddings)
        weight, _ = _first_upscaling(self.decoder)
        pixels = image @ before_norms(_norms(self.decoder), weight)
        return Prepared(centred(image), readings, features), pixels

    def _reading(self, image: Tensor, position: Tensor, level: int) -> Reading:
        to_image, to_tokens = _attentions(self.decoder)[level]
        norms = _norms(self.decoder)[:level]
        positioned = image if norms else image + position

        def read(x: Tensor, layer: nn.Linear) -> Tensor:
            """The image's share (H, N, c) of what `layer` makes of the tokens, without its bias."""
            return _heads(x @ before_norms(norms, layer.weight), to_image.num_heads)

        values = read(image, to_image.v_proj)
        keys = read(positioned, to_image.k_proj).transpose(1, 2)
        queries = None if to_tokens is None else read(positioned, to_tokens.q_proj).transpose(1, 2)
        if not norms:
            return Reading(keys, values, queries, None, None)
        joining = norms[-1].bias + position
        return Reading(
            keys,
            values,
            queries,
            _joined(to_image.k_proj, joining, to_image.num_heads),
            None if to_tokens is None else _joined(to_tokens.q_proj, joining, to_tokens.num_heads),
        )


def _joined(layer: nn.Linear, x: Tensor, heads: int) -> Tensor:
    """What x (N or 1, C) adds to the keys or queries (H, c, N or 1) that `layer` makes."""
    return _heads(layer(x), heads).transpose(1, 2)


class Drawing(NamedTuple):
    """What `Upscale` needs of a click: features (r, N) and basis (r, C) of the image tokens behind its first layer,
    their scale (1, N) and offset (C,), kernels (4, C/8) that make the masks."""

    features: Tensor
    basis: Tensor
    scale: Tensor
    offset: Tensor
    kernels: Tensor


class Click(nn.Module):
    """Per prompt set: the prelude's results and prompts to what masks are drawn from, and predicted IoU (4,).

    `mask_rows` (R, N) comes from `MaskPrompt`, or from `no_mask_rows` where there is no mask prompt. Mask 0 is for
    unambiguous prompts.
    """

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder = sam.prompt_encoder
        self.decoder = sam.mask_decoder

    def forward(
        self, prepared: Prepared, point_coords: Tensor, point_labels: Tensor, mask_rows: Tensor
    ) -> tuple[Drawing, Tensor]:
        prompts = self.prompt_encoder.embed_tokens(point_coords, point_labels)[0]  # (n, C)
        own = torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])
        start = torch.cat([own, prompts])  # (T, C)
        rows = self._start_rows(prepared, point_coords, point_labels, mask_rows)

        tokens = start
        *readings, last = prepared.readings
        for reading, block in zip(readings, _blocks(self.decoder), strict=True):
            if block.first:
                tokens = block.norm1(_self_attention(block.self_attn, start, start))
            else:
                tokens = block.norm1(tokens + _self_attention(block.self_attn, tokens + start, tokens))
            attended = _to_image(block.cross_attn_token_to_image, tokens + start, rows, reading)
            tokens = block.norm2(tokens + attended)
            tokens = block.norm3(tokens + block.mlp(tokens))
            weights, values = _to_tokens(
                block.cross_attn_image_to_token, rows, tokens + start, tokens, reading
            )
            rows = rows.mixed(weights, values, block.norm4)
        count = 1 + self.decoder.num_mask_tokens  # prompts are of no further use
        chosen, final = tokens[:count], self.decoder.transformer.final_attn_token_to_image
        attended = _to_image(final, chosen + start[:count], rows, last)
        chosen = self.decoder.transformer.norm_final_attn(chosen + attended)
        return self._drawing(rows, chosen), _iou(self.decoder, chosen)

    def _start_rows(self, prepared: Prepared, coords: Tensor, labels: Tensor, mask_rows: Tensor) -> ImageRows:
        """The image with what mask prompt and drawn or matched prompts add."""
        encoder = self.prompt_encoder
        rows, weights = [mask_rows], [_mask_weight(encoder)[: mask_rows.shape[0]]]
        constant = torch.zeros_like(encoder.no_mask_embed.weight[0])
        for layers, maps in encoder.prompt_maps(coords, labels, prepared.features):
            last = cast(nn.Conv2d, layers[-1])
            assert last.bias is not None
            rows.append(layers[:-1](maps)[0].flatten(1))
            weights.append(last.weight.flatten(1).T)
            constant = constant + last.bias
        return ImageRows.of_image(prepared.image, torch.cat(rows), torch.cat(weights), constant)

    def _drawing(self, rows: ImageRows, chosen: Tensor) -> Drawing:
        kernels = [mlp(chosen[1 + i : 2 + i]) for i, mlp in enumerate(self.decoder.output_hypernetworks_mlps)]
        weight, bias = _first_upscaling(self.decoder)
        offset = F.linear(rows.bias, weight, bias)
        return Drawing(rows.features, rows.basis @ weight.T, rows.scale, offset, torch.cat(kernels))


class Upscale(nn.Module):
    """A click and the prelude's pixels to logits (M, 4·height, 4·width) of a window, one mask a kernel.

    `window` is (y0, y1, x0, x1) in embedding cells.
    """

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.decoder = sam.mask_decoder
        self.grid = sam.config.embedding_size

    def forward(self, pixels: Tensor, drawing: Drawing, window: Tensor) -> Tensor:
        y0, y1, x0, x1 = window.unbind()
        _, norm, _, second, _ = self.decoder.output_upscaling
        assert isinstance(norm, LayerNorm2d)
        assert isinstance(second, nn.ConvTranspose2d)

        def cut(x: Tensor) -> Tensor:  # (k, N) -> (k, n)
            return x.unflatten(1, self.grid)[:, y0:y1, x0:x1].flatten(1)

        pixels = pixels.unflatten(0, self.grid)[y0:y1, x0:x1].flatten(0, 1)
        x = torch.addmm(pixels, cut(drawing.features).T, drawing.basis)  # (n, C)
        x = x * cut(drawing.scale).T + drawing.offset
        x = x.view(-1, norm.weight.shape[0])  # (n*4, C/4), each row of which sums to zero
        x, _ = rms_norm(x, norm.weight, norm.eps)
        x = F.gelu(x + norm.bias)
        weight, bias = _transposed(second)
        x = F.gelu(torch.addmm(bias, x, weight.T)).view(-1, second.out_channels)  # (n*16, C/8)
        logits = drawing.kernels @ x.T  # (M, n*16)
        # Rows and columns of cells, then y, x of each doubling.
        rows, columns = cast(int, y1 - y0), cast(int, x1 - x0)
        logits = logits.view(logits.shape[0], rows, columns, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return logits.reshape(logits.shape[0], 4 * rows, 4 * columns)


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


def _to_image(attention: DownscaledAttention, queries: Tensor, rows: ImageRows, reading: Reading) -> Tensor:
    """Tokens (T, C) attend to the image. The bias of keys changes no softmax, but position codes do."""
    q = _heads(attention.q_proj(queries), attention.num_heads) * _scale(attention)  # (H, T, c)
    joins = reading.joins_keys
    if joins is None:
        joins = _joined(attention.k_proj, rows.bias[None], attention.num_heads)
    weights = rows.met_by(q, attention.k_proj.weight, reading.keys, joins).softmax(-1)  # (H, T, N)
    return attention.out_proj(rows.summed(weights, attention.v_proj, reading.values))


def _to_tokens(
    attention: DownscaledAttention, rows: ImageRows, keys: Tensor, values: Tensor, reading: Reading
) -> tuple[Tensor, Tensor]:
    """The image attends to tokens (T, C): weights (H, T, N) and values (H, T, C) whose mix is what joins the image.

    The output projection is linear, so it is the tokens that go through it.
    """
    assert reading.queries is not None
    k = _heads(attention.k_proj(keys), attention.num_heads) * _scale(attention)  # (H, T, c)
    joins = reading.joins_queries
    if joins is None:
        joins = _joined(attention.q_proj, rows.bias[None], attention.num_heads)
    weights = _softmax_over_few(rows.met_by(k, attention.q_proj.weight, reading.queries, joins))
    v = _heads(attention.v_proj(values), attention.num_heads)  # (H, T, c)
    outward = v @ attention.out_proj.weight.T.unflatten(0, (attention.num_heads, -1))  # (H, T, C)
    return weights, outward + attention.out_proj.bias / attention.num_heads


def _softmax_over_few(logits: Tensor) -> Tensor:
    """Of (H, T, N) over T; the runtime's kernel would turn the axes round and back."""
    powers = (logits - logits.amax(1, keepdim=True)).exp()
    return powers / powers.sum(1, keepdim=True)


def _self_attention(attention: DownscaledAttention, queries: Tensor, values: Tensor) -> Tensor:
    """Among the few prompt tokens nothing is worth rearranging."""
    return attention(q=queries[None], k=queries[None], v=values[None])[0]


def _iou(decoder: MaskDecoder, chosen: Tensor) -> Tensor:
    head = decoder.iou_prediction_head
    assert isinstance(head, MLP)
    return head(chosen[:1])[0]


def _first_upscaling(decoder: MaskDecoder) -> tuple[Tensor, Tensor]:
    """As `_transposed`, each pixel's channels centred for the layer norm that follows."""
    layer = decoder.output_upscaling[0]
    assert isinstance(layer, nn.ConvTranspose2d)
    weight, bias = _transposed(layer)
    channels = layer.out_channels
    weight = centred(weight.T.unflatten(1, (4, channels))).flatten(1).T
    return weight, centred(bias.unflatten(0, (4, channels))).flatten()


def _transposed(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """A 2×2 stride-2 transposed convolution as one product a pixel: weight (4*Cout, Cin), bias (4*Cout,)."""
    assert layer.bias is not None
    return layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias.repeat(4)


def _attentions(decoder: MaskDecoder) -> list[tuple[DownscaledAttention, DownscaledAttention | None]]:
    """Who reads the image behind none, one, two … layer norms: to the image, and from it."""
    blocks = [
        (block.cross_attn_token_to_image, block.cross_attn_image_to_token) for block in _blocks(decoder)
    ]
    return [*blocks, (decoder.transformer.final_attn_token_to_image, None)]


def _norms(decoder: MaskDecoder) -> list[nn.LayerNorm]:
    return [block.norm4 for block in _blocks(decoder)]


def _blocks(decoder: MaskDecoder) -> list[TwoWayAttentionBlock]:
    return [cast(TwoWayAttentionBlock, block) for block in decoder.transformer.layers]


def _position(encoder: PromptEncoder) -> Tensor:
    """Position codes (N, C) of the cells; the prelude computes them, which costs less than sending them.

    A cell's phase is one of its column plus one of its row, so that few sines make those of all cells.
    """
    height, width = encoder.image_embedding_size
    turns = 2 * math.pi * encoder.pe_layer.positional_encoding_gaussian_matrix.float()  # (2, C/2)

    def phases(cells: int, axis: int) -> Tensor:
        middles = (torch.arange(cells, dtype=torch.float32, device=turns.device) + 0.5) / cells
        return (2 * middles - 1)[:, None] * turns[axis]

    x, y = phases(width, 0)[None], phases(height, 1)[:, None]  # (1, w, C/2), (h, 1, C/2)
    sine = x.sin() * y.cos() + x.cos() * y.sin()
    cosine = x.cos() * y.cos() - x.sin() * y.sin()
    return torch.cat([sine, cosine], dim=-1).flatten(0, 1)


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(1, (heads, -1)).transpose(0, 1)  # (rows, H*c) -> (H, rows, c)


def _scale(attention: DownscaledAttention) -> float:
    return 1 / math.sqrt(attention.q_proj.out_features / attention.num_heads)
