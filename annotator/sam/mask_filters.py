"""Pure steps of automatic mask generation: grids, crops, stability, boxes, suppression, small regions (paper §4).

Boxes are XYXY of the first and last pixel, as the released package has them: width is last − first.
"""

from __future__ import annotations

import math
from itertools import product

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

EDGE_TOLERANCE = 20.0  # pixels

Box = tuple[int, int, int, int]
Bitmap = NDArray[np.bool_]


def point_grid(per_side: int) -> NDArray[np.float64]:
    """Evenly spaced x,y in [0, 1], row by row, (per_side², 2); the outer points lie half a step from the border."""
    offset = 1 / (2 * per_side)
    side = np.linspace(offset, 1 - offset, per_side)
    x, y = np.meshgrid(side, side)
    return np.stack([x, y], axis=-1).reshape(-1, 2)


def crop_boxes(size: tuple[int, int], layers: int, overlap_ratio: float) -> list[tuple[int, Box]]:
    """(layer, XYXY with exclusive end) of the whole image (height, width), then 4**i crops of each layer i.

    Crops of the first layer overlap by `overlap_ratio` of the shorter side, those of later ones by less.
    """
    height, width = size
    boxes: list[tuple[int, Box]] = [(0, (0, 0, width, height))]
    for layer in range(1, layers + 1):
        per_side = 2**layer
        overlap = int(overlap_ratio * min(height, width) * (2 / per_side))
        crop_w = math.ceil((overlap * (per_side - 1) + width) / per_side)
        crop_h = math.ceil((overlap * (per_side - 1) + height) / per_side)
        for column, row in product(range(per_side), range(per_side)):
            x0, y0 = (crop_w - overlap) * column, (crop_h - overlap) * row
            boxes.append((layer, (x0, y0, min(x0 + crop_w, width), min(y0 + crop_h, height))))
    return boxes


def stability_scores(logits: Tensor, threshold: float, offset: float) -> Tensor:
    """IoU of each mask thresholded `offset` above and below `threshold`: logits (n, H, W) to float32 (n,).

    One of the two always contains the other. A mask that is empty at both is not a number.
    """
    high = (logits > threshold + offset).flatten(1).sum(1, dtype=torch.int32)
    low = (logits > threshold - offset).flatten(1).sum(1, dtype=torch.int32)
    return high / low


def mask_boxes(masks: Bitmap) -> NDArray[np.int64]:
    """(n, H, W) bool to (n, 4) XYXY; zeros for an empty mask."""
    boxes = np.zeros((len(masks), 4), dtype=np.int64)
    for box, mask in zip(boxes, masks, strict=True):
        columns = np.flatnonzero(mask.any(axis=0))
        if columns.size:
            rows = np.flatnonzero(mask[:, columns[0] : columns[-1] + 1].any(axis=1))
            box[:] = columns[0], rows[0], columns[-1], rows[-1]
    return boxes


def touches_crop_edge(boxes: NDArray[np.int64], crop: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes (n, 4), in the crop's frame, end at a border of the crop that is not one of the image."""
    moved = boxes + np.array([crop[0], crop[1], crop[0], crop[1]])
    image = np.array([0, 0, size[1], size[0]])
    near_crop = np.abs(moved - np.array(crop)) <= EDGE_TOLERANCE
    near_image = np.abs(moved - image) <= EDGE_TOLERANCE
    return (near_crop & ~near_image).any(axis=1)


def suppress(boxes: NDArray[np.int64], scores: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: indices to keep, best score first, ties in their order.

    A box goes when its IoU with a better one exceeds `threshold`. In float32 like the released package, so that
    both decide alike.
    """
    order = np.argsort(-scores, kind="stable")
    x0, y0, x1, y1 = boxes.astype(np.float32).T
    areas = (x1 - x0) * (y1 - y0)
    alive = np.ones(len(boxes), dtype=bool)
    keep = []
    for position, index in enumerate(order):
        if not alive[index]:
            continue
        keep.append(index)
        rest = order[position + 1 :]
        width = np.minimum(x1[index], x1[rest]) - np.maximum(x0[index], x0[rest])
        height = np.minimum(y1[index], y1[rest]) - np.maximum(y0[index], y0[rest])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        with np.errstate(invalid="ignore"):  # two boxes without area: not a number, which suppresses nothing
            iou = shared / (areas[index] + areas[rest] - shared)
        alive[rest[iou.astype(np.float64) > threshold]] = False
    return np.array(keep, dtype=np.int64)


def remove_small_regions(mask: Bitmap, min_area: int) -> tuple[Bitmap, bool]:
    """Fills holes and drops parts of fewer than `min_area` pixels; says whether anything changed.

    The released package's rule: both are 8-connected, background at the border counts as a hole too, and the
    largest part stays when all are small.
    """
    holes, areas = _regions(~mask)
    small = np.flatnonzero(areas < min_area)
    changed = small.size > 0
    if changed:
        mask = (holes == 0) | np.isin(holes, small + 1)
    parts, areas = _regions(mask)
    if not (areas < min_area).any():
        return mask, changed
    kept = np.flatnonzero(areas >= min_area)
    if not kept.size:
        kept = np.array([areas.argmax()])
    return np.isin(parts, kept + 1), True


def _regions(mask: Bitmap) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """8-connected regions: labels from 1 (0 elsewhere) and the areas of labels 1, 2, …"""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels, dtype=np.int32), np.asarray(stats, dtype=np.int32)[1:, cv2.CC_STAT_AREA]
