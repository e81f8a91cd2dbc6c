"""The whole model: image encoder, prompt encoder, mask decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam import transforms
from annotator.sam.attention import resize_relative_positions
from annotator.sam.config import ModelConfig
from annotator.sam.digest import model_digest
from annotator.sam.image_encoder import ImageEncoderViT
from annotator.sam.mask_decoder import MaskDecoder
from annotator.sam.precision import Precision, arithmetic
from annotator.sam.prompt_encoder import PromptEncoder


class Sam(nn.Module):
    """One model. `config` describes it, `digest` names it, `precision` says how its encoder computes."""

    image_format = "RGB"
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self._digest: str | None = None
        self.mask_threshold = config.mask_threshold
        self.precision: Precision = "exact"
        self.image_encoder = ImageEncoderViT(config.image_encoder)
        self.prompt_encoder = PromptEncoder(config)
        self.mask_decoder = MaskDecoder(config)
        self.set_pixel_statistics()

    def set_pixel_statistics(self) -> None:
        """(Re)creates the normalisation constants; they belong to the configuration, not to the weights."""
        mean, std = self.config.pixel_mean, self.config.pixel_std
        self.register_buffer("pixel_mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @property
    def digest(self) -> str:
        """SHA-256 of configuration and weights as they were stored, or as they were when first asked for."""
        if self._digest is None:
            self._digest = model_digest(self.config, self.state_dict())
        return self._digest

    @digest.setter
    def digest(self, value: str | None) -> None:
        self._digest = value

    @property
    def device(self) -> torch.device:
        return self.pixel_mean.device

    def preprocess(self, x: Tensor) -> Tensor:
        """Resized RGB (..., 3, h, w) on the 0..255 scale to the encoder's input (..., 3, S, S)."""
        return transforms.normalise_and_pad(x, self.pixel_mean, self.pixel_std, self.config.image_size)

    def embed(self, images: Tensor) -> Tensor:
        """`preprocess`ed images (B, 3, S, S) to embeddings (B, C, h, w) in float32, computed with `precision`."""
        with arithmetic(self, self.precision):
            embeddings: Tensor = self.image_encoder(images)
        return embeddings.float()

    def postprocess_masks(
        self, masks: Tensor, input_size: tuple[int, int], original_size: tuple[int, int]
    ) -> Tensor:
        """Low-resolution logits (B, M, 4h, 4w) to logits at the original (height, width)."""
        return transforms.postprocess_masks(masks, input_size, original_size, self.config.image_size)

    @torch.no_grad()
    def forward(self, batched_input: list[dict[str, Any]], multimask_output: bool) -> list[dict[str, Tensor]]:
        """Predicts masks for several images with their prompts in one call.

        Each item holds "image" (3, h, w) resized, "original_size" (H, W) and any of "point_coords" (B, N, 2),
        "point_labels" (B, N), "boxes" (B, 4), "mask_inputs" (B, 1, 4h, 4w), in the model's input frame. Each
        result holds "masks" (B, M, H, W) bool, "iou_predictions" (B, M), "low_res_logits" (B, M, 4h, 4w).
        """
        images = torch.stack([self.preprocess(item["image"]) for item in batched_input])
        embeddings = self.embed(images)
        return [
            self._predict_item(item, embedding[None], multimask_output)
            for item, embedding in zip(batched_input, embeddings, strict=True)
        ]

    def _predict_item(self, item: dict[str, Any], embedding: Tensor, multimask: bool) -> dict[str, Tensor]:
        points = (item["point_coords"], item["point_labels"]) if "point_coords" in item else None
        sparse, dense = self.prompt_encoder(
            points, item.get("boxes"), item.get("mask_inputs"), embedding[None]
        )
        low_res, iou = self.mask_decoder(
            embedding, self.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=multimask
        )
        height, width = item["image"].shape[-2:]
        masks = self.postprocess_masks(low_res, (height, width), item["original_size"])
        return {"masks": masks > self.mask_threshold, "iou_predictions": iou, "low_res_logits": low_res}


def change_image_size(sam: Sam, image_size: int) -> Sam:
    """A copy of `sam` for another input size, its positions resampled: train small, finish large."""
    resized = Sam(sam.config.with_image_size(image_size))
    wanted = {key: tuple(tensor.shape) for key, tensor in resized.state_dict().items()}
    resized.load_state_dict(resample_positions(sam.state_dict(), wanted))
    return resized.to(sam.device).train(sam.training)


def resample_positions(
    state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """`state` with its position codes in the shapes that a model of another input size wants; the rest as it is."""
    return {key: _resampled(key, tensor, wanted.get(key, tensor.shape)) for key, tensor in state.items()}


def _resampled(key: str, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """pos_embed (1, h, w, C) or rel_pos (L, D) in `shape`; anything that differs otherwise stays as it is."""
    if tuple(value.shape) == tuple(shape) or value.ndim != len(shape) or value.shape[-1] != shape[-1]:
        return value
    if key.endswith(".pos_embed") and value.ndim == 4:
        grid = value.float().permute(0, 3, 1, 2)  # (1, h, w, C) -> (1, C, h, w)
        grid = F.interpolate(grid, size=(shape[1], shape[2]), mode="bicubic", align_corners=False)
        return grid.permute(0, 2, 3, 1).to(value.dtype).contiguous()
    if key.endswith((".rel_pos_h", ".rel_pos_w")) and value.ndim == 2:
        return resize_relative_positions(value, (shape[0] + 1) // 2)
    return value
