"""Real images with masks, read from COCO files into the same form as a scene.

A folder holds any number of sources, each `<source>/images/` with `<source>/instances.json`. Masks that lie
inside others become their parts, so that a leaf and its lesion, a wall and its window are one nested object
like those of scenes.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator import masks
from annotator.training.scenes import LEVELS, Scene

INSIDE = 0.9
"""Share of a mask that must lie within a larger one to count as its part."""

LARGEST = 0.9
"""Masks above this share of the image are dropped (SAM.md section 2)."""


@dataclass(frozen=True)
class Photograph:
    """One labelled image; `segmentations` are COCO RLE as JSON text."""

    path: Path
    segmentations: tuple[str, ...]

    def load(self) -> Scene:
        """Decoded and nested; nodes are numbered from large to small."""
        image = cv2.cvtColor(cv2.imread(str(self.path)), cv2.COLOR_BGR2RGB)
        return Scene(image, *_nested(self))


def read_sources(folder: Path) -> dict[str, list[Photograph]]:
    """Every source under `folder` with its labelled images. Raises FileNotFoundError when there is none."""
    found: dict[str, list[Photograph]] = {}
    for file in sorted(folder.glob("*/instances.json")):
        data = json.loads(file.read_text())
        by_image: dict[int, list[str]] = defaultdict(list)
        for annotation in data["annotations"]:
            by_image[annotation["image_id"]].append(json.dumps(annotation["segmentation"]))
        found[file.parent.name] = [
            Photograph(file.parent / "images" / image["file_name"], tuple(by_image[image["id"]]))
            for image in data["images"]
            if by_image[image["id"]]
        ]
    if not found:
        raise FileNotFoundError(f"{folder} holds no <source>/instances.json; expected labelled COCO folders")
    return found


def source_weights(sources: dict[str, list[Photograph]]) -> dict[str, float]:
    """Share of samples per source: the square root of its images, so that small sources are heard."""
    roots = {name: len(images) ** 0.5 for name, images in sources.items()}
    return {name: root / sum(roots.values()) for name, root in roots.items()}


def nest(
    bitmaps: list[NDArray[np.bool_]], shape: tuple[int, int]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The node map (H, W) and ancestors (N, 3) of possibly overlapping masks, large ones below small ones."""
    nodes = np.zeros(shape, np.int16)
    ancestors = [(0,) * LEVELS]
    for bitmap in sorted(bitmaps, key=np.count_nonzero, reverse=True):
        area = np.count_nonzero(bitmap)
        if not 0 < area <= LARGEST * bitmap.size:
            continue
        below, counts = np.unique(nodes[bitmap], return_counts=True)
        chain: list[int] = []
        for level in range(LEVELS - 1):
            owners = np.array(ancestors)[below, level]
            inside = [
                int(o) for o in np.unique(owners[owners > 0]) if counts[owners == o].sum() >= INSIDE * area
            ]
            chain += inside[:1] if len(chain) == level else []
        number = len(ancestors)
        ancestors.append(tuple(([*chain, number] + [0] * LEVELS)[:LEVELS]))
        nodes[bitmap] = number
    return nodes, np.array(ancestors, np.int16)


@lru_cache(maxsize=4096)
def _nested(photograph: Photograph) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    decoded = [
        masks.decode(masks.parse_rle(json.loads(text))).astype(bool) for text in photograph.segmentations
    ]
    return nest(decoded, decoded[0].shape)
