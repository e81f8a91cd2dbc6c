"""Labelled objects to measure on, read from COCO folders and chosen the same way every time.

A folder of sets holds `<set>/images/` and `<set>/instances.json`. Each set's images fall into two fixed
halves by a hash of their names: the tuning half may be looked at while a model is developed, the held half
is for milestones.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator import masks

Half = Literal["tuning", "held", "all"]
HEADLINE = (
    "davis",
    "coco_mval",
    "coco_train2017",
    "dsb2018",
    "wbc",
    "isbi_em",
    "ade20k",
    "isaid",
    "nuts",
    "cwfid",
)
"""Sets whose masks are single real objects with good outlines; the mean over them is the headline figure."""

SMALLEST = 16
MOST_OF_ONE_IMAGE = 6
FEW_IMAGES = 4
"""Sets with no more images than this are halved by object, not by image."""


@dataclass(frozen=True)
class LabelledObject:
    """One object: `area` and size in pixels of the image; `segmentation` is its COCO RLE."""

    dataset: str
    path: Path
    number: int
    area: int
    segmentation: dict[str, Any]

    def image(self) -> NDArray[np.uint8]:
        """RGB (H, W, 3)."""
        with Image.open(self.path) as image:
            return np.asarray(image.convert("RGB"))

    def mask(self) -> NDArray[np.bool_]:
        """(H, W)."""
        return masks.decode(masks.parse_rle(self.segmentation)).astype(bool)


def read_objects(folder: Path, sets: tuple[str, ...], half: Half, per_set: int) -> list[LabelledObject]:
    """Up to `per_set` objects of each set, in a fixed order that is by image, so that encodings are shared.

    Raises FileNotFoundError naming a set that is not there.
    """
    chosen: list[LabelledObject] = []
    for name in sets:
        chosen += _choose(_in_half(_read(folder, name), half), per_set)
    return chosen


def read_images(folder: Path, sets: tuple[str, ...], half: Half, images_per_set: int) -> list[LabelledObject]:
    """All objects of up to `images_per_set` images of each set, in a fixed order, by image.

    Raises FileNotFoundError naming a set that is not there.
    """
    chosen: list[LabelledObject] = []
    for name in sets:
        objects = _in_half(_read(folder, name), half)
        paths = sorted({o.path for o in objects}, key=lambda path: _hash("images", name, path.name))
        kept = set(paths[:images_per_set])
        chosen += sorted((o for o in objects if o.path in kept), key=lambda o: (o.path.name, o.number))
    return chosen


def _read(folder: Path, name: str) -> list[LabelledObject]:
    file = folder / name / "instances.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing; expected COCO folders <set>/instances.json and <set>/images/"
        )
    data = json.loads(file.read_text())
    paths = {image["id"]: file.parent / "images" / image["file_name"] for image in data["images"]}
    things = {c["id"] for c in data["categories"] if c.get("isthing", 1) == 1}
    return [
        LabelledObject(name, paths[a["image_id"]], int(a["id"]), int(a["area"]), a["segmentation"])
        for a in data["annotations"]
        if a["category_id"] in things and a["area"] >= SMALLEST and not a.get("iscrowd")
    ]


def _in_half(objects: list[LabelledObject], half: Half) -> list[LabelledObject]:
    if half == "all":
        return objects
    by_object = len({o.path for o in objects}) <= FEW_IMAGES
    wanted = 0 if half == "tuning" else 1
    return [o for o in objects if _hash(o.dataset, o.path.name, o.number if by_object else "") % 2 == wanted]


def _choose(objects: list[LabelledObject], count: int) -> list[LabelledObject]:
    """The first `count` in hash order, with a limit on objects per image; then sorted by image."""
    taken: Counter[Path] = Counter()
    images = len({o.path for o in objects}) or 1
    limit = max(MOST_OF_ONE_IMAGE, -(-count // images))
    chosen: list[LabelledObject] = []
    for item in sorted(objects, key=lambda o: _hash("order", o.dataset, o.path.name, o.number)):
        if len(chosen) < count and taken[item.path] < limit:
            taken[item.path] += 1
            chosen.append(item)
    return sorted(chosen, key=lambda o: (o.path.name, o.number))


def _hash(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8], "big")
