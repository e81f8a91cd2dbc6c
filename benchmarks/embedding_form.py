"""What int8 embeddings cost: masks from them against masks from float16, with the bundled model.

As a part of all benchmarks it takes four of the demo's photographs. One's own:

    python -m benchmarks.embedding_form IMAGE …

Every image gets one click on each point of a grid; the chosen mask's IoU between the two forms is reported, and how
many bytes an embedding takes in each form, plain and compressed.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import brotli
import numpy as np
from PIL import Image

from annotator.sam import SamPredictor, load_model
from annotator.sam.embedding_file import in_whole_numbers, unpack_embedding
from annotator.sam.predictor import encode_image
from benchmarks.run import Row

GRID = 6
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
LEAST_IOU = 0.99


def run(quick: bool) -> Iterator[Row]:
    """Mean IoU a photograph, and what an embedding takes in each form."""
    predictor, sizes = SamPredictor(load_model()), dict[str, int]()
    for name in NAMES[: 1 if quick else None]:
        with Image.open(Path(str(files("skimage") / "data" / name))) as picture:
            ious, sizes = compare(predictor, np.asarray(picture.convert("RGB")))
        mean = float(np.mean(ious))
        yield {
            "name": f"int8 against float16 embeddings, mean IoU of masks, {name}",
            "value": mean,
            "unit": "",
            "target": LEAST_IOU,
            "ok": mean >= LEAST_IOU,
            "note": f"{len(ious)} clicks, the least {min(ious):.3f}",
        }
    for form, size in sizes.items():
        yield {
            "name": f"an embedding as {form}",
            "value": size / 1e3,
            "unit": "kB",
            "target": None,
            "ok": None,
        }


def compare(predictor: SamPredictor, pixels: np.ndarray) -> tuple[list[float], dict[str, int]]:
    """IoU of the chosen masks, a click each, and the sizes in bytes."""
    data = encode_image(predictor.model, pixels, image_sha256="0" * 64)
    forms = {"float16": data, "int8": in_whole_numbers(data)}
    masks = {}
    for name, file in forms.items():
        predictor.set_embedding(unpack_embedding(file))
        masks[name] = [_chosen(predictor, point) for point in _points(pixels)]
    ious = [_iou(first, second) for first, second in zip(masks["float16"], masks["int8"], strict=True)]
    sizes = {name: len(file) for name, file in forms.items()}
    sizes |= {f"{name}, deflate": len(zlib.compress(file, 6)) for name, file in forms.items()}
    sizes |= {f"{name}, brotli": len(brotli.compress(file, quality=5)) for name, file in forms.items()}
    return ious, sizes


def _points(pixels: np.ndarray) -> list[tuple[float, float]]:
    height, width = pixels.shape[:2]
    steps = (np.arange(GRID) + 0.5) / GRID
    return [(float(x * width), float(y * height)) for y in steps for x in steps]


def _chosen(predictor: SamPredictor, point: tuple[float, float]) -> np.ndarray:
    masks, scores, _ = predictor.predict(np.array([point]), np.array([1]), multimask_output=True)
    return masks[int(np.argmax(scores))]


def _iou(first: np.ndarray, second: np.ndarray) -> float:
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def main(paths: list[str]) -> int:
    if not paths:
        print(__doc__)
        return 2
    predictor, ious = SamPredictor(load_model()), list[float]()
    for path in paths:
        with Image.open(path) as picture:
            found, sizes = compare(predictor, np.asarray(picture.convert("RGB")))
        ious += found
        print(f"{Path(path).name}: mean IoU {np.mean(found):.4f}; bytes {sizes}", flush=True)
    low, median = np.quantile(ious, [0.05, 0.5])
    above = np.mean(np.array(ious) >= 0.99)
    print(f"{len(ious)} clicks: mean {np.mean(ious):.4f}, median {median:.4f}, 5 % below {low:.4f}, ", end="")
    print(f"{above:.0%} at 0.99 or more")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
