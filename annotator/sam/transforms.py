"""The one place in Python that knows how an image and its prompts reach the model's input frame.

The image's long side becomes `image_size`; the rest of the square is zero padding, right and below. The
browser's copy of these rules is static/js/core/geometry.js and prompts.js; golden files in
tests/fixtures/golden bind the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from annotator.sam.prompt_encoder import LABEL_BOX_BOTTOM_RIGHT, LABEL_BOX_TOP_LEFT, LABEL_PADDING

Size = tuple[int, int]


def input_size(original_size: Size, image_size: int) -> Size:
    """(height, width) of an image of `original_size` once its long side became `image_size`.

    A side never falls below one pixel, so that a hair-thin image still has an embedding.
    """
    height, width = original_size
    scale = image_size * 1.0 / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def to_model_space(points: ArrayLike, original_size: Size, image_size: int) -> NDArray[np.float64]:
    """x,y points (..., 2) in pixels of the original image to pixels of the resized image, float64.

    Each axis has its own scale, because both sides were rounded to whole pixels.
    """
    return np.asarray(points, dtype=np.float64) * _scale_xy(original_size, image_size)


def tensor_to_model_space(points: Tensor, original_size: Size, image_size: int) -> Tensor:
    """`to_model_space` for a float tensor (..., 2), keeping its device."""
    scale = _scale_xy(original_size, image_size)
    return points.to(torch.float) * torch.tensor(scale, dtype=torch.float, device=points.device)


def _scale_xy(original_size: Size, image_size: int) -> NDArray[np.float64]:
    height, width = input_size(original_size, image_size)
    return np.array([width / original_size[1], height / original_size[0]])


def resize_image(image: NDArray[np.uint8], image_size: int) -> NDArray[np.uint8]:
    """RGB (H, W, 3) uint8 to the model's input size by Pillow's antialiased bilinear filter."""
    height, width = input_size((image.shape[0], image.shape[1]), image_size)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def normalise_and_pad(images: Tensor, mean: Tensor, std: Tensor, image_size: int) -> Tensor:
    """RGB (..., 3, h, w) on the 0..255 scale to (..., 3, S, S); padding is zero *after* normalising.

    mean and std are (3, 1, 1).
    """
    height, width = images.shape[-2:]
    if max(height, width) > image_size:
        raise ValueError(f"image of {height}x{width} exceeds the model's input of {image_size}x{image_size}")
    return F.pad((images - mean) / std, (0, image_size - width, 0, image_size - height))


def postprocess_masks(logits: Tensor, input_hw: Size, original_size: Size, image_size: int) -> Tensor:
    """Low-resolution logits (B, M, 4h, 4w) to logits at the original size (B, M, H, W).

    Bilinear to the padded square, cropped to the image, bilinear to the original size.
    """
    padded = F.interpolate(logits, (image_size, image_size), mode="bilinear", align_corners=False)
    cropped = padded[..., : input_hw[0], : input_hw[1]]
    return F.interpolate(cropped, original_size, mode="bilinear", align_corners=False)


def pack_prompts(
    points: ArrayLike | None,
    labels: ArrayLike | None,
    boxes: ArrayLike | None,
    *,
    original_size: Size,
    image_size: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Prompts of one mask to the decoder's `point_coords` (1, N, 2) and `point_labels` (1, N).

    points (n, 2) x,y with labels (n,) 1 or 0 and boxes (m, 4) XYXY are in original image pixels. Points
    come first in order, then each box's two corners; without a box one padding point ends the list. Raises
    ValueError when points and labels disagree in number.
    """
    xy = np.asarray([] if points is None else points, dtype=np.float64).reshape(-1, 2)
    kinds = np.asarray([] if labels is None else labels, dtype=np.float64).reshape(-1)
    corners = np.asarray([] if boxes is None else boxes, dtype=np.float64).reshape(-1, 2)
    if len(xy) != len(kinds):
        raise ValueError(f"{len(xy)} points but {len(kinds)} labels")
    pair: Sequence[float] = (LABEL_BOX_TOP_LEFT, LABEL_BOX_BOTTOM_RIGHT)
    coords = to_model_space(np.concatenate([xy, corners]), original_size, image_size)
    packed = np.concatenate([kinds, np.tile(pair, len(corners) // 2)])
    if not len(corners):
        coords = np.concatenate([coords, np.zeros((1, 2))])
        packed = np.append(packed, LABEL_PADDING)
    return coords[None].astype(np.float32), packed[None].astype(np.float32)


class ResizeLongestSide:
    """The released package's transform object, for its notebooks; its rules are the functions above."""

    def __init__(self, target_length: int) -> None:
        self.target_length = target_length

    def apply_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return resize_image(image, self.target_length)

    def apply_coords(self, coords: NDArray[np.generic], original_size: Size) -> NDArray[np.float64]:
        return to_model_space(coords, original_size, self.target_length)

    def apply_boxes(self, boxes: NDArray[np.generic], original_size: Size) -> NDArray[np.float64]:
        """XYXY boxes to (B, 4)."""
        return self.apply_coords(boxes.reshape(-1, 2, 2), original_size).reshape(-1, 4)

    def apply_image_torch(self, image: Tensor) -> Tensor:
        """Float (B, 3, H, W); close to `apply_image` but not equal to it."""
        size = input_size((image.shape[2], image.shape[3]), self.target_length)
        return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)

    def apply_coords_torch(self, coords: Tensor, original_size: Size) -> Tensor:
        return tensor_to_model_space(coords, original_size, self.target_length)

    def apply_boxes_torch(self, boxes: Tensor, original_size: Size) -> Tensor:
        """XYXY boxes to (B, 4)."""
        return self.apply_coords_torch(boxes.reshape(-1, 2, 2), original_size).reshape(-1, 4)

    @staticmethod
    def get_preprocess_shape(oldh: int, oldw: int, long_side_length: int) -> Size:
        return input_size((oldh, oldw), long_side_length)
