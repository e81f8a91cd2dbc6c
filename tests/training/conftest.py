"""A small labelled folder in COCO form, painted on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotator import masks


@pytest.fixture
def labelled_folder(tmp_path: Path) -> Path:
    """Two sources: `leaves` (a leaf with a lesion inside it) and `dots` (two images of three discs)."""
    folder = tmp_path / "train"
    leaf, lesion = np.zeros((60, 90), np.uint8), np.zeros((60, 90), np.uint8)
    cv2.ellipse(leaf, (45, 30), (40, 25), 0, 0, 360, 1, -1)
    cv2.circle(lesion, (50, 30), 9, 1, -1)
    _write(folder / "leaves", [[leaf, lesion]])
    discs = []
    for x in (15, 45, 75):
        disc = np.zeros((50, 90), np.uint8)
        cv2.circle(disc, (x, 25), 11, 1, -1)
        discs.append(disc)
    _write(folder / "dots", [discs, discs])
    return folder


def _write(folder: Path, images: list[list[np.ndarray]]) -> None:
    (folder / "images").mkdir(parents=True)
    body: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": [{"id": 1}]}
    for number, bitmaps in enumerate(images, start=1):
        height, width = bitmaps[0].shape
        colours = np.full((height, width, 3), 40, np.uint8)
        for index, bitmap in enumerate(bitmaps):
            colours[bitmap > 0] = (60 * index + 80, 200, 60)
            body["annotations"].append(
                {
                    "id": len(body["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "area": int(bitmap.sum()),
                    "segmentation": masks.encode(bitmap).to_coco(),
                }
            )
        name = f"{number}.jpg"
        cv2.imwrite(str(folder / "images" / name), colours)
        body["images"].append({"id": number, "file_name": name, "width": width, "height": height})
    (folder / "instances.json").write_text(json.dumps(body))
