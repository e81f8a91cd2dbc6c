"""Procedural images with exact masks, whole, part and subpart nested (background for training from scratch).

A scene is painted back to front, like a theatre: a backdrop, then objects, each covering what lies behind. The map of
nodes is written by the same masks that are painted, so it is exact by construction; only afterwards the camera
degrades the colours (blur, darkness, noise, JPEG), which moves no outline by more than the blur.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.training import objects
from annotator.training.materials import TextureBank, light, random_colour, surface
from annotator.training.objects import Thing

Rng = np.random.Generator
MAX_NODES = 254
LEVELS = 3


@dataclass(frozen=True)
class Scene:
    """`image` (H, W, 3) uint8 RGB; `nodes` (H, W) int16: per pixel the deepest node, 0 = nothing labelled;
    `ancestors` (N, 3) int16: per node its whole, part and subpart (itself at its own level, 0 below it); row 0 is 0."""

    image: NDArray[np.uint8]
    nodes: NDArray[np.int16]
    ancestors: NDArray[np.int16]

    def level(self, node: int) -> int:
        """0 for a whole, 1 for a part, 2 for a subpart."""
        return int(np.count_nonzero(self.ancestors[node])) - 1

    def mask(self, node: int) -> NDArray[np.bool_]:
        """Every visible pixel of a node, its descendants included, (H, W)."""
        return self.ancestors[:, self.level(node)][self.nodes] == node


class Canvas:
    """The scene while it is painted."""

    def __init__(self, backdrop: NDArray[np.float32]) -> None:
        self.colours = backdrop
        self.nodes: NDArray[np.int16] = np.zeros(backdrop.shape[:2], np.int16)
        self.ancestors: list[tuple[int, int, int]] = [(0, 0, 0)]

    def paint(self, thing: Thing, top: int, left: int, *, opacity: float = 1.0, edge: float = 0.7) -> None:
        """Put an object down; ignored when the table of nodes is full. Positions may lie partly outside."""
        if len(self.ancestors) + len(thing.parents) > MAX_NODES:
            return
        view, inner = _overlap(self.nodes.shape, thing.nodes.shape, top, left)
        local = thing.nodes[inner]
        mask = local > 0
        if mask.sum() < 12:
            return
        alpha = cv2.GaussianBlur((thing.nodes > 0).astype(np.float32), (0, 0), edge)[inner] * opacity
        behind = self.colours[view]
        behind += (thing.colours[inner] - behind) * alpha[..., None]
        self.nodes[view][mask] = self._register(thing)[local[mask]]

    def label(self, region: NDArray[np.bool_]) -> None:
        """Name a part of the backdrop as a whole of its own."""
        if len(self.ancestors) < MAX_NODES:
            self.nodes[region] = len(self.ancestors)
            self.ancestors.append((len(self.ancestors), 0, 0))

    def _register(self, thing: Thing) -> NDArray[np.int16]:
        """New rows for the object's nodes; returns the lookup from its own numbers (0 = outside) to the scene's."""
        lookup = [0]
        for parent in thing.parents:
            number = len(self.ancestors)
            chain = [] if parent < 0 else [n for n in self.ancestors[lookup[parent + 1]] if n]
            chain = [*chain[: LEVELS - 1], number]
            self.ancestors.append(tuple((chain + [0] * LEVELS)[:LEVELS]))  # type: ignore[arg-type]
            lookup.append(number)
        return np.array(lookup, np.int16)


def draw_scene(bank: TextureBank, seed: int, size: int) -> Scene:
    """The scene of a seed, size × size pixels; the same seed and bank give the same scene."""
    rng = np.random.default_rng([0x5CE7E, seed])
    recipe = RECIPES[rng.choice(len(RECIPES), p=[weight for weight, _ in RECIPES])][1]
    canvas = recipe(bank, rng, size)
    image = photograph(canvas.colours, rng)
    return Scene(image, canvas.nodes, np.array(canvas.ancestors, np.int16))


def still_life(bank: TextureBank, rng: Rng, size: int) -> Canvas:
    """Unlike objects of all sizes over a backdrop, far ones first."""
    canvas = Canvas(_backdrop(bank, rng, size))
    _label_backdrop(canvas, bank, rng, size)
    for scale in np.sort(rng.uniform(0.04, 0.75, int(rng.integers(4, 15))) ** 1.3)[::-1]:
        _drop(canvas, rng, _any_thing(bank, rng, size, float(scale)))
    return canvas


def crowd(bank: TextureBank, rng: Rng, size: int) -> Canvas:
    """Many equal small things in rows, rings or heaps: goods, fruit, windows, cars from above."""
    canvas = Canvas(_backdrop(bank, rng, size))
    side = int(size * rng.uniform(0.05, 0.16))
    kind = (objects.plain, objects.decorated, objects.cell)[rng.integers(3)]
    models = [
        kind(bank, rng, side, max(6, int(side * rng.uniform(0.5, 1.6))))
        for _ in range(int(rng.integers(1, 4)))
    ]
    pitch = side * rng.uniform(0.75, 1.5)
    jitter = rng.choice([0.0, 0.1, 0.5]) * pitch
    for y in np.arange(0, size, pitch):
        for x in np.arange(0, size, pitch * rng.uniform(1.0, 1.3)):
            if rng.random() < 0.85:
                thing = _varied(models[rng.integers(len(models))], rng)
                _drop(
                    canvas,
                    rng,
                    thing,
                    at=(y + rng.normal(0, 1) * jitter, x + rng.normal(0, 1) * jitter),
                )
    for _ in range(int(rng.integers(0, 3))):
        _drop(canvas, rng, _any_thing(bank, rng, size, rng.uniform(0.2, 0.5)))
    return canvas


def tissue(bank: TextureBank, rng: Rng, size: int) -> Canvas:
    """Cells side by side, parted by membranes – darker or lighter – with organelles inside some."""
    canvas = Canvas(_backdrop(bank, rng, size))
    cells = objects.voronoi(rng, size, size, int(rng.integers(12, 60)), warp=rng.uniform(0.01, 0.04))
    base, membrane = random_colour(rng), random_colour(rng)
    varied = rng.choice([0.0, 10.0, 50.0])
    border = cv2.morphologyEx(cells.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    thickness = int(rng.integers(1, 5))
    walls = cv2.dilate(border.astype(np.uint8), np.ones((thickness, thickness), np.uint8)) > 0
    paint = surface(bank, rng, size, size, base)
    for index in range(int(cells.max()) + 1):
        region = (cells == index) & ~walls
        if region.sum() >= 60:
            paint[region] += rng.normal(0, varied, 3).astype(np.float32)
            canvas.label(region)
    canvas.colours = cv2.GaussianBlur(np.where(walls[..., None], membrane, paint), (0, 0), 0.8)
    for _ in range(int(rng.integers(0, 30))):
        side = int(size * rng.uniform(0.02, 0.06))
        _drop(
            canvas,
            rng,
            objects.plain(bank, rng, side, side, np.clip(base * rng.uniform(0.5, 1.5), 0, 255)),
        )
    return canvas


def microscopy(bank: TextureBank, rng: Rng, size: int) -> Canvas:
    """Scattered round cells of one kind, touching and overlapping, on an even ground."""
    dark = rng.random() < 0.5
    ground = np.full(3, rng.uniform(2, 30) if dark else rng.uniform(170, 245), np.float32)
    canvas = Canvas(surface(bank, rng, size, size, ground))
    base = random_colour(rng) if not dark else np.full(3, rng.uniform(30, 200), np.float32)
    side = size * rng.uniform(0.04, 0.22)
    for _ in range(int(rng.integers(8, 45))):
        height, width = (max(6, int(side * rng.uniform(0.6, 1.4))) for _ in range(2))
        shade = np.clip(base * rng.uniform(0.6, 1.4) + rng.normal(0, 6, 3), 0, 255).astype(np.float32)
        thing = _turned(objects.cell(bank, rng, height, width, shade), rng)
        _drop(canvas, rng, thing, opacity=rng.uniform(0.7, 1.0), shadow=False)
    return canvas


def close_up(bank: TextureBank, rng: Rng, size: int) -> Canvas:
    """One or two large objects that nearly fill the frame, with clutter around."""
    canvas = Canvas(_backdrop(bank, rng, size))
    _label_backdrop(canvas, bank, rng, size)
    for _ in range(int(rng.integers(3, 8))):
        _drop(canvas, rng, _any_thing(bank, rng, size, rng.uniform(0.05, 0.2)))
    for _ in range(int(rng.integers(1, 3))):
        _drop(canvas, rng, _any_thing(bank, rng, size, rng.uniform(0.45, 0.9)))
    for _ in range(int(rng.integers(0, 5))):
        _drop(canvas, rng, _any_thing(bank, rng, size, rng.uniform(0.05, 0.2)))
    return canvas


def photograph(colours: NDArray[np.float32], rng: Rng) -> NDArray[np.uint8]:
    """What a camera makes of it: defocus, low light, colour cast, noise, JPEG. (H, W, 3) uint8."""
    if rng.random() < 0.35:
        colours = cv2.GaussianBlur(colours, (0, 0), rng.uniform(0.5, 1.8))
    if rng.random() < 0.2:
        colours = colours * rng.uniform(0.15, 0.5) + rng.uniform(0, 10)
    if rng.random() < 0.3:
        colours = colours * rng.normal(1, 0.12, 3).astype(np.float32)
    if rng.random() < 0.15:
        colours = np.repeat(colours.mean(-1, keepdims=True), 3, axis=-1)
    if rng.random() < 0.5:
        noise = rng.standard_normal(colours.shape, dtype=np.float32)
        colours = colours + noise * np.float32(rng.uniform(1, 14))
    image = np.clip(colours, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image)


def _backdrop(bank: TextureBank, rng: Rng, size: int) -> NDArray[np.float32]:
    backdrop = surface(bank, rng, size, size)
    return np.clip(
        backdrop * light(rng, np.ones((size, size), np.uint8), rng.uniform(0, 0.25))[..., None], 0, 255
    )


def _label_backdrop(canvas: Canvas, bank: TextureBank, rng: Rng, size: int) -> None:
    """Half of the time the backdrop is two to four labelled stretches: sky, wall, ground."""
    if rng.random() < 0.5:
        stretches = objects.voronoi(rng, size, size, int(rng.integers(2, 5)))
        for index in range(int(stretches.max()) + 1):
            region = stretches == index
            canvas.colours[region] = surface(bank, rng, size, size)[region]
            canvas.label(region)


def _any_thing(bank: TextureBank, rng: Rng, size: int, scale: float) -> Thing:
    height = max(8, int(size * scale * rng.uniform(0.6, 1.3)))
    width = max(8, int(size * scale * rng.uniform(0.6, 1.3)))
    kinds = (objects.plain, objects.divided, objects.decorated, objects.facade, objects.cell)
    kind = kinds[rng.choice(5, p=(0.4, 0.25, 0.22, 0.08, 0.05))]
    return _turned(kind(bank, rng, height, width), rng)


def _varied(thing: Thing, rng: Rng) -> Thing:
    """The same thing in slightly other light, possibly turned."""
    changed = Thing(
        thing.nodes, thing.parents, np.clip(thing.colours * np.float32(rng.uniform(0.8, 1.2)), 0, 255)
    )
    return _turned(changed, rng) if rng.random() < 0.5 else changed


def _turned(thing: Thing, rng: Rng) -> Thing:
    """Rotated by any angle on a canvas large enough for it."""
    if rng.random() < 0.3:
        return thing
    height, width = thing.nodes.shape
    angle = rng.uniform(0, 360)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = int(height * sin + width * cos) + 2, int(height * cos + width * sin) + 2
    matrix[:, 2] += [(wide - width) / 2, (high - height) / 2]
    nodes = cv2.warpAffine(thing.nodes, matrix, (wide, high), flags=cv2.INTER_NEAREST)
    colours = cv2.warpAffine(thing.colours, matrix, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    return Thing(nodes, thing.parents, colours)


def _drop(
    canvas: Canvas,
    rng: Rng,
    thing: Thing,
    *,
    at: tuple[float, float] | None = None,
    opacity: float | None = None,
    shadow: bool = True,
) -> None:
    """Paint an object around a centre (y, x), by default anywhere, perhaps with a shadow or half transparent."""
    size, (height, width) = canvas.nodes.shape[0], thing.nodes.shape[:2]
    y, x = (float(value) for value in (rng.uniform(0, size, 2) if at is None else at))
    top, left = int(y - height / 2), int(x - width / 2)
    if shadow and rng.random() < 0.3:
        _cast_shadow(canvas, rng, thing, top, left)
    if opacity is None:
        opacity = rng.uniform(0.55, 0.9) if rng.random() < 0.08 else 1.0
    canvas.paint(thing, top, left, opacity=opacity, edge=rng.choice([0.5, 0.8, 1.5], p=[0.5, 0.4, 0.1]))


def _cast_shadow(canvas: Canvas, rng: Rng, thing: Thing, top: int, left: int) -> None:
    shift = rng.integers(-8, 9, 2)
    view, inner = _overlap(canvas.nodes.shape, thing.nodes.shape, top + int(shift[0]), left + int(shift[1]))
    dark = cv2.blur((thing.nodes > 0).astype(np.float32), (7, 7))[inner] * np.float32(rng.uniform(0.2, 0.6))
    canvas.colours[view] *= 1 - dark[..., None]


def _overlap(
    canvas: tuple[int, ...], patch: tuple[int, ...], top: int, left: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch at (top, left) meets the canvas: its slices there and in the patch itself."""
    outer, inner = [], []
    for start, length, limit in ((top, patch[0], canvas[0]), (left, patch[1], canvas[1])):
        low, high = min(max(start, 0), limit), max(min(start + length, limit), 0)
        outer.append(slice(low, max(low, high)))
        inner.append(slice(low - start, max(low, high) - start))
    return (outer[0], outer[1]), (inner[0], inner[1])


RECIPES = ((0.5, still_life), (0.14, crowd), (0.1, tissue), (0.12, microscopy), (0.14, close_up))
"""(share, recipe); the shares sum to 1."""
