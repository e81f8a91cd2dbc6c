"""Augmentation: a square view of a scene or photograph at the model's input size.

Geometry is one affine map for colours and nodes alike. What lies outside the source is padding in the mean
colour, which is zero after normalisation, just as the product pads.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.training.scenes import LEVELS, Scene

Rng = np.random.Generator
Matrix = NDArray[np.float64]
PADDING_COLOUR = (124, 116, 104)

PASTED_SHARE = (0.03, 0.6)
"""Longer side of a pasted thing, as a share of the view's."""

HERD_SHARE = 0.12
"""Pasted things below this share of the view may come in numbers."""


def make_view(
    scene: Scene,
    size: int,
    rng: Rng,
    *,
    cut_outs: list[Scene] | None = None,
    real: bool = False,
    jitter: tuple[float, float] = (0.6, 2.0),
    fitted_to: int | None = None,
) -> Scene:
    """A `size` × `size` view: as the product sees the image, or scaled and shifted, or zoomed to one object.

    `jitter` is the range of the scale, relative to the image as the product sees it. With `fitted_to`, the product's
    input side, a smaller view is a part of what the product sees, at its scale, and not all of it made smaller.
    """
    kind = rng.choice(3, p=(0.4, 0.3, 0.3) if real else (0.5, 0.35, 0.15))
    height, width = scene.nodes.shape
    fitted = (fitted_to or size) / max(height, width)
    if kind == 0 and fitted_to in (None, size):
        matrix = _scaled(fitted, 0.0, 0.0)
    elif kind in (0, 1):
        scale = fitted * (np.exp(rng.uniform(*np.log(jitter))) if kind else 1.0)
        matrix = _scaled(scale, *(rng.uniform(*_range(scale * side, size)) for side in (width, height)))
    else:
        matrix = _zoom(scene, size, fitted, rng)
    view = warp(_mirrored(scene, rng), matrix, size)
    for other in cut_outs or []:
        view = paste(view, other, rng)
    return Scene(
        recolour(view.image, rng) if real or rng.random() < 0.5 else view.image, view.nodes, view.ancestors
    )


def fitted_view(scene: Scene, size: int) -> Scene:
    """The `size` × `size` view that the product has of an image, unchanged."""
    return warp(scene, _scaled(size / max(scene.nodes.shape), 0.0, 0.0), size)


def warp(scene: Scene, matrix: Matrix, size: int) -> Scene:
    """Apply a 2×3 matrix from source to view pixels (pixel centres at integers); nodes by nearest neighbour."""
    image = np.ascontiguousarray(scene.image)
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.75:  # bilinear sampling alone would alias
        image = cv2.GaussianBlur(image, (0, 0), 0.45 / shrink)
    colours = cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=PADDING_COLOUR,
    )
    nodes = cv2.warpAffine(scene.nodes, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=0)
    return Scene(colours, nodes, scene.ancestors)


def mosaic(views: Sequence[Scene]) -> Scene:
    """Four `size` × `size` views as the quarters of one twice as large: many things, each half the size."""
    quarters = []
    ancestors = np.zeros((1, LEVELS), np.int16)
    for view in views:
        nodes, chains = (
            np.where(numbers > 0, numbers + np.int16(len(ancestors) - 1), 0)
            for numbers in (view.nodes, view.ancestors[1:])
        )
        quarters.append((view.image, nodes))
        ancestors = np.concatenate([ancestors, chains])
    image, nodes = (
        np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])]) for parts in zip(*quarters, strict=True)
    )
    return Scene(image, nodes, ancestors)


def paste(view: Scene, other: Scene, rng: Rng) -> Scene:
    """Copy one random whole of another image into the view, turned and at its own or another scale.

    Small ones come in herds of up to eight, each turned its own way, as cars and cells do.
    """
    wholes = np.unique(other.ancestors[:, 0])[1:]
    if not len(wholes):
        return view
    mask = other.mask(int(rng.choice(wholes)))
    if mask.sum() < 400:
        return view
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    size = view.nodes.shape[0]
    share = float(np.exp(rng.uniform(*np.log(PASTED_SHARE))))
    scale = float(np.clip(size * share / max(w, h), 0.02, 2.0))
    colours = other.image[y : y + h, x : x + w]
    shape = cv2.erode(mask[y : y + h, x : x + w].astype(np.uint8), np.ones((3, 3), np.uint8))
    for _ in range(int(rng.integers(1, 9)) if share < HERD_SHARE else 1):
        view = _put_down(view, *_turned(colours, shape, scale, rng), rng)
    return view


def _turned(
    colours: NDArray[np.uint8], shape: NDArray[np.uint8], scale: float, rng: Rng
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colours (h, w, 3) and coverage (h, w) 0..1 of a cut-out, scaled; half of them upright, the others turned."""
    height, width = shape.shape
    target = (max(4, round(width * scale)), max(4, round(height * scale)))
    colours = cv2.resize(colours, target, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(shape.astype(np.float32), target, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        return colours, alpha
    matrix = cv2.getRotationMatrix2D(
        ((target[0] - 1) / 2, (target[1] - 1) / 2), float(rng.uniform(0, 360)), 1.0
    )
    side = int(np.ceil(np.hypot(*target)))
    matrix[:, 2] += (side - np.array(target)) / 2
    turned = cv2.warpAffine(
        colours, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return turned, cv2.warpAffine(alpha, matrix, (side, side), flags=cv2.INTER_LINEAR)


def _put_down(view: Scene, colours: NDArray[np.uint8], alpha: NDArray[np.float32], rng: Rng) -> Scene:
    """The cut-out at a random place as a new whole; its edge is softened."""
    size = view.nodes.shape[0]
    height, width = alpha.shape
    left, top = (int(rng.integers(0, max(1, size - side))) for side in (width, height))
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = alpha[: size - top, : size - left]
    colours = colours[: size - top, : size - left]
    image, nodes = view.image.copy(), view.nodes.copy()
    soft = cv2.GaussianBlur(alpha, (0, 0), 0.7)[..., None]
    image[rows, columns] = image[rows, columns] * (1 - soft) + colours * soft
    number = len(view.ancestors)
    nodes[rows, columns][alpha > 0.5] = number
    chain = np.array([[number] + [0] * (LEVELS - 1)], np.int16)
    return Scene(image, nodes, np.concatenate([view.ancestors, chain]))


def recolour(image: NDArray[np.uint8], rng: Rng) -> NDArray[np.uint8]:
    """Exposure, contrast, gamma, colour cast, saturation, blur and noise, each mild and often none."""
    levels = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gamma, gain = np.exp(rng.normal(0, 0.25)), rng.uniform(0.75, 1.25)
    curve = (levels**gamma - 0.5) * gain + 0.5 + rng.normal(0, 0.06)
    table = np.clip(curve * rng.normal(1, 0.06, (1, 3)) * 255, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.4:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        amount = 1.0 if rng.random() < 0.2 else rng.uniform(-0.4, 0.7)
        image = cv2.addWeighted(image, 1 - amount, grey, amount, 0)
    if rng.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.3))
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def _mirrored(scene: Scene, rng: Rng) -> Scene:
    if rng.random() < 0.5:
        return scene
    return Scene(
        np.ascontiguousarray(scene.image[:, ::-1]),
        np.ascontiguousarray(scene.nodes[:, ::-1]),
        scene.ancestors,
    )


def _zoom(scene: Scene, size: int, fitted: float, rng: Rng) -> Matrix:
    """Centre roughly on one object, showing 1.3 to 4 times its box, as a second look would."""
    numbers = np.unique(scene.nodes)[1:]
    if not len(numbers):
        return _scaled(fitted, 0.0, 0.0)
    x, y, w, h = cv2.boundingRect(scene.mask(int(rng.choice(numbers))).astype(np.uint8))
    scale = float(np.clip(size / (max(w, h) * rng.uniform(1.3, 4.0)), fitted * 0.8, fitted * 6))
    shift = rng.normal(0, 0.15, 2) * size
    return _scaled(
        scale, size / 2 - (x + w / 2) * scale + shift[0], size / 2 - (y + h / 2) * scale + shift[1]
    )


def _scaled(scale: float, x: float, y: float) -> Matrix:
    """Scale about the top-left corner of the image, then shift; half a pixel keeps corners, not centres, in place."""
    half = 0.5 * scale - 0.5
    return np.array([[scale, 0, x + half], [0, scale, y + half]])


def _range(length: float, size: int) -> tuple[float, float]:
    """Where an image side of `length` may start in a view of `size`: inside if smaller, covering if larger."""
    return (min(0.0, size - length), max(0.0, size - length))
