"""Procedural objects: an outline with nested parts, each with its own surface.

The nesting is at most three deep – whole, part, subpart – which are the levels that an ambiguous click may mean (SAM.md
section 1, Ambiguity).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.training import shapes
from annotator.training.materials import Colours, TextureBank, light, surface

Rng = np.random.Generator


@dataclass(frozen=True)
class Thing:
    """One object on its own canvas.

    `nodes` (h, w) uint8 holds per pixel 1 + the index of the deepest node there, 0 outside the object; node
    0 is the whole. `parents` names each node's parent, -1 for the whole. `colours` is (h, w, 3) float32.
    """

    nodes: NDArray[np.uint8]
    parents: tuple[int, ...]
    colours: Colours


class _Builder:
    """Collects nodes onto one canvas; later nodes cover earlier ones but never leave their parent."""

    def __init__(self, bank: TextureBank, rng: Rng, mask: shapes.Mask, base: Colours | None = None) -> None:
        self.bank, self.rng = bank, rng
        height, width = mask.shape
        self.nodes = mask.copy()
        self.parents = [-1]
        self.colours = surface(bank, rng, height, width, base)

    def add(self, parent: int, region: NDArray[np.bool_], base: Colours | None = None) -> int | None:
        """A node over `region` within its parent; None if less than a few pixels of it would show."""
        region = region & (self.nodes == parent + 1)
        if region.sum() < 12:
            return None
        node = len(self.parents)
        self.parents.append(parent)
        self.nodes[region] = node + 1
        paint = surface(self.bank, self.rng, region.shape[0], region.shape[1], base)
        self.colours[region] = paint[region]
        return node

    def add_inside(self, parent: int, drawer: shapes.Drawer, size: tuple[float, float]) -> int | None:
        """A shape of a relative size range somewhere inside a node, centred on one of its pixels."""
        rows, columns = np.nonzero(self.nodes == parent + 1)
        if len(rows) < 60:
            return None
        pick = self.rng.integers(len(rows))
        extent = np.sqrt(len(rows)) * self.rng.uniform(*size, 2)
        height, width = (max(4, int(side)) for side in extent)
        region = np.zeros(self.nodes.shape, bool)
        place(
            region,
            drawer(self.rng, height, width).astype(bool),
            rows[pick] - height // 2,
            columns[pick] - width // 2,
        )
        return self.add(parent, region)

    def finish(self) -> Thing:
        mask = (self.nodes > 0).astype(np.uint8)
        colours = self.colours * light(self.rng, mask, self.rng.uniform(0, 0.3))[..., None]
        return Thing(self.nodes, tuple(self.parents), np.clip(colours, 0, 255))


def place(canvas: NDArray[np.bool_], patch: NDArray[np.bool_], top: int, left: int) -> None:
    """Or a patch into a canvas at a position that may lie partly outside."""
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + patch.shape[0], canvas.shape[0]), min(left + patch.shape[1], canvas.shape[1])
    if y1 > y0 and x1 > x0:
        canvas[y0:y1, x0:x1] |= patch[y0 - top : y1 - top, x0 - left : x1 - left]


def plain(bank: TextureBank, rng: Rng, height: int, width: int, base: Colours | None = None) -> Thing:
    """No parts at all, perhaps of several colours."""
    drawer = shapes.ANY_SHAPE[rng.integers(len(shapes.ANY_SHAPE))]
    return _Builder(bank, rng, drawer(rng, height, width), base).finish()


def divided(bank: TextureBank, rng: Rng, height: int, width: int) -> Thing:
    """Cut into two to five parts that fill it, some with something on them."""
    drawer = (shapes.figure, shapes.blob, shapes.rectangle, shapes.superformula)[rng.integers(4)]
    builder = _Builder(bank, rng, drawer(rng, height, width))
    cells = voronoi(rng, height, width, int(rng.integers(2, 6)))
    for cell in range(int(cells.max()) + 1):
        part = builder.add(0, cells == cell)
        if part is not None and rng.random() < 0.4:
            builder.add_inside(part, shapes.SOLIDS[rng.integers(len(shapes.SOLIDS))], (0.2, 0.6))
    return builder.finish()


def decorated(bank: TextureBank, rng: Rng, height: int, width: int) -> Thing:
    """A body with parts on it, which may carry subparts: eyes with pupils, wheels with hubs, labels with print."""
    drawer = (shapes.blob, shapes.rectangle, shapes.ellipse, shapes.figure, shapes.polygon)[rng.integers(5)]
    builder = _Builder(bank, rng, drawer(rng, height, width))
    for _ in range(int(rng.integers(1, 5))):
        inner = shapes.ANY_SHAPE[rng.integers(len(shapes.ANY_SHAPE))]
        part = builder.add_inside(0, inner, (0.2, 0.7))
        if part is not None and rng.random() < 0.6:
            builder.add_inside(part, shapes.SOLIDS[rng.integers(len(shapes.SOLIDS))], (0.3, 0.7))
    return builder.finish()


def facade(bank: TextureBank, rng: Rng, height: int, width: int) -> Thing:
    """A wall with a grid of equal windows, each with panes."""
    builder = _Builder(bank, rng, np.ones((height, width), np.uint8))
    rows, columns = (int(n) for n in rng.integers(2, 5, 2))
    glass, pane = surface(bank, rng, 1, 1)[0, 0], surface(bank, rng, 1, 1)[0, 0]
    fill = rng.uniform(0.4, 0.75)
    for row in range(rows):
        for column in range(columns):
            region = np.zeros((height, width), bool)
            cell_h, cell_w = height / rows, width / columns
            top, left = int((row + (1 - fill) / 2) * cell_h), int((column + (1 - fill) / 2) * cell_w)
            region[top : top + max(3, int(cell_h * fill)), left : left + max(3, int(cell_w * fill))] = True
            window = builder.add(0, region, glass)
            if window is not None and fill > 0.55:
                half = np.zeros_like(region)
                half[top + 1 : top + int(cell_h * fill / 2), left + 1 : left + int(cell_w * fill) - 1] = True
                builder.add(window, half, pane)
    return builder.finish()


def cell(bank: TextureBank, rng: Rng, height: int, width: int, base: Colours | None = None) -> Thing:
    """A rounded body and its nucleus."""
    builder = _Builder(
        bank, rng, (shapes.blob if rng.random() < 0.6 else shapes.ellipse)(rng, height, width), base
    )
    if rng.random() < 0.7:
        nucleus = builder.add_inside(0, shapes.blob, (0.3, 0.7))
        if nucleus is not None and rng.random() < 0.3:
            builder.add_inside(nucleus, shapes.ellipse, (0.2, 0.4))
    return builder.finish()


def voronoi(rng: Rng, height: int, width: int, cells: int, warp: float = 0.08) -> NDArray[np.int32]:
    """A partition of the canvas into `cells` regions with bent borders, (height, width) of 0..cells-1."""
    seeds = rng.uniform(0, 1, (cells, 2)) * [height, width]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if warp:
        for axis in (y, x):
            bend = rng.normal(0, warp * max(height, width), (4, 4)).astype(np.float32)
            axis += cv2.resize(bend, (width, height), interpolation=cv2.INTER_CUBIC)
    best = np.full((height, width), np.inf, np.float32)
    owner = np.zeros((height, width), np.int32)
    for index, (row, column) in enumerate(seeds):
        distance = (y - row) ** 2 + (x - column) ** 2
        nearer = distance < best
        best[nearer] = distance[nearer]
        owner[nearer] = index
    return owner
