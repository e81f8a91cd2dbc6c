"""What bfloat16 embeddings cost a model: masks from both kinds of embedding of the same photographs, compared.

As a part of all benchmarks it takes the demo's photographs and the bundled model. One's own:

    python -m benchmarks.encoder_precision --data FOLDER [--images 40] [--model NAME_OR_FILE]

Each photograph gets a grid of clicks; a click's masks from the exact and from the bfloat16 embedding are compared at
the decoder's resolution. Masks that are empty both times count as equal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from annotator.sam import SamPredictor, load_model
from annotator.sam.mask_filters import point_grid
from annotator.sam.precision import Precision, error
from annotator.sam.products import has_bfloat16_products
from annotator.services.demo import PHOTOGRAPHS
from benchmarks.run import Row

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
CLICKS_PER_SIDE = 4
TARGET = 0.995


def run(quick: bool) -> Iterator[Row]:
    """Mean IoU of the bundled model's masks with those of exact embeddings, and by how much encoding is quicker."""
    if not has_bfloat16_products():
        print("  not measured: this processor has no bfloat16 products", flush=True)
        return
    names = [source for source, _ in PHOTOGRAPHS][: 2 if quick else 4]
    folder = Path(str(files("skimage") / "data"))
    predictor = SamPredictor(load_model())
    masks, took = compared(predictor, [folder / name for name in names])
    mean = float(masks.mean())
    note = f"{len(names)} photographs, {len(masks)} masks; embeddings off by {error(predictor.model):.4f}"
    yield {
        "name": "bfloat16 against exact embeddings, mean IoU of masks, bundled model",
        "value": mean,
        "unit": "",
        "target": TARGET,
        "ok": mean >= TARGET,
        "note": note,
    }
    yield {
        "name": "bfloat16 against exact, encoding, bundled model",
        "value": took["exact"] / took["fast"],
        "unit": "×",
        "target": None,
        "ok": None,
        "note": f"{took['exact'] / len(names):.2f} s → {took['fast'] / len(names):.2f} s of processor time",
    }


def compared(predictor: SamPredictor, paths: Sequence[Path]) -> tuple[Tensor, dict[Precision, float]]:
    """IoU of each mask of the photographs (n,), and the processor seconds that all their embeddings took."""
    kinds: tuple[Precision, ...] = ("exact", "fast")
    found, took = [], dict.fromkeys(kinds, 0.0)
    for path in paths:
        with Image.open(path) as picture:
            image = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        masks = []
        for precision in kinds:
            predictor.model.precision = precision
            started = time.process_time()
            predictor.set_image(image)
            took[precision] += time.process_time() - started
            masks.append(answers(predictor))
        found.append(agreement(masks[0], masks[1]).flatten())
    return torch.cat(found), took


def photographs(folder: Path, count: int) -> list[Path]:
    """`count` files of the folder and those in it, evenly spread over their sorted list."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [found[index * len(found) // count] for index in range(min(count, len(found)))]


@torch.no_grad()
def answers(predictor: SamPredictor) -> Tensor:
    """Masks (clicks, 3, 4h, 4w) bool of a grid of clicks on the predictor's image, padding cut away."""
    height, width = predictor.input_size
    points = torch.from_numpy(point_grid(CLICKS_PER_SIDE) * [width, height]).float()[:, None]
    logits, _ = predictor.predict_low_res(points, torch.ones(points.shape[:2]))
    config = predictor.model.config
    scale = config.mask_size[0] / config.image_size
    return logits[..., : int(height * scale), : int(width * scale)] > predictor.model.mask_threshold


def agreement(one: Tensor, other: Tensor) -> Tensor:
    """IoU of each pair of masks (…, h, w)."""
    shared, either = (one & other).sum((-2, -1)), (one | other).sum((-2, -1))
    return torch.where(either == 0, 1.0, shared / either.clamp(min=1))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare masks from exact and bfloat16 embeddings.")
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--model", help="name of an installed model or a file; the bundled one by default")
    arguments = parser.parse_args()
    chosen = photographs(arguments.data, arguments.images)
    if not chosen:
        parser.error(
            f"--data {arguments.data}: no photographs ({', '.join(sorted(SUFFIXES))}) in this folder"
        )
    sam = load_model(arguments.model)
    masks, _ = compared(SamPredictor(sam), chosen)
    print(f"{len(chosen)} photographs, {len(masks)} masks; relative error of embeddings {error(sam):.4f}")
    print(
        f"IoU of exact and bfloat16: mean {masks.mean():.4f} (asked: {TARGET}), median {masks.median():.4f}"
    )
    print(f"5 % are below {masks.quantile(0.05):.4f}; {(masks >= 0.99).float().mean():.1%} are at least 0.99")


if __name__ == "__main__":
    main()
