"""The paper's click protocol (SAM.md section 4, Points), the same for a model and for tools without one.

The first click is the mask pixel farthest from its boundary. Each next click is the pixel farthest from the
boundary inside the largest region of error, foreground where something is missing and background where
there is too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.evaluation.objects import LabelledObject

CLICKS = (1, 2, 3, 5, 9)
Bitmap = NDArray[np.bool_]


@dataclass(frozen=True)
class Click:
    """A pixel of the original image; `inside` is True for foreground."""

    x: int
    y: int
    inside: bool


@dataclass(frozen=True)
class Answer:
    """What one prompt gave: the mask that would be shown and, from an ambiguous prompt, every candidate with its rank.

    `candidates` are the three masks; `alternatives` maps other ways of choosing one mask to their choice.
    """

    shown: Bitmap
    candidates: tuple[Bitmap, ...] = ()
    alternatives: tuple[tuple[str, Bitmap], ...] = ()
    predicted_iou: float | None = None


class Opened(Protocol):
    """One object being prompted on one image; it may remember its earlier answers."""

    def answer(self, clicks: tuple[Click, ...], box: tuple[int, int, int, int] | None) -> Answer: ...


class Segmenter(Protocol):
    """Anything that turns prompts into masks. `open` is called once per object, consecutive ones share images."""

    @property
    def name(self) -> str: ...

    def open(self, image: NDArray[np.uint8]) -> Opened: ...


@dataclass(frozen=True)
class Outcome:
    """IoU of one object under every prompt, keyed by column; `first` is the mask after one click."""

    item: LabelledObject
    columns: dict[str, float]
    first: Bitmap
    predicted_iou: float | None


def measure(
    segmenter: Segmenter, objects: Iterable[LabelledObject], *, counts: Sequence[int] = CLICKS
) -> Iterator[Outcome]:
    """Runs the protocol on each object, up to the largest of `counts` clicks."""
    path, image = None, np.zeros((1, 1, 3), np.uint8)
    for item in objects:
        if item.path != path:
            path, image = item.path, item.image()
        yield measure_object(segmenter, item, image, item.mask(), counts=counts)


def measure_object(
    segmenter: Segmenter,
    item: LabelledObject,
    image: NDArray[np.uint8],
    wanted: Bitmap,
    *,
    counts: Sequence[int] = CLICKS,
) -> Outcome:
    """Clicks one after another on a fresh object, then a box, then a box and one click."""
    opened = segmenter.open(image)
    columns: dict[str, float] = {}
    clicks: tuple[Click, ...] = (first_click(wanted),)
    first = opened.answer(clicks, None)
    columns.update({name: iou(mask, wanted) for name, mask in first.alternatives})
    if first.candidates:
        columns["oracle"] = max(iou(mask, wanted) for mask in first.candidates)
    shown = first.shown
    for count in range(1, max(counts) + 1):
        if count in counts:
            columns[str(count)] = iou(shown, wanted)
        click = next_click(shown, wanted)
        if count == max(counts) or click is None:
            columns.update({str(later): iou(shown, wanted) for later in counts if later > count})
            break
        clicks = (*clicks, click)
        shown = opened.answer(clicks, None).shown
    columns.update(_boxed(segmenter.open(image), wanted))
    return Outcome(item, columns, first.shown, first.predicted_iou)


def _boxed(opened: Opened, wanted: Bitmap) -> dict[str, float]:
    box = bounding_box(wanted)
    shown = opened.answer((), box).shown
    after = {"box": iou(shown, wanted)}
    click = next_click(shown, wanted)
    refined = opened.answer((click,), box).shown if click else shown
    return {**after, "box+1": iou(refined, wanted)}


def first_click(wanted: Bitmap) -> Click:
    """The pixel of a mask farthest from its boundary; the image's border counts as boundary."""
    x, y, _ = _deepest(wanted)
    return Click(x, y, inside=True)


def next_click(shown: Bitmap, wanted: Bitmap) -> Click | None:
    """Into the largest connected region of error; None when there is no error."""
    regions = [(_largest_region(wanted & ~shown), True), (_largest_region(shown & ~wanted), False)]
    region, inside = max(regions, key=lambda pair: int(pair[0].sum()))
    if not region.any():
        return None
    x, y, _ = _deepest(region)
    return Click(x, y, inside)


def iou(first: Bitmap, second: Bitmap) -> float:
    """Intersection over union, 0..1; two empty masks give 1."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def bounding_box(mask: Bitmap) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 in pixels, the last two exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _deepest(mask: Bitmap) -> tuple[int, int, float]:
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(x), int(y), float(distance[y, x])


def _largest_region(mask: Bitmap) -> Bitmap:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return np.zeros_like(mask)
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
