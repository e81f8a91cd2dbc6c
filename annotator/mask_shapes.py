"""What is derived from a mask's pixels: components, holes, outlines, and masks from polygons.

Bitmaps are (height, width), bool or integer, non-zero = foreground. Where parts are counted, foreground is
8-connected and holes 4-connected, as in SAM's post-processing; outlines follow pixel edges and lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from annotator.masks import MaskError, Rle, decode, parse_counts, parse_size

Bitmap = NDArray[np.uint8]
Labels = NDArray[np.int32]
Ring = NDArray[np.int64]

MAX_OUTLINE = 5_000_000
"""Longest outline in pixels of one object's polygons together; pycocotools' memory grows with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """One 4-connected part. Rings are int64 (N, 2): x,y of corners on pixel edges (pixel 0 spans 0 to 1), the
    first not repeated at the end."""

    outer: Ring
    holes: tuple[Ring, ...]


def _binary(bitmap: NDArray[Any]) -> Bitmap:
    if bitmap.ndim != 2 or bitmap.dtype.kind not in "bui":
        raise MaskError(f"A bitmap must be 2-D and boolean or integer, not {bitmap.dtype} {bitmap.shape}.")
    return np.array(bitmap != 0, order="C").view(np.uint8)


def components(bitmap: NDArray[Any]) -> tuple[Labels, NDArray[np.int64]]:
    """8-connected parts: labels (height, width) int32, 0 = background, and the area in pixels of each part from 1."""
    labels, areas = _label(_binary(bitmap), connectivity=8)
    return labels, areas[1:]


def _label(binary: Bitmap, *, connectivity: int) -> tuple[Labels, NDArray[np.int64]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        binary, connectivity=connectivity, ltype=cv2.CV_32S
    )
    return np.asarray(labels, dtype=np.int32), np.asarray(stats)[:, cv2.CC_STAT_AREA].astype(np.int64)


def fill_holes(bitmap: NDArray[Any], *, below: int | None = None) -> Bitmap:
    """The mask without holes: 4-connected background that does not touch the border is filled where it has fewer
    than `below` pixels (None = every hole)."""
    filled = _binary(bitmap)
    labels, areas = _label(1 - filled, connectivity=4)
    hole = np.ones(areas.size, dtype=bool)
    hole[0] = False  # label 0 is the foreground
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        hole[border] = False
    if below is not None:
        hole &= areas < below
    filled[hole[labels]] = 1
    return filled


def remove_specks(bitmap: NDArray[Any], *, below: int) -> Bitmap:
    """The mask without 8-connected parts of fewer than `below` pixels; the largest part always stays."""
    labels, areas = components(bitmap)
    if areas.size == 0:
        return _binary(bitmap)
    keep = np.concatenate(([False], areas >= below))
    keep[1 + int(areas.argmax())] = True
    return keep[labels].view(np.uint8)


def polygons(rle: Rle) -> list[Polygon]:
    """Outlines of a mask along pixel edges, one per 4-connected part, with holes.

    Filling them even-odd at pixel centres gives the mask back exactly; outer area − hole areas is its area. Outer
    rings run clockwise on screen (y down), holes the other way.
    """
    x0, y0, width, height = rle.bbox
    if width == 0:
        return []
    bitmap = np.ascontiguousarray(decode(rle)[y0 : y0 + height, x0 : x0 + width])
    labels, _ = _label(bitmap, connectivity=4)
    offset = np.array([x0, y0])
    outers: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for ring in _rings(bitmap):
        part = _part_beside(labels, ring)
        if _signed_area(ring) > 0:
            outers[part] = ring + offset
        else:
            holes.setdefault(part, []).append(ring + offset)
    return [Polygon(outers[part], tuple(holes.get(part, ()))) for part in sorted(outers)]


def _rings(bitmap: Bitmap) -> list[Ring]:
    """Closed rings of corner points, foreground on the right-hand side of the walk as seen on screen."""
    padded = np.pad(bitmap, 1)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    count = upper_left + upper_right + lower_left + lower_right
    saddle = (count == 2) & (upper_left == lower_right)
    corner = (count % 2 == 1) | saddle
    ys, xs = np.nonzero(corner)
    # Two parts touch in a saddle, a corner of each: the first copy joins the edge to the left, the second the right.
    copies = 1 + saddle[ys, xs].astype(np.int64)
    xs, ys = np.repeat(xs, copies), np.repeat(ys, copies)
    # In every grid row the sorted corners pair up into horizontal edges, in every column into vertical ones.
    across = np.arange(xs.size) ^ 1
    first_copy = np.concatenate(([True], (xs[1:] != xs[:-1]) | (ys[1:] != ys[:-1])))
    # The copy joined to the left must continue up where the left pixel is the upper one, else down.
    left_is_upper = (upper_left[ys, xs] == 1) & saddle[ys, xs]
    rank = np.where(saddle[ys, xs], first_copy ^ left_is_upper, 0)
    order = np.lexsort((rank, ys, xs))
    down = np.empty_like(order)
    down[order] = order[np.arange(xs.size) ^ 1]
    return _walk(np.stack([xs, ys], axis=1), across, down, lower_right[ys, xs] == 1)


def _walk(corners: Ring, across: Ring, down: Ring, inside_below_right: NDArray[np.bool_]) -> list[Ring]:
    next_across, next_down = across.tolist(), down.tolist()
    visited = bytearray(len(corners))
    rings: list[Ring] = []
    for start in range(len(corners)):
        if visited[start]:
            continue
        # In scan order the first corner of a ring is its top left one, and its horizontal edge leads to the right.
        path, current = [], start
        while not visited[current]:
            middle = next_across[current]
            visited[current] = visited[middle] = 1
            path += [current, middle]
            current = next_down[middle]
        ring = corners[path]
        rings.append(ring if inside_below_right[start] else ring[::-1])
    return rings


def _signed_area(ring: Ring) -> int:
    """Twice the area, positive for a ring that is clockwise on screen."""
    x, y = ring[:, 0], ring[:, 1]
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _part_beside(labels: Labels, ring: Ring) -> int:
    """Label of the foreground pixel to the right of the ring's first edge."""
    (ax, ay), (bx, by) = ring[0].tolist(), ring[1].tolist()
    if ay == by:
        return int(labels[ay if bx > ax else ay - 1, min(ax, bx)])
    return int(labels[min(ay, by), ax - 1 if by > ay else ax])


def from_polygons(rings: object, *, height: int, width: int) -> Rle:
    """Union of COCO polygons, `[[x0, y0, x1, y1, …], …]` in pixels, rasterised by pycocotools' own rule.

    Every value is checked first. Raises MaskError for other types, rings of fewer than three points, numbers that
    are not finite or lie more than one image side outside.
    """
    parse_size([height, width])
    if not isinstance(rings, (list, tuple)) or not rings:
        raise MaskError("A polygon mask must be a non-empty list of rings.")
    checked = [_checked_ring(ring, position, height, width) for position, ring in enumerate(rings)]
    if sum(map(_outline_length, checked)) > MAX_OUTLINE:
        raise MaskError(f"The outline of the polygons is longer than {MAX_OUTLINE} pixels.")
    merged = coco_mask.merge(
        coco_mask.frPyObjects([ring.ravel().tolist() for ring in checked], height, width)
    )
    return parse_counts(merged["counts"].decode("ascii"), height=height, width=width)


def _checked_ring(ring: object, position: int, height: int, width: int) -> NDArray[np.float64]:
    if not isinstance(ring, (list, tuple)):
        raise MaskError(f"Ring {position} of the polygon is not a list of numbers.")
    if len(ring) < 6 or len(ring) % 2:
        raise MaskError(
            f"Ring {position} of the polygon has {len(ring)} numbers; it needs x,y of three or more points."
        )
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in ring):
        raise MaskError(f"Ring {position} of the polygon holds something that is not a number.")
    sides = np.array([width, height], dtype=np.float64)
    try:
        points = np.asarray(ring, dtype=np.float64).reshape(-1, 2)  # [x0, y0, x1, …] → (points, x and y)
    except OverflowError:
        points = np.full((1, 2), np.inf)
    if not (np.isfinite(points).all() and (points >= -sides).all() and (points <= 2 * sides).all()):
        raise MaskError(f"Ring {position} of the polygon lies far outside the {width} × {height} image.")
    return points


def _outline_length(points: NDArray[np.float64]) -> float:
    return float(np.abs(points - np.roll(points, -1, axis=0)).max(axis=1).sum()) + len(points)
