"""Figures of a mask's shape for reports, from its runs: centre of mass and concavity (paper §5, figures 5 and 6)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.masks import Rle

Columns = NDArray[np.int64]


def centre(rle: Rle) -> tuple[float, float]:
    """Mean x, y of the mask's pixels, in pixels of the image; (0, 0) for an empty mask."""
    x, top, bottom = _columns(rle)
    weights = bottom - top
    area = int(weights.sum())
    if area == 0:
        return 0.0, 0.0
    middles = (top + bottom - 1) / 2
    return float((x * weights).sum() / area), float((middles * weights).sum() / area)


def concavity(rle: Rle) -> float:
    """1 − area / area of the convex hull of the mask's pixels (as squares); 0 for convex masks and for an empty one."""
    x, top, bottom = _columns(rle)
    if x.size == 0:
        return 0.0
    new = np.flatnonzero(np.diff(x)) + 1  # strokes come column by column, from top to bottom
    first, last = np.concatenate([[0], new]), np.concatenate([new - 1, [x.size - 1]])
    corners = np.concatenate(
        [np.stack([x[first] + side, edge], axis=1) for side in (0, 1) for edge in (top[first], bottom[last])]
    )  # (4 × columns, 2) x,y
    hull = cv2.convexHull(corners.astype(np.int32))
    return max(0.0, 1.0 - rle.area / float(cv2.contourArea(hull)))


def _columns(rle: Rle) -> tuple[Columns, Columns, Columns]:
    """The mask as vertical strokes: x, first row, and the row after the last; runs are cut where a column ends."""
    edges = np.cumsum(rle.runs)
    ends = edges[1::2]
    starts = edges[0::2][: ends.size]
    left, right = starts // rle.height, (ends - 1) // rle.height
    pieces = right - left + 1
    run = np.repeat(np.arange(starts.size), pieces)
    x = left[run] + np.arange(run.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = np.maximum(starts[run] - x * rle.height, 0)
    bottom = np.minimum(ends[run] - x * rle.height, rle.height)
    return x, top, bottom
