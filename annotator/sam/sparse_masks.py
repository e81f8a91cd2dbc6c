"""Full-size masks without full-size logits: what lies inside or outside for certain is counted, the rest is computed.

Each pixel of the image is a weighted mean of at most 3×3 neighbouring low-resolution logits (two bilinear steps, see
`transforms.postprocess_masks`; the same steps on one axis give the weights). Pixels that share these neighbours are a
cell. Where all nine lie on one side of a threshold so does the cell; only cells at the outline need arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from annotator.masks import Rle, rle_from_runs
from annotator.sam.mask_filters import mask_boxes
from annotator.sam.transforms import Size, postprocess_masks

TAPS = 3
BORDER = (1, TAPS - 1)
"""How many samples the border repeats before and after the others."""

CELLS_AT_ONCE = 1024
"""Cells that are computed together: with 24² pixels each, 2 MB."""

DENSE_SHARE = 0.2
"""Of cells that need arithmetic; beyond, all pixels at once are sooner done. Only masks like noise come to that."""

Logits = NDArray[np.float32]
Span = tuple[int, int] | None


@dataclass(frozen=True)
class Axis:
    """One side of the image. Pixels `starts[k]` to `starts[k + 1]` depend on logits k, k + 1 and k + 2, the first of
    which, and the two beyond the last, repeat the outermost.

    cells (TAPS, m, number) are the weights of each cell's pixels; a cell with fewer than m is filled up with what is
    not a number, and so above no threshold.
    """

    starts: NDArray[np.int64]
    cells: NDArray[np.float32]

    @classmethod
    def of(cls, logits: int, image_size: int, input_side: int, original_side: int) -> Axis:
        """The axis with `logits` samples over a padded side of `image_size`, `input_side` of it image."""
        samples = torch.eye(logits)[None]  # one channel a sample
        padded = F.interpolate(samples, size=image_size, mode="linear", align_corners=False)
        image = F.interpolate(
            padded[..., :input_side], size=original_side, mode="linear", align_corners=False
        )
        dense = image[0].T.numpy()  # (pixels, samples)
        # Beyond the middle of the outermost samples only these count; such pixels get cells of their own.
        first = (dense > 0).argmax(axis=1) + 1 - (dense[:, 0] == 1)
        weights = np.take_along_axis(
            np.pad(dense, ((0, 0), BORDER)), first[:, None] + np.arange(TAPS), axis=1
        )
        used = int(np.nonzero(dense)[1].max()) + 1
        starts = np.searchsorted(first, np.arange(used + 2))
        cells = np.full((TAPS, int(np.diff(starts).max()), len(starts) - 1), np.nan, np.float32)
        cells[:, np.arange(original_side) - starts[first], first] = weights.T
        return cls(starts, cells)

    @property
    def samples(self) -> int:
        """Logits that the image depends on; those beyond are padding."""
        return len(self.starts) - 2

    @property
    def pixels(self) -> NDArray[np.int64]:
        """Pixels in each cell."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Outline:
    """A mask before its pixels are wanted: stability, box (XYXY of the first and last pixel, zeros for an empty mask),
    and the logits around it with the cell (row, column) of their corner. Nothing lies outside."""

    stability: np.float32
    box: tuple[int, int, int, int]
    logits: Logits
    corner: tuple[int, int]


class SparseMasks:
    """Masks of one image or crop: `outline` what the filters need, then `encode` those that are kept."""

    def __init__(self, mask_size: Size, image_size: int, input_size: Size, original_size: Size) -> None:
        self.size, self.mask_size = original_size, mask_size
        self.image_size, self.input_size = image_size, input_size
        self.axes = self.rows, self.columns = tuple(
            Axis.of(logits, image_size, used, side)
            for logits, used, side in zip(mask_size, input_size, original_size, strict=True)
        )

    def outline(self, logits: Logits, threshold: float, offset: float, wanted: float = 0.0) -> Outline | None:
        """Stability at `threshold` ± `offset` and the box of one mask's logits (4h, 4w), of which rows and columns of
        padding may be missing. None if it is less stable than `wanted`, which often shows before any arithmetic."""
        logits = np.pad(logits[: self.rows.samples, : self.columns.samples], BORDER, mode="edge")
        least, most = _extremes(logits)
        limits = (threshold + offset, threshold, threshold - offset)
        if wanted > 0 and self._pixels(most > limits[0]) < wanted * self._pixels(least > limits[2]):
            return None
        unsure = (
            _crossed(least, most, limits[0])
            | _crossed(least, most, limits[1])
            | _crossed(least, most, limits[2])
        )
        if unsure.mean() > DENSE_SHARE:
            high, low, spans = self._counted(logits[BORDER[0] : -BORDER[1], BORDER[0] : -BORDER[1]], limits)
            return _outline(high, low, spans, wanted, *_cut(logits, most > threshold, threshold))
        high, low = (self._pixels((least > limit) & ~unsure) for limit in (limits[0], limits[2]))
        cells = np.argwhere(unsure)
        spans = [
            _span(np.any(least > threshold, axis=1 - axis), side.starts)
            for axis, side in enumerate(self.axes)
        ]
        for start in range(0, len(cells), CELLS_AT_ONCE):
            part = cells[start : start + CELLS_AT_ONCE]
            values = self._values(logits, part)
            high += np.count_nonzero(values > limits[0])
            low += np.count_nonzero(values > limits[2])
            within = values > threshold
            for axis, side in enumerate(self.axes):
                beyond = _beyond(spans[axis], side.starts, part[:, axis])
                place, cell = np.nonzero(np.any(within[:, :, beyond], axis=1 - axis))
                pixels = side.starts[part[beyond[cell], axis]] + place
                spans[axis] = _joined(spans[axis], (pixels.min(), pixels.max()) if pixels.size else None)
        return _outline(high, low, spans, wanted, *_cut(logits, most > threshold, threshold))

    def encode(self, outline: Outline, threshold: float, corner: tuple[int, int], size: Size) -> Rle:
        """The mask in an image of `size` (H, W), in which this image or crop begins at `corner` x,y."""
        least, most = _extremes(outline.logits)
        (top, left), (rows, columns) = outline.corner, least.shape
        down, across = self.rows.starts[top : top + rows + 1], self.columns.starts[left : left + columns + 1]
        sure = np.repeat((least > threshold).T, np.diff(down), axis=1)  # (cells across, pixels down)
        # With a gap below each column.
        part = np.zeros((across[-1] - across[0], down[-1] - down[0] + 1), bool)
        part[:, :-1] = np.repeat(sure, np.diff(across), axis=0)
        cells = np.argwhere(_crossed(least, most, threshold))
        for start in range(0, len(cells), CELLS_AT_ONCE):
            self._paint(part, outline, cells[start : start + CELLS_AT_ONCE], threshold)
        return _encode_columns(part, (corner[0] + int(across[0]), corner[1] + int(down[0])), size)

    def _paint(
        self, part: NDArray[np.bool_], outline: Outline, cells: NDArray[np.int64], threshold: float
    ) -> None:
        """Write the pixels of cells (K, 2) of the outline into its columns `part`."""
        placed = cells + np.array(outline.corner)
        inside = self._values(outline.logits, cells, placed) > threshold  # (m, n, K)
        y, x = (side.starts[placed[:, axis]] for axis, side in enumerate(self.axes))
        row, column, cell = inside.nonzero()
        part[
            x[cell] + column - self.columns.starts[outline.corner[1]],
            y[cell] + row - self.rows.starts[outline.corner[0]],
        ] = True

    def _counted(self, logits: Logits, limits: tuple[float, float, float]) -> tuple[float, float, list[Span]]:
        """Pixels above the first and the last limit, and the span of those above the second on each axis."""
        whole = np.zeros(self.mask_size, np.float32)
        whole[: logits.shape[0], : logits.shape[1]] = logits
        full = postprocess_masks(
            torch.from_numpy(whole)[None, None], self.input_size, self.size, self.image_size
        )
        values = full[0, 0].numpy()
        x0, y0, x1, y1 = mask_boxes(values[None] > limits[1])[0].tolist()
        high, low = (float(np.count_nonzero(values > limit)) for limit in (limits[0], limits[2]))
        return high, low, [(y0, y1), (x0, x1)]

    def _pixels(self, cells: NDArray[np.bool_]) -> float:
        """How many pixels these cells have."""
        return float(self.rows.pixels @ (cells @ self.columns.pixels))

    def _values(
        self, logits: Logits, cells: NDArray[np.int64], placed: NDArray[np.int64] | None = None
    ) -> Logits:
        """Logits of the pixels of cells (K, 2): (m, n, K), not a number where a cell has fewer pixels.

        `placed` are the cells in the image where `logits` are a part of it.
        """
        y, x = cells.T
        row, column = y if placed is None else placed[:, 0], x if placed is None else placed[:, 1]
        down, across = self.rows.cells[:, :, row], self.columns.cells[:, :, column]
        columns = [
            sum(down[a] * logits[y + a, x + b] for a in range(TAPS)) for b in range(TAPS)
        ]  # (m, K) each
        values = across[0] * columns[0][:, None]
        product = np.empty_like(values)
        for b in range(1, TAPS):
            values += np.multiply(across[b], columns[b][:, None], out=product)
        return values


def _outline(
    high: float, low: float, spans: list[Span], wanted: float, logits: Logits, corner: tuple[int, int]
) -> Outline | None:
    """The outline of a mask with so many pixels above the higher and the lower limit, if it is as stable as wanted."""
    with np.errstate(invalid="ignore", divide="ignore"):
        stability = np.float32(high) / np.float32(low)
    if wanted > 0 and not stability >= wanted:
        return None
    (y0, y1), (x0, x1) = (span or (0, 0) for span in spans)
    return Outline(stability, (int(x0), int(y0), int(x1), int(y1)), logits, corner)


def _extremes(logits: Logits) -> tuple[Logits, Logits]:
    """Least and most of each cell's logits, (h - 2, w - 2)."""
    neighbours, inner = np.ones((TAPS, TAPS), np.uint8), (slice(1 - TAPS), slice(1 - TAPS))
    least = cv2.erode(logits, neighbours, anchor=(0, 0))
    most = cv2.dilate(logits, neighbours, anchor=(0, 0))
    return np.asarray(least[inner]), np.asarray(most[inner])


def _crossed(least: Logits, most: Logits, value: float) -> NDArray[np.bool_]:
    return (least <= value) & (most > value)


def _span(occupied: NDArray[Any], starts: NDArray[np.int64]) -> tuple[int, int] | None:
    """First and last pixel of the occupied cells of an axis that have pixels."""
    cells = np.flatnonzero(occupied & (np.diff(starts) > 0))
    return (int(starts[cells[0]]), int(starts[cells[-1] + 1]) - 1) if cells.size else None


def _beyond(span: Span, starts: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of these cells of an axis, (K,), have pixels before or after the span."""
    if span is None:
        return np.arange(len(cells))
    return np.flatnonzero((starts[cells] < span[0]) | (starts[cells + 1] - 1 > span[1]))


def _joined(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _cut(logits: Logits, cells: NDArray[np.bool_], threshold: float) -> tuple[Logits, tuple[int, int]]:
    """A copy of the logits that these cells depend on, and the first cell; logits of no cell say outside."""
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    if not rows.size:
        return np.full((TAPS, TAPS), threshold - 1, np.float32), (0, 0)
    top, left = int(rows[0]), int(columns[0])
    return logits[top : rows[-1] + TAPS, left : columns[-1] + TAPS].copy(), (top, left)


def _encode_columns(part: NDArray[np.bool_], corner: tuple[int, int], size: Size) -> Rle:
    """The mask of `size` (H, W) that is nothing but these columns (w, h + 1), the first beginning at x,y.

    The last value of each is a gap: runs end there.
    """
    height, width = size
    flat = part.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[:1].any():
        changes = np.concatenate([[0], changes])
    column, row = np.divmod(changes, part.shape[1])
    places = (corner[0] + column) * height + corner[1] + row
    runs = np.diff(np.concatenate([[0], places, [height * width]]))
    return rle_from_runs(runs.astype(np.int64), height=height, width=width)
