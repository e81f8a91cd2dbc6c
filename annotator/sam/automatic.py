"""All masks of an image: a grid of points, filters, suppression, zoomed crops (SAM.md section 3, paper §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotator.masks import Rle, decode, encode
from annotator.sam import mask_filters
from annotator.sam.embedding_file import EmbeddingFile
from annotator.sam.grid_decoder import GridDecoder
from annotator.sam.mask_filters import Box
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.sam.side_by_side import in_order
from annotator.sam.sparse_masks import Outline, SparseMasks
from annotator.sam.transforms import Size

OutputMode = Literal["binary_mask", "uncompressed_rle", "coco_rle"]
OUTPUT_MODES = ("binary_mask", "uncompressed_rle", "coco_rle")
CPU_POINTS_PER_BATCH = 4
"""Prompts decoded together on a core, where a batch that leaves the cache costs more than it saves."""

Progress = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""


@dataclass(frozen=True)
class CropMasks:
    """What one crop holds: n masks in original pixels; boxes and crops XYXY, points x,y."""

    rles: list[Rle]
    boxes: NDArray[np.int64]  # (n, 4)
    iou: NDArray[np.float32]  # (n,)
    stability: NDArray[np.float32]  # (n,)
    points: NDArray[np.float64]  # (n, 2)
    crops: NDArray[np.int64]  # (n, 4)

    def take(self, keep: NDArray[np.int64]) -> CropMasks:
        return CropMasks([self.rles[i] for i in keep], *(getattr(self, name)[keep] for name in _ARRAYS))


_ARRAYS = tuple(field.name for field in fields(CropMasks) if field.name != "rles")


def _join(parts: Sequence[CropMasks]) -> CropMasks:
    rles = [rle for part in parts for rle in part.rles]
    return CropMasks(rles, *(np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS))


@dataclass(frozen=True)
class _Candidate:
    """A mask that passed the filters, its pixels not computed yet; box and point in the crop's frame."""

    outline: Outline
    iou: float
    point: NDArray[np.float64]


class SamAutomaticMaskGenerator:
    """Signature, defaults and results of the released class; see `generate`.

    points_per_side² points are prompted per image, or `point_grids`, one array (n, 2) of x,y in [0, 1] per crop
    layer. Masks need predicted IoU above `pred_iou_thresh` and stability of at least `stability_score_thresh`
    (thresholds `stability_score_offset` apart); boxes overlapping more than `box_nms_thresh` within a crop, or
    `crop_nms_thresh` across crops, count as one mask. `crop_n_layers` adds 4, 16, … zoomed crops with fewer
    points by `crop_n_points_downscale_factor`. Parts and holes below `min_mask_region_area` pixels are removed.
    Raises ValueError for contradictory arguments.
    """

    def __init__(
        self,
        model: Sam,
        points_per_side: int | None = 32,
        points_per_batch: int = 64,
        pred_iou_thresh: float = 0.88,
        stability_score_thresh: float = 0.95,
        stability_score_offset: float = 1.0,
        box_nms_thresh: float = 0.7,
        crop_n_layers: int = 0,
        crop_nms_thresh: float = 0.7,
        crop_overlap_ratio: float = 512 / 1500,
        crop_n_points_downscale_factor: int = 1,
        point_grids: list[NDArray[np.float64]] | None = None,
        min_mask_region_area: int = 0,
        output_mode: OutputMode = "binary_mask",
    ) -> None:
        if (points_per_side is None) == (point_grids is None):
            raise ValueError("exactly one of points_per_side and point_grids must be given")
        if output_mode not in OUTPUT_MODES:
            raise ValueError(f"output_mode must be one of {OUTPUT_MODES}, got {output_mode!r}")
        if points_per_side is not None:
            scale = crop_n_points_downscale_factor
            sides = [int(points_per_side / scale**layer) for layer in range(crop_n_layers + 1)]
            point_grids = [mask_filters.point_grid(side) for side in sides]
        assert point_grids is not None
        if len(point_grids) <= crop_n_layers:
            raise ValueError(f"{crop_n_layers} crop layers need {crop_n_layers + 1} point grids")
        self.point_grids = point_grids
        self.predictor = SamPredictor(model)
        self.points_per_batch = points_per_batch
        self.pred_iou_thresh = pred_iou_thresh
        self.stability_score_thresh = stability_score_thresh
        self.stability_score_offset = stability_score_offset
        self.box_nms_thresh = box_nms_thresh
        self.crop_n_layers = crop_n_layers
        self.crop_nms_thresh = crop_nms_thresh
        self.crop_overlap_ratio = crop_overlap_ratio
        self.crop_n_points_downscale_factor = crop_n_points_downscale_factor
        self.min_mask_region_area = min_mask_region_area
        self.output_mode = output_mode

    def generate(
        self,
        image: NDArray[np.uint8],
        *,
        embedding: EmbeddingFile | None = None,
        progress: Progress | None = None,
    ) -> list[dict[str, Any]]:
        """Masks of an image (H, W, 3) uint8 RGB, best predicted IoU first within a crop.

        Each is a dict: "segmentation" (H, W) bool, or {"size", "counts"} with counts a list (uncompressed_rle) or
        COCO's string (coco_rle); "area" in pixels; "bbox" and "crop_box" XYWH; "predicted_iou";
        "stability_score"; "point_coords" [[x, y]], the prompt. Coordinates are pixels of `image`. A stored `embedding`
        of the whole image saves computing it; ValueError where it is another model's or another size's.
        """
        count = len(self.crops(image.shape[:2]))

        def crop_progress(index: int) -> Progress | None:
            return None if progress is None else lambda share: progress((index + share) / count)

        found = [
            self.process_crop(image, index, embedding=embedding, progress=crop_progress(index))
            for index in range(count)
        ]
        return self.merge(found)

    def crops(self, size: Sequence[int]) -> list[tuple[int, Box]]:
        """(layer, XYXY) of the crops of an image of (height, width); the first is all of it."""
        return mask_filters.crop_boxes((size[0], size[1]), self.crop_n_layers, self.crop_overlap_ratio)

    @torch.no_grad()
    def process_crop(
        self,
        image: NDArray[np.uint8],
        index: int,
        *,
        embedding: EmbeddingFile | None = None,
        progress: Progress | None = None,
    ) -> CropMasks:
        """The masks of one of `crops`. A job that keeps what it returns goes on after an interruption.

        `embedding`, if given, is that of the whole image, and serves the first crop.
        """
        size = (image.shape[0], image.shape[1])
        layer, crop = self.crops(size)[index]
        x0, y0, x1, y1 = crop
        if embedding is not None and index == 0:
            if embedding.original_size != size:
                raise ValueError(
                    f"embedding of an image of {embedding.original_size}, but this one has {size}"
                )
            self.predictor.set_embedding(embedding)
        else:
            self.predictor.set_image(image[y0:y1, x0:x1])
        points = self.point_grids[layer] * np.array([[x1 - x0, y1 - y0]])
        config = self.predictor.model.config
        masks = SparseMasks(
            config.mask_size, config.image_size, self.predictor.input_size, self.predictor.original_size
        )
        found = list(self._candidates(points, masks, progress))
        self.predictor.reset_image()
        return self._kept(found, masks, crop, size)

    def merge(self, found: Sequence[CropMasks]) -> list[dict[str, Any]]:
        """What `generate` returns, from the masks of all crops in their order."""
        masks = _join(found)
        if len(found) > 1:
            # The most zoomed-in of several views of one object wins.
            x0, y0, x1, y1 = masks.crops.T
            scores = 1 / ((x1 - x0) * (y1 - y0)).astype(np.float32)
            masks = masks.take(mask_filters.suppress(masks.boxes, scores, self.crop_nms_thresh))
        if self.min_mask_region_area > 0:
            masks = self._without_small_regions(masks)
        return [self._record(masks, index) for index in range(len(masks.rles))]

    def _candidates(
        self, points: NDArray[np.float64], masks: SparseMasks, progress: Progress | None
    ) -> Iterator[_Candidate]:
        """Masks of points (n, 2) in the crop's frame that pass the filters, in point order."""
        on_cpu = self.predictor.device.type == "cpu"
        step = min(self.points_per_batch, CPU_POINTS_PER_BATCH) if on_cpu else self.points_per_batch
        decode_batch = self._decoder(masks) if on_cpu else self._decode
        threshold = self.predictor.model.mask_threshold

        def candidates(batch: NDArray[np.float64]) -> list[_Candidate]:
            found = []
            for index, iou, logits in decode_batch(batch):
                outline = masks.outline(
                    logits, threshold, self.stability_score_offset, self.stability_score_thresh
                )
                if outline is not None:
                    found.append(_Candidate(outline, iou, batch[index]))
            return found

        batches = [points[start : start + step] for start in range(0, len(points), step)]
        for number, found in enumerate((in_order if on_cpu else map)(candidates, batches), start=1):
            yield from found
            if progress is not None:
                progress(number / len(batches))

    def _decoder(
        self, masks: SparseMasks
    ) -> Callable[[NDArray[np.float64]], Iterator[tuple[int, float, NDArray[np.float32]]]]:
        """On a CPU: `_decode` that makes logits only of what passes the filter, and only where there is image."""
        predictor = self.predictor
        decoder = GridDecoder(predictor.model, predictor.get_image_embedding())
        rows = -(-masks.rows.samples // 4)

        def decode_batch(points: NDArray[np.float64]) -> Iterator[tuple[int, float, NDArray[np.float32]]]:
            coords, labels = self._prompts(points)
            coords = torch.cat([coords, torch.zeros_like(coords)], dim=1)
            labels = torch.cat([labels, torch.full_like(labels, -1)], dim=1)  # the padding point
            met = decoder.meet(coords, labels.float())
            for index in range(len(points)):
                wanted = self._passing(met.iou[index])
                if len(wanted):
                    logits = decoder.draw(met, index, wanted, rows).numpy()
                    for mask, values in zip(wanted.tolist(), logits, strict=True):
                        yield index, float(met.iou[index, mask]), values

        return decode_batch

    def _decode(self, points: NDArray[np.float64]) -> Iterator[tuple[int, float, NDArray[np.float32]]]:
        """(index of the point, predicted IoU, low-resolution logits) of the masks whose predicted IoU is enough."""
        logits, iou = self.predictor.predict_low_res(*self._prompts(points))
        for index in range(len(points)):
            wanted = self._passing(iou[index])
            for mask, values in zip(
                wanted.tolist(), logits[index, wanted].float().cpu().numpy(), strict=True
            ):
                yield index, float(iou[index, mask]), values

    def _prompts(self, points: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Points (n, 2) in the crop's frame as coords (n, 1, 2) in the model's and labels (n, 1)."""
        predictor = self.predictor
        moved = predictor.transform.apply_coords(points, predictor.original_size)
        coords = torch.as_tensor(moved, dtype=torch.float, device=predictor.device)[:, None]
        return coords, torch.ones(len(points), 1, dtype=torch.int, device=predictor.device)

    def _passing(self, iou: Tensor) -> Tensor:
        if self.pred_iou_thresh <= 0.0:
            return torch.arange(len(iou), device=iou.device)
        return (iou > self.pred_iou_thresh).nonzero()[:, 0]

    def _kept(self, found: list[_Candidate], masks: SparseMasks, crop: Box, size: Size) -> CropMasks:
        """Those of the candidates that no border cuts and no better one covers, with their pixels."""
        boxes = np.array([candidate.outline.box for candidate in found], np.int64).reshape(-1, 4)
        iou = np.array([candidate.iou for candidate in found], np.float32)
        whole = np.flatnonzero(~mask_filters.touches_crop_edge(boxes, crop, size))
        keep = whole[mask_filters.suppress(boxes[whole], iou[whole], self.box_nms_thresh)]
        kept = [found[index] for index in keep]
        corner, threshold = (crop[0], crop[1]), self.predictor.model.mask_threshold
        points = np.array([candidate.point for candidate in kept]).reshape(-1, 2)
        return CropMasks(
            rles=[masks.encode(candidate.outline, threshold, corner, size) for candidate in kept],
            boxes=boxes[keep] + np.tile(np.array(corner), 2),
            iou=iou[keep],
            stability=np.array([candidate.outline.stability for candidate in kept], np.float32),
            points=points + np.array(corner),
            crops=np.tile(np.array(crop), (len(keep), 1)),
        )

    def _without_small_regions(self, found: CropMasks) -> CropMasks:
        """Cleaned masks, duplicates removed again; masks that needed no cleaning are preferred."""
        if not found.rles:
            return found
        rles, boxes, untouched = list(found.rles), found.boxes.copy(), np.ones(len(found.rles), np.float32)
        for index, rle in enumerate(found.rles):
            bitmap, changed = mask_filters.remove_small_regions(
                decode(rle).astype(bool), self.min_mask_region_area
            )
            boxes[index] = mask_filters.mask_boxes(bitmap[None])[0]
            if changed:
                rles[index], untouched[index] = encode(bitmap), 0.0
        cleaned = CropMasks(rles, boxes, found.iou, found.stability, found.points, found.crops)
        threshold = max(self.box_nms_thresh, self.crop_nms_thresh)
        return cleaned.take(mask_filters.suppress(boxes, untouched, threshold))

    def _record(self, found: CropMasks, index: int) -> dict[str, Any]:
        rle = found.rles[index]
        return {
            "segmentation": self._segmentation(rle),
            "area": rle.area,
            "bbox": _xywh(found.boxes[index]),
            "predicted_iou": float(found.iou[index]),
            "point_coords": [found.points[index].tolist()],
            "stability_score": float(found.stability[index]),
            "crop_box": _xywh(found.crops[index]),
        }

    def _segmentation(self, rle: Rle) -> NDArray[np.bool_] | dict[str, Any]:
        if self.output_mode == "binary_mask":
            return decode(rle).astype(bool)
        if self.output_mode == "coco_rle":
            return rle.to_coco()
        return {"size": [rle.height, rle.width], "counts": rle.runs.tolist()}


def _xywh(box: NDArray[np.int64]) -> list[int]:
    x0, y0, x1, y1 = box.tolist()
    return [x0, y0, x1 - x0, y1 - y0]
