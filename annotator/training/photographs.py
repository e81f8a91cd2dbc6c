"""Real images with masks, read from COCO or SA-1B files into the same form as a scene.

A folder holds any number of sources, each `<source>/images/` with `<source>/instances.json`, or is itself one; or it
holds SA-1B pairs, `sa_1.jpg` beside `sa_1.json`. Masks that lie inside others become their parts, so that a leaf and
its lesion, a wall and its window are one nested object like those of scenes.py.
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

DECODED = 1024
"""Images whose node maps stay in memory; at 1024 pixels a side each takes 2 MB."""

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
    own = [folder / "instances.json"] if (folder / "instances.json").is_file() else []
    found = {file.parent.name: _read_coco(file) for file in own or sorted(folder.glob("*/instances.json"))}
    if not found and (pairs := _read_sa1b(folder)):
        found[folder.name] = pairs
    if not any(found.values()):
        raise FileNotFoundError(
            f"{folder} holds no labelled images; expected <source>/instances.json with <source>/images/ (COCO), "
            "or one .json beside each image (SA-1B)"
        )
    return found


def _read_coco(file: Path) -> list[Photograph]:
    data = json.loads(file.read_text())
    by_image: dict[int, list[str]] = defaultdict(list)
    for annotation in data["annotations"]:
        by_image[annotation["image_id"]].append(json.dumps(annotation["segmentation"]))
    return [
        Photograph(file.parent / "images" / image["file_name"], tuple(by_image[image["id"]]))
        for image in data["images"]
        if by_image[image["id"]]
    ]


def _read_sa1b(folder: Path) -> list[Photograph]:
    """Images with the annotations beside them; files of another shape are passed over."""
    found = []
    for file in sorted(folder.glob("*.json")):
        data = json.loads(file.read_text())
        if not isinstance(data, dict) or not isinstance(data.get("image"), dict):
            continue
        texts = tuple(json.dumps(each["segmentation"]) for each in data.get("annotations", ()))
        path = folder / data["image"]["file_name"]
        if texts and path.is_file():
            found.append(Photograph(path, texts))
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


@lru_cache(maxsize=DECODED)
def _nested(photograph: Photograph) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    decoded = [
        masks.decode(masks.parse_rle(json.loads(text))).astype(bool) for text in photograph.segmentations
    ]
    return nest(decoded, decoded[0].shape)
