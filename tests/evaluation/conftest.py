"""Measuring sets in COCO form, painted on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from annotator import masks
from annotator.sam.checkpoints import save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam


@pytest.fixture
def measuring_folder(tmp_path: Path) -> Path:
    """`discs`: 12 images with a bright disc and square each; `stuff`: one thing and one stuff region."""
    folder = tmp_path / "data"
    images, annotations = [], []
    for number in range(1, 13):
        colours = np.full((60, 80, 3), 30, np.uint8)
        disc, square = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
        cv2.circle(disc, (20 + number, 25), 12, 1, -1)
        square[35:55, 50:70] = 1
        colours[(disc | square) > 0] = (200, 180, 40)
        _save(folder / "discs" / "images" / f"{number}.png", colours)
        images.append({"id": number, "file_name": f"{number}.png"})
        annotations += [
            _annotation(number, disc, len(annotations)),
            _annotation(number, square, len(annotations) + 1),
        ]
    _describe(folder / "discs", images, annotations, [{"id": 1, "name": "thing"}])
    whole = np.ones((40, 40), np.uint8)
    _save(folder / "stuff" / "images" / "1.png", np.full((40, 40, 3), 90, np.uint8))
    parts = [_annotation(1, whole, 0), {**_annotation(1, whole, 1), "category_id": 2}]
    categories = [{"id": 1, "isthing": 1}, {"id": 2, "isthing": 0}]
    _describe(folder / "stuff", [{"id": 1, "file_name": "1.png"}], parts, categories)
    return folder


def _save(path: Path, colours: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), colours)


def _annotation(image: int, mask: np.ndarray, number: int) -> dict[str, object]:
    return {
        "id": number + 1,
        "image_id": image,
        "category_id": 1,
        "area": int(mask.sum()),
        "segmentation": masks.encode(mask).to_coco(),
    }


def _describe(folder: Path, images: list, annotations: list, categories: list) -> None:
    body = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(body))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights in the product's own format."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    save_checkpoint(Sam(PRESETS["tiny"]), path)
    return path
