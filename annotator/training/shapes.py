"""Outlines of procedural objects as small binary masks, each drawn to fill its own canvas.

Every drawer takes a random generator and a canvas size in pixels and returns a uint8 mask (height, width) of 0 and 1.
They know nothing of images, colours or nesting; `objects.py` stacks them into whole, part and subpart.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.uint8]
Rng = np.random.Generator
Drawer = Callable[[Rng, int, int], Mask]

GLYPHS = string.ascii_letters + string.digits + "&@#%?$"
SUBPIXEL_BITS = 4


def fill_outline(points: NDArray[np.float64], height: int, width: int) -> Mask:
    """The polygon of x,y vertices (N, 2) given in units of the canvas (0..1)."""
    mask = np.zeros((height, width), np.uint8)
    scaled = points * [width, height] - 0.5
    fixed = np.round(scaled * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 1, shift=SUBPIXEL_BITS)
    return mask


def ellipse(rng: Rng, height: int, width: int) -> Mask:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return fill_outline(np.stack([np.cos(angle), np.sin(angle)], 1) * 0.48 + 0.5, height, width)


def blob(rng: Rng, height: int, width: int) -> Mask:
    """A smooth closed curve: a circle whose radius carries a few random harmonics."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for order in range(2, 7):
        radius += rng.normal(0, 0.45 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    return _polar(angle, np.clip(radius, 0.15, None), height, width)


def superformula(rng: Rng, height: int, width: int) -> Mask:
    angle = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    lobes = rng.integers(2, 9)
    n1, n2, n3 = rng.uniform(0.4, 4, 3)
    inner = np.abs(np.cos(lobes * angle / 4)) ** n2 + np.abs(np.sin(lobes * angle / 4)) ** n3
    radius = np.clip(inner, 1e-3, None) ** (-1 / n1)
    return _polar(angle + rng.uniform(0, 2 * np.pi), np.clip(radius, 0.05, 4.0), height, width)


def polygon(rng: Rng, height: int, width: int) -> Mask:
    """A star-shaped polygon of 3 to 9 corners, convex or not."""
    corners = int(rng.integers(3, 10))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners) * 0.5 + np.arange(corners) * 2 * np.pi / corners)
    return _polar(angle, rng.uniform(0.45, 1.0, corners), height, width)


def rectangle(rng: Rng, height: int, width: int) -> Mask:
    """An upright or turned rectangle, its corners sharp or rounded."""
    power = rng.choice([40.0, 8.0, 4.0])
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    radius = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
    turn = 0.0 if rng.random() < 0.6 else rng.uniform(0, np.pi)
    points = np.stack([radius * cos, radius * sin * rng.uniform(0.4, 1.0)], 1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return fill_outline(_fit(points @ rotation.T), height, width)


def glyph(rng: Rng, height: int, width: int) -> Mask:
    """A letter, digit or sign of one of the fonts that matplotlib carries."""
    font = _font(int(rng.integers(len(_font_files()))), 96)
    text = "".join(rng.choice(list(GLYPHS), size=1 if rng.random() < 0.8 else 2))
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    resized = cv2.resize(np.asarray(image), (width, height), interpolation=cv2.INTER_AREA)
    return (resized > 127).astype(np.uint8)


def thin(rng: Rng, height: int, width: int) -> Mask:
    """A curved rod, wire or branching twig."""
    mask = np.zeros((height, width), np.uint8)
    thickness = max(2, int(min(height, width) * rng.uniform(0.02, 0.09)))
    trunk = _curve(rng, rng.uniform(0.05, 0.95, 2), rng.uniform(0.05, 0.95, 2))
    branches = [trunk]
    for _ in range(int(rng.integers(0, 5))):
        start = trunk[rng.integers(len(trunk))]
        branches.append(_curve(rng, start, np.clip(start + rng.normal(0, 0.35, 2), 0.03, 0.97)))
    for line in branches:
        pixels = np.round(line * [width - 1, height - 1]).astype(np.int32)
        cv2.polylines(mask, [pixels], False, 1, thickness=thickness)
    return mask


def ring(rng: Rng, height: int, width: int) -> Mask:
    """A shape with one to three holes."""
    mask = SOLIDS[rng.integers(len(SOLIDS))](rng, height, width)
    for _ in range(int(rng.integers(1, 4))):
        hole_h, hole_w = (max(2, int(side * rng.uniform(0.15, 0.5))) for side in (height, width))
        y, x = (
            int(rng.uniform(0.15, 0.85) * (side - hole)) for side, hole in ((height, hole_h), (width, hole_w))
        )
        hole = ellipse(rng, hole_h, hole_w) if rng.random() < 0.6 else blob(rng, hole_h, hole_w)
        mask[y : y + hole_h, x : x + hole_w] &= 1 - hole
    return mask


def figure(rng: Rng, height: int, width: int) -> Mask:
    """A body with a head and limbs, roughly a person or an animal."""
    mask = np.zeros((height, width), np.uint8)
    body = np.array([rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.6)])
    half = np.array([rng.uniform(0.13, 0.3), rng.uniform(0.13, 0.3)])
    _disc(mask, body, half, rng.uniform(-40, 40))
    for _ in range(int(rng.integers(2, 7))):
        start = body + half * rng.uniform(-0.8, 0.8, 2)
        end = np.clip(body + rng.normal(0, 0.33, 2), 0.05, 0.95)
        line = np.round(_curve(rng, start, end, bend=0.08) * [width - 1, height - 1]).astype(np.int32)
        cv2.polylines(
            mask, [line], False, 1, thickness=max(2, int(min(height, width) * rng.uniform(0.05, 0.14)))
        )
    head = np.clip(body + np.array([rng.uniform(-0.3, 0.3), -half[1] - 0.08]), 0.1, 0.9)
    _disc(mask, head, np.full(2, rng.uniform(0.07, 0.14)), 0.0)
    return mask


def _polar(angle: NDArray[np.float64], radius: NDArray[np.float64], height: int, width: int) -> Mask:
    return fill_outline(_fit(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)), height, width)


def _fit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift and stretch x,y points so that they fill the unit square but for a thin margin."""
    low, high = points.min(0), points.max(0)
    return (points - low) / np.maximum(high - low, 1e-6) * 0.96 + 0.02


def _curve(
    rng: Rng, start: NDArray[np.float64], end: NDArray[np.float64], bend: float = 0.2
) -> NDArray[np.float64]:
    """24 points of a quadratic Bézier curve in unit coordinates."""
    middle = (start + end) / 2 + rng.normal(0, bend, 2)
    t = np.linspace(0, 1, 24)[:, None]
    return np.clip((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end, 0, 1)


def _disc(mask: Mask, centre: NDArray[np.float64], half: NDArray[np.float64], angle: float) -> None:
    extent = np.array([mask.shape[1], mask.shape[0]])
    x, y = (centre * extent).astype(int)
    a, b = np.maximum((half * extent).astype(int), 1)
    cv2.ellipse(mask, (int(x), int(y)), (int(a), int(b)), angle, 0, 360, 1, -1)


@lru_cache(maxsize=1)
def _font_files() -> tuple[Path, ...]:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return tuple(sorted(p for p in folder.glob("DejaVu*.ttf") if "Display" not in p.name))


@lru_cache(maxsize=32)
def _font(index: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_files()[index]), size)


SOLIDS: tuple[Drawer, ...] = (ellipse, blob, superformula, polygon, rectangle)
ANY_SHAPE: tuple[Drawer, ...] = (
    blob,
    blob,
    superformula,
    polygon,
    rectangle,
    ellipse,
    glyph,
    thin,
    ring,
    figure,
    figure,
)
