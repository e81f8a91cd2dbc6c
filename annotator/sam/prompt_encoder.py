"""Points, boxes and mask prompts to tokens and a dense map (SAM.md section 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from annotator.sam.config import ModelConfig
from annotator.sam.layers import LayerNorm2d
from annotator.sam.matching import MATCHED_CHANNELS, PromptMatching

LABEL_PADDING = -1
LABEL_BOX_TOP_LEFT = 2
LABEL_BOX_BOTTOM_RIGHT = 3

# Drawn maps: each point as a narrow and a wide blob (sigma in mask pixels), each box as inside and outside.
BLOB_SIGMAS = (1.0, 4.0)
DRAWN_CHANNELS = 2 * len(BLOB_SIGMAS) + 2
MATCHING_FACTOR = 4
"""Matched maps are as fine as masks, so their layers are this much wider than a mask prompt's."""


class PromptEncoder(nn.Module):
    """Prompts of one or many masks to sparse tokens and a dense map.

    Coordinates are x,y in pixels of the padded model input, a click on pixel (i, j) being (i, j): the half
    pixel is added here and only here. Labels: 1 foreground, 0 background, 2 box top-left, 3 box bottom-right,
    -1 padding.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.image_encoder.out_channels
        self.embed_dim = dim
        self.image_embedding_size = config.embedding_size
        self.input_image_size = (config.image_size, config.image_size)
        self.mask_input_size = config.mask_size
        self.pe_layer = RandomPositionEncoding(dim // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        channels = config.prompt_encoder.mask_channels
        self.mask_downscaling = _downscaling(1, channels, dim)
        self.no_mask_embed = nn.Embedding(1, dim)
        self.drawing_downscaling: nn.Sequential | None = None
        if config.prompt_encoder.draw_prompts:
            self.drawing_downscaling = _silent(_downscaling(DRAWN_CHANNELS, channels, dim))
        self.matching: PromptMatching | None = None
        self.matching_downscaling: nn.Sequential | None = None
        if config.prompt_encoder.match_prompts:
            self.matching = PromptMatching(dim)
            self.matching_downscaling = _silent(
                _downscaling(MATCHED_CHANNELS, MATCHING_FACTOR * channels, dim)
            )

    def forward(
        self,
        points: tuple[Tensor, Tensor] | None,
        boxes: Tensor | None,
        masks: Tensor | None,
        image_embeddings: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embeds B prompt sets at once.

        points: coords (B, N, 2) and labels (B, N); boxes: (B, 4) or (B, 2, 2) XYXY; masks: logits
        (B, 1, 4h, 4w); image_embeddings (I, C, h, w), each serving B / I consecutive prompt sets, are needed only by
        models that match prompts. Returns sparse (B, T, C), T counting the padding point that is added when
        points come without a box, and dense (B, C, h, w). Raises ValueError without embeddings that are needed.
        """
        batch = next((len(p) for p in (points and points[0], boxes, masks) if p is not None), 1)
        coords, labels = self._tokens(points, boxes, batch)
        dense = self.embed_dense(coords, labels, masks, self.match_features(image_embeddings))
        return self.embed_tokens(coords, labels), dense

    def get_dense_pe(self) -> Tensor:
        """Position code of every embedding cell, (1, C, h, w)."""
        return self.pe_layer(self.image_embedding_size)[None]

    def embed_tokens(self, coords: Tensor, labels: Tensor) -> Tensor:
        """coords (B, T, 2) and labels (B, T) to (B, T, C); written without branches so that it exports."""
        code = self.pe_layer.encode(coords + 0.5, self.input_image_size)
        labels = labels[..., None]
        tokens = code * (labels != LABEL_PADDING)
        tokens = tokens + self.not_a_point_embed.weight * (labels == LABEL_PADDING)
        for label, embedding in enumerate(self.point_embeddings):
            assert isinstance(embedding, nn.Embedding)
            tokens = tokens + embedding.weight * (labels == label)
        return tokens

    def match_features(self, image_embeddings: Tensor | None) -> Tensor | None:
        """What `embed_dense` needs of the image, once per image; None for models that do not match prompts."""
        if self.matching is None:
            return None
        if image_embeddings is None:
            raise ValueError("this model matches prompts with the image: pass image_embeddings")
        return self.matching.features(image_embeddings)

    def embed_dense(
        self, coords: Tensor, labels: Tensor, masks: Tensor | None, features: Tensor | None = None
    ) -> Tensor:
        """Dense map (B, C, h, w) of the mask prompt, or of its absence, and of the drawn and matched prompts."""
        if masks is not None:
            dense = self.mask_downscaling(masks)
        else:
            height, width = self.image_embedding_size
            dense = self.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(len(coords), -1, height, width)
        if labels.shape[1] == 0:  # a mask alone; the maps want one token at least
            coords, labels = (
                coords.new_zeros(len(coords), 1, 2),
                labels.new_full((len(labels), 1), LABEL_PADDING),
            )
        for layers, maps in self.prompt_maps(coords, labels, features):
            dense = dense + layers(maps)
        return dense

    def prompt_maps(
        self, coords: Tensor, labels: Tensor, features: Tensor | None
    ) -> list[tuple[nn.Sequential, Tensor]]:
        """Maps of the points and boxes (B, K, 4h, 4w), each with the layers that embed them; `features` as from
        `match_features`."""
        maps: list[tuple[nn.Sequential, Tensor]] = []
        if self.drawing_downscaling is not None:
            maps.append((self.drawing_downscaling, self.draw(coords, labels)))
        if self.matching is not None and self.matching_downscaling is not None:
            assert features is not None
            side = self.mask_input_size[1]
            matched = self.matching(features, self._mask_pixels(coords), labels.float(), side)
            maps.append((self.matching_downscaling, matched))
        return maps

    def _mask_pixels(self, coords: Tensor) -> Tensor:
        """x,y in pixels of the padded input to x,y in mask pixels, float32."""
        height, width = self.mask_input_size
        scale = coords.new_tensor(
            [width / self.input_image_size[1], height / self.input_image_size[0]]
        ).float()
        return (coords.float() + 0.5) * scale - 0.5

    def draw(self, coords: Tensor, labels: Tensor) -> Tensor:
        """Prompts painted at mask resolution, (B, DRAWN_CHANNELS, 4h, 4w), values 0..1.

        Channels: narrow foreground, narrow background, wide foreground, wide background, inside boxes,
        outside boxes (the last is empty when there is no box). A blob and a box are products of two profiles,
        so all N of a prompt come from one matrix product.
        """
        with torch.autocast(coords.device.type, enabled=False):
            height, width = self.mask_input_size
            centres = self._mask_pixels(coords)
            columns = torch.arange(width, device=coords.device, dtype=torch.float32)
            rows = torch.arange(height, device=coords.device, dtype=torch.float32)
            labels = labels[..., None].float()
            maps = [blob for sigma in BLOB_SIGMAS for blob in _blobs(centres, labels, columns, rows, sigma)]
            return torch.stack([*maps, *_boxes(centres, labels, columns, rows)], dim=1).clamp(max=1.0)

    def _tokens(
        self, points: tuple[Tensor, Tensor] | None, boxes: Tensor | None, batch: int
    ) -> tuple[Tensor, Tensor]:
        """Joins points, padding and box corners to coords (B, T, 2), labels (B, T)."""
        device = self.no_mask_embed.weight.device
        coords: list[Tensor] = [torch.zeros(batch, 0, 2, device=device)]
        labels: list[Tensor] = [torch.zeros(batch, 0, device=device)]
        if points is not None:
            coords.append(points[0].float())
            labels.append(points[1].float())
            if boxes is None:
                coords.append(torch.zeros(batch, 1, 2, device=device))
                labels.append(torch.full((batch, 1), float(LABEL_PADDING), device=device))
        if boxes is not None:
            coords.append(boxes.reshape(-1, 2, 2).float())
            corners = torch.tensor([[LABEL_BOX_TOP_LEFT, LABEL_BOX_BOTTOM_RIGHT]], device=device)
            labels.append(corners.float().expand(batch, 2))
        return torch.cat(coords, dim=1), torch.cat(labels, dim=1)


def _downscaling(channels_in: int, channels: int, dim: int) -> nn.Sequential:
    """(B, channels_in, 4h, 4w) to (B, dim, h, w)."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels // 4, kernel_size=2, stride=2),
        LayerNorm2d(channels // 4),
        nn.GELU(),
        nn.Conv2d(channels // 4, channels, kernel_size=2, stride=2),
        LayerNorm2d(channels),
        nn.GELU(),
        nn.Conv2d(channels, dim, kernel_size=1),
    )


def _silent(layers: nn.Sequential) -> nn.Sequential:
    """Starts as if the maps were not there, so that a released model can be extended."""
    last = layers[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return layers


def _blobs(centres: Tensor, labels: Tensor, columns: Tensor, rows: Tensor, sigma: float) -> list[Tensor]:
    """Gaussian blobs of foreground and of background points, two maps (B, H, W)."""
    profile_x = torch.exp(-0.5 * ((columns - centres[..., :1]) / sigma) ** 2)  # (B, N, W)
    profile_y = torch.exp(-0.5 * ((rows - centres[..., 1:]) / sigma) ** 2)  # (B, N, H)
    return [(profile_y * (labels == label)).transpose(1, 2) @ profile_x for label in (1, 0)]


def _boxes(centres: Tensor, labels: Tensor, columns: Tensor, rows: Tensor) -> list[Tensor]:
    """Inside and outside of boxes with a soft edge one mask pixel wide, two maps (B, H, W).

    A box is a top-left token directly followed by its bottom-right token.
    """
    ends = torch.cat([centres[:, 1:], centres[:, -1:]], dim=1)
    next_labels = torch.cat([labels[:, 1:], labels[:, -1:]], dim=1)
    is_box = ((labels == LABEL_BOX_TOP_LEFT) & (next_labels == LABEL_BOX_BOTTOM_RIGHT)).float()  # (B, N, 1)
    inside_x = torch.sigmoid(columns - centres[..., :1]) * torch.sigmoid(ends[..., :1] - columns)  # (B, N, W)
    inside_y = torch.sigmoid(rows - centres[..., 1:]) * torch.sigmoid(ends[..., 1:] - rows)  # (B, N, H)
    inside = ((inside_y * is_box).transpose(1, 2) @ inside_x).clamp(max=1.0)
    return [inside, is_box.sum(1, keepdim=True).clamp(max=1.0) - inside]


class RandomPositionEncoding(nn.Module):
    """Random Fourier features: x,y in [0, 1] to 2·`features` numbers; the matrix is fixed and saved."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, features))

    def forward(self, size: tuple[int, int]) -> Tensor:
        """Codes of the cell centres of an (h, w) grid, (C, h, w)."""
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(size[0], device=device, dtype=torch.float32) + 0.5) / size[0]
        x = (torch.arange(size[1], device=device, dtype=torch.float32) + 0.5) / size[1]
        grid = torch.stack([x[None, :].expand(size), y[:, None].expand(size)], dim=-1)  # (h, w, 2) as x,y
        return self._encode_unit(grid).permute(2, 0, 1)

    def encode(self, coords: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Codes (..., C) of x,y pixel coordinates (..., 2) in an image of (height, width)."""
        extent = coords.new_tensor([image_size[1], image_size[0]])
        return self._encode_unit(coords / extent)

    def _encode_unit(self, coords: Tensor) -> Tensor:
        # In float32 always: in bfloat16 a phase of many turns keeps no digits.
        with torch.autocast(coords.device.type, enabled=False):
            phase = (
                2 * math.pi * ((2 * coords.float() - 1) @ self.positional_encoding_gaussian_matrix.float())
            )
            return torch.cat([phase.sin(), phase.cos()], dim=-1)
