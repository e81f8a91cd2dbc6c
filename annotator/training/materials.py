"""What surfaces look like: procedural and photographic textures, recoloured and lit.

All colour arrays are float32 RGB on the 0..255 scale, (height, width, 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Colours = NDArray[np.float32]

GRAIN_SIZE = 512
GRAINS = 24


@dataclass(frozen=True)
class TextureBank:
    """Grey grains (zero mean, unit spread) and photographs, made once and cropped for every surface."""

    grains: list[NDArray[np.float32]]
    photographs: list[NDArray[np.uint8]] = field(default_factory=list)

    @classmethod
    def make(cls, seed: int = 0, photographs: Path | None = None) -> TextureBank:
        """`photographs` is a folder of JPEG files; without one every surface is procedural."""
        rng = np.random.default_rng(seed)
        grains = [_grain(rng, kind % 6) for kind in range(GRAINS)]
        files = sorted(photographs.glob("*.jpg")) if photographs else []
        return cls(grains, [cv2.cvtColor(cv2.imread(str(f)), cv2.COLOR_BGR2RGB) for f in files])


def surface(bank: TextureBank, rng: Rng, height: int, width: int, base: Colours | None = None) -> Colours:
    """One material: a photograph's patch, a patterned or a grained colour. `base` (3,) fixes its main colour."""
    if bank.photographs and base is None and rng.random() < 0.4:
        return _photograph(bank, rng, height, width)
    colour = random_colour(rng) if base is None else base
    grain = _crop(bank.grains[rng.integers(len(bank.grains))], rng, height, width)
    strength = rng.choice([0.0, 6.0, 15.0, 30.0])
    tint = rng.normal(1, 0.25, 3).astype(np.float32)
    pixels = colour + grain[..., None] * (strength * tint)
    if rng.random() < 0.3:
        other = random_colour(rng) if rng.random() < 0.7 else colour * 0.6
        where = pattern(rng, height, width)[..., None]
        pixels = pixels * (1 - where) + (other + grain[..., None] * strength * 0.5) * where
    return np.clip(pixels, 0, 255).astype(np.float32)


def random_colour(rng: Rng) -> Colours:
    """Muted more often than bright, as photographs are; (3,) RGB."""
    grey = rng.uniform(15, 240)
    spread = rng.choice([6.0, 25.0, 70.0], p=[0.35, 0.4, 0.25])
    return np.clip(grey + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def pattern(rng: Rng, height: int, width: int) -> NDArray[np.float32]:
    """Stripes, checks or spots as a 0..1 map: colours inside one object that are not its parts."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    period = max(4.0, rng.uniform(0.08, 0.5) * max(height, width))
    turn = rng.uniform(0, np.pi)
    u = (x * np.cos(turn) + y * np.sin(turn)) * (2 * np.pi / period) + rng.uniform(0, 6)
    v = (-x * np.sin(turn) + y * np.cos(turn)) * (2 * np.pi / period) + rng.uniform(0, 6)
    kind = rng.integers(4)
    if kind == 0:
        wave = np.sin(u)
    elif kind == 1:
        wave = np.sin(u) * np.sin(v) * 2
    elif kind == 2:
        wave = np.cos(u) + np.cos(v) - rng.uniform(0.5, 1.5)
    else:  # one colour boundary right across
        wave = u - u.mean()
    return np.clip(wave * 4 + 0.5, 0, 1)


def light(rng: Rng, mask: NDArray[np.uint8], strength: float) -> NDArray[np.float32]:
    """A factor per pixel (h, w): a gradient across the object and a darkening towards its outline."""
    height, width = mask.shape
    turn = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.cos(turn)
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.sin(turn)
    factor = 1 + strength * (x[None, :] + y[:, None])
    if rng.random() < 0.5:
        inner = cv2.blur(mask.astype(np.float32), (max(3, width // 4) | 1, max(3, height // 4) | 1))
        factor *= 1 - strength * (1 - np.clip(2 * inner - 1, 0, 1))
    return factor


def _photograph(bank: TextureBank, rng: Rng, height: int, width: int) -> Colours:
    photo = bank.photographs[rng.integers(len(bank.photographs))]
    side = min(photo.shape[:2])
    crop = int(np.clip(max(height, width) * rng.uniform(0.5, 1.5), 24, side))
    y, x = (int(rng.integers(0, length - crop + 1)) for length in photo.shape[:2])
    patch = cv2.resize(photo[y : y + crop, x : x + crop], (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = patch.astype(np.float32)
    return np.clip(pixels * rng.uniform(0.6, 1.3) + rng.normal(0, 15, 3).astype(np.float32), 0, 255)


def _crop(grain: NDArray[np.float32], rng: Rng, height: int, width: int) -> NDArray[np.float32]:
    zoom = rng.choice([1.0, 1.0, 0.5])
    h, w = min(max(2, int(height * zoom)), GRAIN_SIZE), min(max(2, int(width * zoom)), GRAIN_SIZE)
    y, x = int(rng.integers(0, GRAIN_SIZE - h + 1)), int(rng.integers(0, GRAIN_SIZE - w + 1))
    patch = grain[y : y + h, x : x + w]
    if (h, w) != (height, width):
        patch = cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR)
    return patch


def _grain(rng: Rng, kind: int) -> NDArray[np.float32]:
    """White noise, clouds, fibres, cells, wood, speckles – normalised."""
    shape = (GRAIN_SIZE, GRAIN_SIZE)
    noise = rng.normal(size=shape).astype(np.float32)
    if kind == 0:
        grain = noise
    elif kind == 1:
        grain = sum(
            (_smooth(rng, GRAIN_SIZE // scale) * scale**0.8 for scale in (4, 8, 16, 32, 64)),
            np.zeros(shape, np.float32),
        )
    elif kind == 2:
        size = (int(rng.integers(9, 41)) | 1, 1)
        grain = cv2.blur(noise, size if rng.random() < 0.5 else size[::-1])
    elif kind == 3:
        seeds = (rng.random(shape) > 0.002).astype(np.uint8)
        grain = cv2.distanceTransform(seeds, cv2.DIST_L2, 3)
    elif kind == 4:
        x = np.linspace(0, rng.uniform(40, 160), GRAIN_SIZE, dtype=np.float32)[None, :]
        grain = np.sin(x + 6 * _smooth(rng, 6)) + 0.2 * noise
    else:
        grain = cv2.GaussianBlur((rng.random(shape) > 0.98).astype(np.float32), (0, 0), 1.5) + 0.01 * noise
    return ((grain - grain.mean()) / (grain.std() + 1e-6)).clip(-3, 3).astype(np.float32)


def _smooth(rng: Rng, cells: int) -> NDArray[np.float32]:
    small = rng.normal(size=(cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(small, (GRAIN_SIZE, GRAIN_SIZE), interpolation=cv2.INTER_CUBIC)
