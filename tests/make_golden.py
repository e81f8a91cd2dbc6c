"""Writes tests/fixtures/golden: one set of answers that Python and JavaScript must both give.

    python -m tests.make_golden

Coordinates are x,y in pixels, sizes height,width. `upsample.bin` holds float32 little-endian logits; each case names
its byte offset there.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from annotator.masks import encode
from annotator.sam.transforms import input_size, pack_prompts, postprocess_masks, to_model_space

FOLDER = Path(__file__).resolve().parent / "fixtures" / "golden"
IMAGE_SIZES = (512, 1024)
PATCH = 16

# Landscape, portrait, square, tiny, extreme, and sides whose scaled length falls on a half pixel.
ORIGINAL_SIZES = (
    (1500, 2250),
    (2250, 1500),
    (1024, 1024),
    (512, 512),
    (333, 500),
    (1, 1),
    (1, 3000),
    (4000, 6000),
    (1023, 1025),
    (3, 2048),
    (767, 1024),
    (683, 2048),
)


def transform_cases() -> list[dict[str, Any]]:
    cases = []
    for image_size, original in product(IMAGE_SIZES, ORIGINAL_SIZES):
        height, width = original
        points = [[0, 0], [width - 1, height - 1], [width / 2, height / 3], [0.25 * width, 0.75 * height]]
        side = image_size // PATCH * 4
        cases.append(
            {
                "image_size": image_size,
                "original": list(original),
                "input": list(input_size(original, image_size)),
                "points": points,
                "transformed": to_model_space(points, original, image_size).tolist(),
                "mask_size": [side, side],
            }
        )
    return cases


PROMPTS: tuple[tuple[list[list[float]], list[int], list[list[float]]], ...] = (
    ([[10, 20]], [1], []),
    ([[10, 20], [300.5, 40.25]], [1, 0], []),
    ([], [], [[5, 6, 200, 150]]),
    ([[50, 60]], [1], [[5, 6, 200, 150]]),
    ([[50, 60], [7, 8], [9, 10]], [0, 1, 0], [[5, 6, 200, 150]]),
    ([], [], [[5, 6, 200, 150], [20, 30, 40, 50]]),
    ([[float(i), float(2 * i)] for i in range(10)], [i % 2 for i in range(10)], []),
)


def prompt_cases() -> list[dict[str, Any]]:
    cases = []
    for image_size, original in product(IMAGE_SIZES, ((1500, 2250), (333, 500))):
        for points, labels, boxes in PROMPTS:
            coords, packed = pack_prompts(
                points, labels, boxes, original_size=original, image_size=image_size
            )
            cases.append(
                {
                    "image_size": image_size,
                    "original": list(original),
                    "points": points,
                    "labels": labels,
                    "boxes": boxes,
                    "coords": coords[0].tolist(),
                    "packed_labels": packed[0].tolist(),
                }
            )
    return cases


def upsample_cases() -> tuple[list[dict[str, Any]], bytes]:
    """Smooth random logits, where objects have a few parts and holes, and their masks at original size."""
    sizes = ((128, (150, 225)), (128, (225, 150)), (128, (64, 64)), (128, (40, 250)), (256, (600, 401)))
    cases, blob = [], b""
    for seed, (image_size, original) in enumerate(sizes):
        side = image_size // PATCH * 4
        logits = _smooth_logits(side, seed)
        resized = input_size(original, image_size)
        full = postprocess_masks(torch.from_numpy(logits)[None, None], resized, original, image_size)
        mask = (full[0, 0] > 0).numpy()
        cases.append(
            {
                "image_size": image_size,
                "low_res": [side, side],
                "input": list(resized),
                "original": list(original),
                "offset": len(blob),
                "area": int(mask.sum()),
                "counts": encode(mask).counts,
            }
        )
        blob += logits.astype("<f4").tobytes()
    return cases, blob


def _smooth_logits(side: int, seed: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal((1, 1, side // 4, side // 4)).astype(np.float32)
    smooth = F.interpolate(torch.from_numpy(noise), (side, side), mode="bicubic", align_corners=False)
    return (smooth[0, 0] * 8).numpy()


def _write(name: str, content: object) -> None:
    text = json.dumps(content, separators=(",", ":")).replace('{"image_size"', '\n{"image_size"')
    (FOLDER / name).write_text(text + "\n", encoding="ascii")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    _write("transforms.json", {"image_size": list(IMAGE_SIZES), "cases": transform_cases()})
    _write("prompts.json", {"cases": prompt_cases()})
    cases, blob = upsample_cases()
    _write("upsample.json", {"cases": cases})
    (FOLDER / "upsample.bin").write_bytes(blob)


if __name__ == "__main__":
    main()
