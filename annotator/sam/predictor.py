"""One image, many prompts: the released package's `SamPredictor`; one image's embedding as a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotator.sam.embedding_file import EmbeddingFile, pack_embedding
from annotator.sam.model import Sam
from annotator.sam.transforms import ResizeLongestSide, resize_image

Prediction = tuple[NDArray[np.generic], NDArray[np.float32], NDArray[np.float32]]


class SamPredictor:
    """Holds the embedding of the current image. Coordinates are x,y in pixels of the original image."""

    def __init__(self, sam_model: Sam) -> None:
        self.model = sam_model
        self.transform = ResizeLongestSide(sam_model.config.image_size)
        self.reset_image()

    def reset_image(self) -> None:
        """Forgets the current image."""
        self.is_image_set = False
        self.features: Tensor | None = None
        self.original_size: tuple[int, int] = (0, 0)
        self.input_size: tuple[int, int] = (0, 0)

    @property
    def device(self) -> torch.device:
        return self.model.device

    def set_image(self, image: NDArray[np.uint8], image_format: str = "RGB") -> None:
        """Embeds an image (H, W, 3) uint8. Raises ValueError for another shape, type or `image_format`."""
        if image_format not in ("RGB", "BGR"):
            raise ValueError(f"image_format must be 'RGB' or 'BGR', got {image_format!r}")
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"expected an image (H, W, 3) of uint8, got {image.shape} of {image.dtype}")
        if image_format != self.model.image_format:
            image = image[..., ::-1]
        resized = np.array(self.transform.apply_image(image))
        pixels = torch.as_tensor(resized, device=self.device).permute(2, 0, 1)  # (h, w, 3) -> (3, h, w)
        self.set_torch_image(pixels.contiguous()[None], (image.shape[0], image.shape[1]))

    @torch.no_grad()
    def set_torch_image(self, transformed_image: Tensor, original_image_size: tuple[int, int]) -> None:
        """Embeds RGB (1, 3, h, w) on the 0..255 scale that was resized already.

        `original_image_size` is (H, W). Raises ValueError unless the long side is the model's image size.
        """
        size = self.model.config.image_size
        if (
            transformed_image.ndim != 4
            or transformed_image.shape[1] != 3
            or max(transformed_image.shape[2:]) != size
        ):
            raise ValueError(
                f"expected (1, 3, h, w) with a long side of {size}, got {tuple(transformed_image.shape)}"
            )
        self.reset_image()
        self.features = self.model.embed(self.model.preprocess(transformed_image))
        self.original_size = (int(original_image_size[0]), int(original_image_size[1]))
        self.input_size = (int(transformed_image.shape[2]), int(transformed_image.shape[3]))
        self.is_image_set = True

    def set_embedding(self, file: EmbeddingFile) -> None:
        """Continues from a stored embedding; raises ValueError when another model made it."""
        if file.model_digest != self.model.digest:
            raise ValueError(f"embedding of model {file.model_digest}, but this is {self.model.digest}")
        self.features = torch.from_numpy(file.embedding.astype(np.float32))[None].to(self.device)
        self.original_size, self.input_size = file.original_size, file.input_size
        self.is_image_set = True

    def get_image_embedding(self) -> Tensor:
        """(1, C, h, w); raises RuntimeError while no image is set."""
        return self._features()

    def predict(
        self,
        point_coords: NDArray[np.generic] | None = None,
        point_labels: NDArray[np.generic] | None = None,
        box: NDArray[np.generic] | None = None,
        mask_input: NDArray[np.generic] | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> Prediction:
        """Masks of one prompt set.

        point_coords (N, 2) with point_labels (N,) 1 or 0; box (4,) XYXY; mask_input (1, 4h, 4w) logits of
        an earlier call. Returns masks (M, H, W) bool, or float32 logits with `return_logits`, predicted
        IoU (M,) and low-resolution logits (M, 4h, 4w). M is 3 with `multimask_output`, else 1. Raises
        RuntimeError while no image is set and ValueError when points come without labels.
        """
        self._features()
        coords, labels, boxes, logits = None, None, None, None
        if point_coords is not None:
            if point_labels is None:
                raise ValueError("point_labels must be given with point_coords")
            moved = self.transform.apply_coords(np.asarray(point_coords), self.original_size)
            coords = torch.as_tensor(moved, dtype=torch.float, device=self.device)[None]
            labels = torch.as_tensor(np.asarray(point_labels), dtype=torch.int, device=self.device)[None]
        if box is not None:
            moved = self.transform.apply_boxes(np.asarray(box), self.original_size)
            boxes = torch.as_tensor(moved, dtype=torch.float, device=self.device)
        if mask_input is not None:
            logits = torch.as_tensor(np.asarray(mask_input), dtype=torch.float, device=self.device)[None]
        masks, iou, low_res = self.predict_torch(
            coords, labels, boxes, logits, multimask_output, return_logits=return_logits
        )
        return masks[0].cpu().numpy(), iou[0].cpu().numpy(), low_res[0].cpu().numpy()

    @torch.no_grad()
    def predict_torch(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`predict` for B prompt sets in the model's input frame (`self.transform`).

        point_coords (B, N, 2), point_labels (B, N), boxes (B, 4), mask_input (B, 1, 4h, 4w). Returns masks
        (B, M, H, W), predicted IoU (B, M), low-resolution logits (B, M, 4h, 4w).
        """
        low_res, iou = self.predict_low_res(point_coords, point_labels, boxes, mask_input, multimask_output)
        masks = self.model.postprocess_masks(low_res, self.input_size, self.original_size)
        if not return_logits:
            masks = masks > self.model.mask_threshold
        return masks, iou, low_res

    @torch.no_grad()
    def predict_low_res(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """`predict_torch` without the full-size masks: logits (B, M, 4h, 4w) and predicted IoU (B, M)."""
        features = self._features()
        points = None
        if point_coords is not None:
            if point_labels is None:
                raise ValueError("point_labels must be given with point_coords")
            points = (point_coords, point_labels)
        sparse, dense = self.model.prompt_encoder(points, boxes, mask_input, features)
        position = self.model.prompt_encoder.get_dense_pe()
        return self.model.mask_decoder(features, position, sparse, dense, multimask_output)

    def _features(self) -> Tensor:
        if self.features is None:
            raise RuntimeError("no image is set: call set_image first")
        return self.features


def encode_image(sam: Sam, image: NDArray[np.uint8], *, image_sha256: str) -> bytes:
    """The embedding file of an image (H, W, 3) uint8 RGB, upright; `image_sha256` names the stored image."""
    return encode_images(sam, [image], [image_sha256])[0]


def encode_images(sam: Sam, images: Sequence[NDArray[np.uint8]], names: Sequence[str]) -> list[bytes]:
    """`encode_image` for several images in one pass, which GPUs answer sooner than one by one; CPUs do not.

    `names` are the SHA-256 of the stored images.
    """
    resized = [resize_image(image, sam.config.image_size) for image in images]
    pixels = [torch.as_tensor(np.array(one), device=sam.device).permute(2, 0, 1) for one in resized]
    embeddings = sam.embed(torch.stack([sam.preprocess(one.contiguous()) for one in pixels]))
    return [
        pack_embedding(
            embedding.cpu().numpy(),
            model_digest=sam.digest,
            image_sha256=name,
            input_size=(one.shape[0], one.shape[1]),
            original_size=(image.shape[0], image.shape[1]),
        )
        for embedding, name, one, image in zip(embeddings, names, resized, images, strict=True)
    ]
