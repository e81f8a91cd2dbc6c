"""What a person has without a model: GrabCut, flood fill, over-segmentation, a plain shape.

They work on the image reduced to WORKING_SIDE pixels: GrabCut takes seconds an object otherwise and gains nothing with
clicks (a few points of IoU with boxes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from annotator.evaluation.clicks import Answer, Bitmap, Click

WORKING_SIDE = 256
Box = tuple[int, int, int, int]
Rule = Callable[[NDArray[np.uint8], tuple[Click, ...], Box | None], Bitmap]


@dataclass(frozen=True)
class _Opened:
    image: NDArray[np.uint8]
    rule: Rule
    scale: float

    def answer(self, clicks: tuple[Click, ...], box: Box | None) -> Answer:
        small = cv2.resize(self.image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        height, width = small.shape[:2]
        moved = tuple(
            Click(min(int(c.x * self.scale), width - 1), min(int(c.y * self.scale), height - 1), c.inside)
            for c in clicks
        )
        mask = self.rule(small, moved, _scaled_box(box, self.scale, width, height) if box else None)
        full = (self.image.shape[1], self.image.shape[0])
        return Answer(cv2.resize(mask.astype(np.uint8), full, interpolation=cv2.INTER_NEAREST).astype(bool))


@dataclass(frozen=True)
class Baseline:
    """A `Segmenter` without a model."""

    name: str
    rule: Rule

    def open(self, image: NDArray[np.uint8]) -> _Opened:
        return _Opened(image, self.rule, min(1.0, WORKING_SIDE / max(image.shape[:2])))


def grabcut(image: NDArray[np.uint8], clicks: tuple[Click, ...], box: Box | None) -> Bitmap:
    """OpenCV's GrabCut from a box, or from discs around the clicks with the image's frame as background.

    Where it finds nothing, the answer is the box or the discs themselves. The radii are the best of several tried.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    if box:
        labels[:] = cv2.GC_BGD
        labels[box[1] : box[3], box[0] : box[2]] = cv2.GC_PR_FGD
    else:
        cv2.rectangle(labels, (0, 0), (width - 1, height - 1), cv2.GC_BGD, 3)
    for click in clicks:
        if click.inside and not box:
            cv2.circle(labels, (click.x, click.y), max(2, int(0.08 * side)), cv2.GC_PR_FGD, -1)
    for click in clicks:
        kind = cv2.GC_FGD if click.inside else cv2.GC_BGD
        cv2.circle(labels, (click.x, click.y), max(1, int(0.01 * side)), kind, -1)
    start = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if start.all() or not start.any():
        return start
    cv2.setRNGSeed(0)
    cv2.grabCut(image, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if not box:
        found = _connected_to(found, clicks)
    return found if found.any() else start


def flood_fill(
    image: NDArray[np.uint8], clicks: tuple[Click, ...], box: Box | None, tolerance: int = 12
) -> Bitmap:
    """Pixels of like colour connected to the clicks; from a box, to its centre, clipped to it."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2LAB)
    kept, dropped = (np.zeros(image.shape[:2], bool) for _ in range(2))
    seeds = list(clicks)
    if box:
        seeds.append(Click((box[0] + box[2]) // 2, (box[1] + box[3]) // 2, inside=True))
    for seed in seeds:
        canvas = np.zeros((image.shape[0] + 2, image.shape[1] + 2), np.uint8)
        flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
        cv2.floodFill(lab.copy(), canvas, (seed.x, seed.y), 0, (tolerance,) * 3, (tolerance,) * 3, flags)
        (kept if seed.inside else dropped)[canvas[1:-1, 1:-1] > 0] = True
    return _clip(kept & ~dropped, box)


def regions(image: NDArray[np.uint8], clicks: tuple[Click, ...], box: Box | None) -> Bitmap:
    """Felzenszwalb regions under the clicks; from a box, those that lie mostly inside it."""
    labels = _felzenszwalb(image.tobytes(), image.shape)
    inside = np.zeros(labels.max() + 1, bool)
    if box:
        total = np.bincount(labels.ravel(), minlength=len(inside))
        within = np.bincount(labels[box[1] : box[3], box[0] : box[2]].ravel(), minlength=len(inside))
        inside |= within > 0.6 * total
    for click in clicks:
        inside[labels[click.y, click.x]] = click.inside
    found = inside[labels]
    return found if found.any() or not box else _clip(np.ones_like(found), box)


def plain_shape(image: NDArray[np.uint8], clicks: tuple[Click, ...], box: Box | None) -> Bitmap:
    """The ellipse in a box, or discs of a fixed size at the clicks."""
    height, width = image.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    if box:
        centre = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
        half = (max(1, (box[2] - box[0]) // 2), max(1, (box[3] - box[1]) // 2))
        cv2.ellipse(canvas, centre, half, 0, 0, 360, 1, -1)
    for click in clicks:
        cv2.circle(canvas, (click.x, click.y), max(2, int(0.07 * max(height, width))), int(click.inside), -1)
    return canvas.astype(bool)


BASELINES: tuple[Baseline, ...] = (
    Baseline("GrabCut", grabcut),
    Baseline("Flood fill", flood_fill),
    Baseline("Felzenszwalb", regions),
    Baseline("Disc or ellipse", plain_shape),
)


@lru_cache(maxsize=2)
def _felzenszwalb(pixels: bytes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Regions of an RGB image, kept for the next click on it."""
    image = np.frombuffer(pixels, np.uint8).reshape(shape)
    return felzenszwalb(image, scale=200, sigma=0.8, min_size=30)


def _connected_to(mask: Bitmap, clicks: tuple[Click, ...]) -> Bitmap:
    labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1]
    touched = [int(labels[c.y, c.x]) for c in clicks if c.inside and labels[c.y, c.x]]
    return np.isin(labels, touched)


def _clip(mask: Bitmap, box: Box | None) -> Bitmap:
    if box is None:
        return mask
    clipped = np.zeros_like(mask)
    clipped[box[1] : box[3], box[0] : box[2]] = mask[box[1] : box[3], box[0] : box[2]]
    return clipped


def _scaled_box(box: Box, scale: float, width: int, height: int) -> Box:
    x0, y0 = min(int(box[0] * scale), width - 1), min(int(box[1] * scale), height - 1)
    return (
        x0,
        y0,
        min(max(x0 + 1, round(box[2] * scale)), width),
        min(max(y0 + 1, round(box[3] * scale)), height),
    )
