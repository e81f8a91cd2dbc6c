"""Image embedding and prompts to mask logits and predicted IoU (SAM.md section 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.config import ModelConfig
from annotator.sam.layers import MLP, LayerNorm2d, conv_transpose_2x2
from annotator.sam.transformer import TwoWayTransformer

GUESS = 0.3
"""Difference of predicted IoU that makes one mask e times as likely to be meant as another."""


class MaskDecoder(nn.Module):
    """Works on tokens, channels last, throughout; only the finished logits are laid out as images."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        options, dim = config.mask_decoder, config.image_encoder.out_channels
        self.num_multimask_outputs = options.num_multimask_outputs
        self.num_mask_tokens = options.num_multimask_outputs + 1
        self.ranked_from = 0 if options.rank_single_mask else 1
        self.transformer = TwoWayTransformer(options.depth, dim, options.num_heads, options.mlp_dim)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(self.num_mask_tokens, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, kernel_size=2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(dim, dim, dim // 8, 3) for _ in range(self.num_mask_tokens)
        )
        self.iou_prediction_head = MLP(
            dim, options.iou_head_hidden_dim, self.num_mask_tokens, options.iou_head_depth
        )

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
    ) -> tuple[Tensor, Tensor]:
        """Masks 1..3 when `multimask_output`, else mask 0 alone: logits (B, 3|1, 4h, 4w), IoU (B, 3|1)."""
        masks, iou = self.predict_masks(
            image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings
        )
        chosen = slice(1, None) if multimask_output else slice(0, 1)
        return masks[:, chosen], iou[:, chosen]

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """All masks of B prompt sets: logits (B, 4, 4h, 4w), index 0 for unambiguous prompts, and IoU (B, 4).

        image_embeddings is (I, C, h, w) where I divides B: each image serves B/I consecutive prompt sets, so
        one embedding may come with many prompts and a batch of images with one or several each. image_pe is
        (1, C, h, w), sparse (B, T, C), dense (B, C, h, w). Raises ValueError when I does not divide B.
        """
        prompts, images = len(sparse_prompt_embeddings), len(image_embeddings)
        if images != prompts:
            if prompts % images:
                raise ValueError(f"{images} image embeddings cannot be shared out over {prompts} prompt sets")
            image_embeddings = image_embeddings.repeat_interleave(prompts // images, dim=0)
        source = image_embeddings + dense_prompt_embeddings
        return self.decode(source, to_tokens(image_pe), sparse_prompt_embeddings)

    def offered(self, scores: Tensor, logits: Tensor) -> Tensor:
        """The three masks (B, 3) that an ambiguous prompt is answered with, the shown one first.

        By predicted IoU, scores (B, 4), and where mask 0 is ranked by what the masks of logits (B, 4, h, w) share.
        """
        return self.ranked(scores if self.ranked_from > 0 else expected_iou(scores, logits))

    def ranked(self, scores: Tensor) -> Tensor:
        """Three masks (B, 3) by scores (B, 4), best first.

        Mask 0 takes the place of the least of the others where it is ranked and scores best of all. Second or third it
        would be one of the others once more: the mean of what they tell apart.
        """
        others = 1 + scores[:, 1:].argsort(dim=1, descending=True, stable=True)
        if self.ranked_from > 0:
            return others
        with_0 = F.pad(others[:, :-1], (1, 0))
        return torch.where(scores[:, :1] > scores[:, 1:].amax(dim=1, keepdim=True), with_0, others)

    def decode(self, source: Tensor, position: Tensor, sparse: Tensor) -> tuple[Tensor, Tensor]:
        """`predict_masks` on the sum of image embedding and dense prompt (B, C, h, w).

        `position` is the image's position code as tokens, (1, h*w, C).
        """
        height, width = source.shape[-2:]
        output_tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None]
        tokens = torch.cat([output_tokens.expand(sparse.shape[0], -1, -1), sparse], dim=1)  # (B, 5+T, C)
        tokens, image = self.transformer(to_tokens(source), position, tokens)

        features = self._upscale(image)  # (B, h*w*16, C/8)
        weights = torch.stack(
            [mlp(tokens[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )  # (B, 4, C/8)
        logits = _as_image(weights @ features.transpose(1, 2), height, width)
        return logits, self.iou_prediction_head(tokens[:, 0])

    def _upscale(self, image: Tensor) -> Tensor:
        """(B, h*w, C) to (B, h*w*16, C/8): each token's 4×4 pixels, as 2×2 blocks of 2×2."""
        first, norm, _, second, _ = self.output_upscaling
        assert isinstance(first, nn.ConvTranspose2d)
        assert isinstance(norm, LayerNorm2d)
        assert isinstance(second, nn.ConvTranspose2d)
        x = F.gelu(norm.channels_last(conv_transpose_2x2(first, image)))  # (B, h*w, 4, C/4)
        x = F.gelu(conv_transpose_2x2(second, x))  # (B, h*w, 4, 4, C/8)
        return x.flatten(1, 3)


def to_tokens(x: Tensor) -> Tensor:
    """(B, C, h, w) to (B, h*w, C)."""
    return x.flatten(2).transpose(1, 2)


def expected_iou(scores: Tensor, logits: Tensor) -> Tensor:
    """What IoU each mask of logits (B, M, h, w) would have if one of them were the wanted one, (B, M).

    Which one is a guess by predicted IoU (B, M), a soft one: the head knows whether a mask is good sooner than which is
    meant. The mask that shares most with the likely ones loses least if the guess is wrong.
    """
    inside = (logits > 0).flatten(2).float()
    both = inside @ inside.transpose(1, 2)  # (B, M, M)
    area = inside.sum(-1)
    iou = both / (area[:, :, None] + area[:, None] - both).clamp(min=1)
    return (iou * torch.softmax(scores.float() / GUESS, dim=1)[:, None]).sum(-1)


def _as_image(logits: Tensor, height: int, width: int) -> Tensor:
    """(B, M, h*w*16) in the order of `_upscale` to (B, M, 4h, 4w)."""
    blocks = logits.unflatten(2, (height, width, 2, 2, 2, 2))  # h, w, then y, x of each doubling
    return blocks.permute(0, 1, 2, 4, 6, 3, 5, 7).flatten(5, 7).flatten(2, 4)
