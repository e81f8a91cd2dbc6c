"""How a person would paint the next correction: which part of the error, with which brush, along which path.

A stroke goes through the largest connected region of error. Its brush is the largest that still covers most of the
region without going over the object's edge by more than a slip of the hand; its path is gone greedily, always to
where the most is won, until little is left within reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.evaluation.clicks import Bitmap

LADDER = tuple(1.5 * 1.35**step for step in range(13))
"""Radii that a person chooses between, image pixels: 1.5 to 55."""

SLIP = 0.5
"""Image pixels by which the brush may go over the object's edge."""

WORTH = 0.7
"""Share of the coverable region that a brush must cover to be chosen."""

THINNEST = 0.5
"""What a step corrects must be at least so thick, in image pixels along the path, or the hand is lifted."""

GOOD_START = 0.5
"""A stroke begins where a dab wins at least this share of the most that any would."""

LONGEST = 80
"""Steps of one stroke, each at most a radius long."""

DIRECTIONS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
Field = NDArray[np.float32]
Worth = NDArray[np.int8]


@dataclass(frozen=True)
class Stroke:
    """`points` are x, y in image pixels, the radius too."""

    erase: bool
    radius: float
    points: tuple[tuple[float, float], ...]

    @property
    def travel(self) -> float:
        """Image pixels that the hand moves while painting."""
        return float(np.hypot(*np.diff(np.array(self.points), axis=0).T).sum())


def next_stroke(shown: Bitmap, wanted: Bitmap) -> Stroke | None:
    """The stroke that a person would paint now; None when nothing can be corrected."""
    regions = [(_largest(wanted & ~shown), False), (_largest(shown & ~wanted), True)]
    region, erase = max(regions, key=lambda pair: int(pair[0].sum()))
    if not region.any():
        return None
    clearance = _clearance(~wanted if erase else wanted)
    for radius in _brushes(region, clearance):
        won, path = _path(region, clearance, radius)
        if won > 0:
            return Stroke(erase, radius, tuple(path))
    return None


def _largest(mask: Bitmap) -> Bitmap:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return np.zeros_like(mask)
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def _clearance(free: Bitmap) -> Field:
    """Distance of each pixel to what must not be painted; there is no harm in painting beyond the image's border."""
    return np.asarray(cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _brushes(region: Bitmap, clearance: Field) -> list[float]:
    """Largest first: radii that cover nearly as much of the region as the smallest does."""
    covered = [int((region & (_reach(_centres(clearance, radius)) <= radius)).sum()) for radius in LADDER]
    fit = [radius for radius, count in zip(LADDER, covered, strict=True) if count >= WORTH * covered[0]]
    return fit[::-1]


def _centres(clearance: Field, radius: float) -> Bitmap:
    """Where the middle of a brush may be."""
    return np.asarray((clearance > 0) & (clearance >= radius - SLIP))


def _reach(centres: Bitmap) -> Field:
    """Distance of each pixel to the nearest centre; infinite when there is none."""
    if not centres.any():
        return np.full(centres.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~centres).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _path(region: Bitmap, clearance: Field, radius: float) -> tuple[float, list[tuple[float, float]]]:
    """What the stroke wins, in pixels, and the middles of the brush one after the other, at least one."""
    centres = _centres(clearance, radius)
    worth = region.astype(np.int8) - (clearance == 0)
    x, y = _start(worth, region, centres, radius)
    path = [(x, y)]
    won = _cover(worth, x, y, radius)
    while len(path) < LONGEST:
        options = [(_gain(worth, *spot, radius), spot) for spot in _around(centres, x, y, radius)]
        gain, (x, y) = max(options, default=(0.0, (x, y)))
        if gain < max(1.0, THINNEST * radius):
            break
        path.append((x, y))
        won += _cover(worth, x, y, radius)
    return won, path


def _start(worth: Worth, region: Bitmap, centres: Bitmap, radius: float) -> tuple[float, float]:
    """An end of the region: of all middles where a dab wins much, the one farthest from its centre of mass."""
    side = np.arange(-int(radius), int(radius) + 1)
    disc = (np.hypot(side, side[:, None]) <= radius).astype(np.float32)
    gains = cv2.filter2D(worth.astype(np.float32), cv2.CV_32F, disc, borderType=cv2.BORDER_CONSTANT)
    gains[~centres] = -np.inf
    ys, xs = np.nonzero(gains >= max(GOOD_START * gains.max(), 1.0))
    if not len(ys):  # too fine for any brush: a dab on the region itself
        ys, xs = np.nonzero(region)
    middle_y, middle_x = (float(axis.mean()) for axis in np.nonzero(region))
    farthest = int(np.hypot(xs - middle_x, ys - middle_y).argmax())
    return float(xs[farthest]), float(ys[farthest])


def _around(centres: Bitmap, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Allowed middles half a radius and a whole one away, rounded to pixels."""
    height, width = centres.shape
    spots = {
        (round(x + step * np.cos(angle)), round(y + step * np.sin(angle)))
        for step in (max(1.0, radius / 2), max(1.5, radius))
        for angle in DIRECTIONS
    }
    return sorted(
        (float(px), float(py)) for px, py in spots if 0 <= px < width and 0 <= py < height and centres[py, px]
    )


def _window(shape: tuple[int, ...], x: float, y: float, radius: float) -> tuple[slice, slice, Bitmap]:
    """The pixels around (x, y) and which of them the brush covers."""
    rows = slice(max(0, int(np.ceil(y - radius))), min(shape[0], int(y + radius) + 1))
    columns = slice(max(0, int(np.ceil(x - radius))), min(shape[1], int(x + radius) + 1))
    ys, xs = np.ogrid[rows, columns]
    return rows, columns, np.asarray(np.hypot(xs - x, ys - y) <= radius)


def _gain(worth: Worth, x: float, y: float, radius: float) -> float:
    """Pixels that a dab here would correct, less those that it would spoil."""
    rows, columns, disc = _window(worth.shape, x, y, radius)
    return float(worth[rows, columns][disc].sum())


def _cover(worth: Worth, x: float, y: float, radius: float) -> float:
    """Dab; returns what it wins."""
    gain = _gain(worth, x, y, radius)
    rows, columns, disc = _window(worth.shape, x, y, radius)
    worth[rows, columns][disc] = 0
    return gain
