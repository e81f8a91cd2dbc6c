"""A picture of many scenes and their nodes: `python -m annotator.training.contact_sheet OUT.png [TEXTURES]`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.training.materials import TextureBank
from annotator.training.scenes import Scene, draw_scene

COLUMNS, ROWS, TILE, DRAWN = 8, 3, 112, 256


def contact_sheet(textures: Path | None) -> NDArray[np.uint8]:
    """COLUMNS × ROWS scenes, each above its wholes and its deepest nodes in arbitrary colours; RGB."""
    bank = TextureBank.make(photographs=textures)
    tiles = [_tile(draw_scene(bank, seed, DRAWN)) for seed in range(COLUMNS * ROWS)]
    rows = [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows, axis=0)


def _tile(scene: Scene) -> NDArray[np.uint8]:
    colours = np.random.default_rng(1).integers(40, 255, (len(scene.ancestors), 3)).astype(np.uint8)
    colours[0] = 0
    parts = (scene.image, colours[scene.ancestors[:, 0][scene.nodes]], colours[scene.nodes])
    return np.concatenate(
        [cv2.resize(part, (TILE, TILE), interpolation=cv2.INTER_AREA) for part in parts], axis=0
    )


if __name__ == "__main__":
    sheet = contact_sheet(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    Image.fromarray(sheet).quantize(192).save(sys.argv[1], optimize=True)
