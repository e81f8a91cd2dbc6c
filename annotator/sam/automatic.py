"""All masks of an image: a grid of points, filters, suppression, zoomed crops (SAM.md section 3, paper §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotator.masks import Rle, decode, encode
from annotator.sam import mask_filters
from annotator.sam.mask_filters import Box
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor

OutputMode = Literal["binary_mask", "uncompressed_rle", "coco_rle"]
OUTPUT_MODES = ("binary_mask", "uncompressed_rle", "coco_rle")
# Prompts decoded at once on a CPU, where a batch that leaves the cache costs more than it saves.
CPU_POINTS_PER_BATCH = 4
# Masks brought to full size at once; at 24 megapixels each takes 100 MB.
FULL_SIZE_BATCH = 8


@dataclass(frozen=True)
class _Candidates:
    """Masks of the same length n in original pixels; boxes and crops XYXY, points x,y."""

    rles: list[Rle]
    boxes: NDArray[np.int64]  # (n, 4)
    iou: NDArray[np.float32]  # (n,)
    stability: NDArray[np.float32]  # (n,)
    points: NDArray[np.float64]  # (n, 2)
    crops: NDArray[np.int64]  # (n, 4)

    def take(self, keep: NDArray[np.int64]) -> _Candidates:
        return _Candidates([self.rles[i] for i in keep], *(getattr(self, name)[keep] for name in _ARRAYS))


_ARRAYS = tuple(field.name for field in fields(_Candidates) if field.name != "rles")


def _join(parts: Sequence[_Candidates]) -> _Candidates:
    rles = [rle for part in parts for rle in part.rles]
    return _Candidates(rles, *(np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS))


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

    @torch.no_grad()
    def generate(self, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Masks of an image (H, W, 3) uint8 RGB, best predicted IoU first within a crop.

        Each is a dict: "segmentation" (H, W) bool, or {"size", "counts"} with counts a list (uncompressed_rle) or
        COCO's string (coco_rle); "area" in pixels; "bbox" and "crop_box" XYWH; "predicted_iou";
        "stability_score"; "point_coords" [[x, y]], the prompt. Coordinates are pixels of `image`.
        """
        size = (image.shape[0], image.shape[1])
        crops = mask_filters.crop_boxes(size, self.crop_n_layers, self.crop_overlap_ratio)
        found = _join([self._process_crop(image, crop, self.point_grids[layer]) for layer, crop in crops])
        if len(crops) > 1:
            # The most zoomed-in of several views of one object wins.
            x0, y0, x1, y1 = found.crops.T
            scores = 1 / ((x1 - x0) * (y1 - y0)).astype(np.float32)
            found = found.take(mask_filters.suppress(found.boxes, scores, self.crop_nms_thresh))
        if self.min_mask_region_area > 0:
            found = self._without_small_regions(found)
        return [self._record(found, index) for index in range(len(found.rles))]

    def _process_crop(self, image: NDArray[np.uint8], crop: Box, grid: NDArray[np.float64]) -> _Candidates:
        x0, y0, x1, y1 = crop
        self.predictor.set_image(image[y0:y1, x0:x1])
        points = grid * np.array([[x1 - x0, y1 - y0]])
        step = self.points_per_batch
        if self.predictor.device.type == "cpu":
            step = min(step, CPU_POINTS_PER_BATCH)
        size = (image.shape[0], image.shape[1])
        batches = [points[start : start + step] for start in range(0, len(points), step)]
        found = _join([self._process_batch(batch, crop, size) for batch in batches])
        self.predictor.reset_image()
        return found.take(mask_filters.suppress(found.boxes, found.iou, self.box_nms_thresh))

    def _process_batch(self, points: NDArray[np.float64], crop: Box, size: tuple[int, int]) -> _Candidates:
        """Masks of points (n, 2) in the crop's frame that pass the filters, in point order."""
        logits, iou = self._decode(points)
        chosen = torch.arange(len(iou), device=iou.device)
        if self.pred_iou_thresh > 0.0:
            # Before anything is brought to full size: that is where the time goes.
            chosen = chosen[iou > self.pred_iou_thresh]
        parts = [_nothing()]
        for index in chosen.split(FULL_SIZE_BATCH) if len(chosen) else ():
            source = points[index.cpu().numpy() // (len(iou) // len(points))]
            parts.append(self._at_full_size(logits[index], iou[index], source, crop, size))
        return _join(parts)

    def _decode(self, points: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Points (n, 2) to low-resolution logits (3n, 4h, 4w) and predicted IoU (3n,), three masks a point."""
        predictor = self.predictor
        moved = predictor.transform.apply_coords(points, predictor.original_size)
        coords = torch.as_tensor(moved, dtype=torch.float, device=predictor.device)[:, None]
        labels = torch.ones(len(points), 1, dtype=torch.int, device=predictor.device)
        logits, iou = predictor.predict_low_res(coords, labels)
        return logits.flatten(0, 1), iou.flatten(0, 1)

    def _at_full_size(
        self, logits: Tensor, iou: Tensor, points: NDArray[np.float64], crop: Box, size: tuple[int, int]
    ) -> _Candidates:
        predictor, model = self.predictor, self.predictor.model
        full = model.postprocess_masks(logits[None], predictor.input_size, predictor.original_size)[0]
        stability = mask_filters.stability_scores(full, model.mask_threshold, self.stability_score_offset)
        if self.stability_score_thresh > 0.0:
            stable = stability >= self.stability_score_thresh
            full, stability, iou = full[stable], stability[stable], iou[stable]
            points = points[stable.cpu().numpy()]
        masks = (full > model.mask_threshold).cpu().numpy()
        boxes = mask_filters.mask_boxes(masks)
        keep = np.flatnonzero(~mask_filters.touches_crop_edge(boxes, crop, size))
        corner = np.array([crop[0], crop[1]])
        return _Candidates(
            rles=[_encode_in_image(masks[index], crop, size) for index in keep],
            boxes=boxes[keep] + np.tile(corner, 2),
            iou=iou.cpu().numpy()[keep],
            stability=stability.cpu().numpy()[keep],
            points=points[keep] + corner,
            crops=np.tile(np.array(crop), (len(keep), 1)),
        )

    def _without_small_regions(self, found: _Candidates) -> _Candidates:
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
        cleaned = _Candidates(rles, boxes, found.iou, found.stability, found.points, found.crops)
        threshold = max(self.box_nms_thresh, self.crop_nms_thresh)
        return cleaned.take(mask_filters.suppress(boxes, untouched, threshold))

    def _record(self, found: _Candidates, index: int) -> dict[str, Any]:
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


def _nothing() -> _Candidates:
    box = np.zeros((0, 4), dtype=np.int64)
    score = np.zeros(0, dtype=np.float32)
    return _Candidates([], box, score, score, np.zeros((0, 2)), box)


def _encode_in_image(mask: NDArray[np.bool_], crop: Box, size: tuple[int, int]) -> Rle:
    x0, y0, x1, y1 = crop
    if (y1 - y0, x1 - x0) != size:
        whole = np.zeros(size, dtype=bool)
        whole[y0:y1, x0:x1] = mask
        mask = whole
    return encode(mask)


def _xywh(box: NDArray[np.int64]) -> list[int]:
    x0, y0, x1, y1 = box.tolist()
    return [x0, y0, x1 - x0, y1 - y0]
