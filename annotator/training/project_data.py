"""What a run trains on and what it is judged by, frozen in one folder: `train/` and `held/`, COCO sources both.

Which images are held back depends on nothing but their content, so no later run trains on what an earlier one was
judged by, however many images are added, and the same photograph falls on the same side in every project. Only where
the rule takes none of a handful of images does one stand in, until there is one that the rule takes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from annotator.masks import Rle, decode, encode, parse_rle
from annotator.training.photographs import read_sources

HELD_EVERY = 5
TRAIN, HELD, FILE = "train", "held", "instances.json"
JPEG_QUALITY = 95


@dataclass(frozen=True)
class LabelledMask:
    """One accepted object; `id` names it outside of the snapshot."""

    id: str
    category: str
    mask: Rle


@dataclass(frozen=True)
class LabelledImage:
    """One image; `fetch(path)` puts its file there. `suffix` is that of the file, with its dot."""

    sha256: str
    suffix: str
    fetch: Callable[[Path], None]
    masks: tuple[LabelledMask, ...]


@dataclass
class Snapshot:
    """How much there is of both kinds, and the accepted masks of each category in all of it."""

    images: int = 0
    masks: int = 0
    held_images: int = 0
    held_masks: int = 0
    categories: Counter[str] = field(default_factory=Counter)


def held_back(hashes: Collection[str]) -> set[str]:
    """Content hashes of the images that are never trained on: about every fifth, at least one.

    Raises ValueError when nothing would be left to train on.
    """
    if len(hashes) < 2:
        raise ValueError(
            f"{len(hashes)} images have accepted masks; training needs two, since one is held back to judge by"
        )
    chosen = {each for each in hashes if int(each[:8], 16) % HELD_EVERY == 0} or {min(hashes)}
    return chosen if len(chosen) < len(hashes) else chosen - {max(hashes)}


def write_snapshot(
    folder: Path, sources: dict[str, Iterable[LabelledImage]], held: Collection[str], *, longest: int
) -> Snapshot:
    """Writes `folder` whole or not at all; one that is there stays as it is.

    Images to train on are reduced to `longest` pixels a side, more than a model looks at; held-back ones are kept as
    they are. A source is a name and its images.
    """
    counts = Snapshot()
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, images in sources.items():
        bodies: dict[str, dict[str, Any]] = {TRAIN: _empty(), HELD: _empty()}
        for image in images:
            side = HELD if image.sha256 in held else TRAIN
            _add(partial / side / name / "images", bodies[side], image, longest if side == TRAIN else None)
            counts.categories.update(each.category for each in image.masks)
        for side, body in bodies.items():
            if body["images"]:
                (partial / side / name / FILE).write_text(json.dumps(body))
        counts.images += len(bodies[TRAIN]["images"])
        counts.masks += len(bodies[TRAIN]["annotations"])
        counts.held_images += len(bodies[HELD]["images"])
        counts.held_masks += len(bodies[HELD]["annotations"])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return counts


def read_folder(data: Path) -> dict[str, list[LabelledImage]]:
    """The sources of a COCO or SA-1B folder in the form of a snapshot; a source's name is its only category.

    Raises FileNotFoundError when there are none.
    """
    return {name: list(_from_photographs(name, photos)) for name, photos in read_sources(data).items()}


def _from_photographs(name: str, photographs: Iterable[Any]) -> Iterator[LabelledImage]:
    for photograph in photographs:
        path = photograph.path
        masks = tuple(
            LabelledMask(f"{path.name}:{number}", name, parse_rle(json.loads(text)))
            for number, text in enumerate(photograph.segmentations)
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield LabelledImage(digest, path.suffix, link_or_copy(path), masks)


def link_or_copy(source: Path) -> Callable[[Path], None]:
    """How to put a local file somewhere: as a second name where the file system allows it, which outlives the first."""

    def fetch(target: Path) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)

    return fetch


def _empty() -> dict[str, Any]:
    return {"images": [], "annotations": [], "categories": []}


def _add(folder: Path, body: dict[str, Any], image: LabelledImage, longest: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{image.sha256[:20]}{image.suffix}"
    path = folder / name
    if path.exists():
        return  # the same photograph twice in one source
    image.fetch(path)
    height, width = image.masks[0].mask.height, image.masks[0].mask.width
    reduced = longest is not None and max(height, width) > longest
    if reduced and longest is not None:
        scale = longest / max(height, width)
        height, width = round(height * scale), round(width * scale)
        path, name = _reduce(path, (width, height))
    number = len(body["images"]) + 1
    body["images"].append(
        {"id": number, "file_name": name, "width": width, "height": height, "sha256": image.sha256}
    )
    known = {each["name"]: each["id"] for each in body["categories"]}
    for labelled in image.masks:
        mask = _resized(labelled.mask, width, height) if reduced else labelled.mask
        if not mask.area:
            continue
        if labelled.category not in known:
            known[labelled.category] = len(known) + 1
            body["categories"].append({"id": known[labelled.category], "name": labelled.category})
        body["annotations"].append(
            {
                "id": len(body["annotations"]) + 1,
                "uuid": labelled.id,
                "image_id": number,
                "category_id": known[labelled.category],
                "area": mask.area,
                "segmentation": mask.to_coco(),
            }
        )


def _reduce(path: Path, size: tuple[int, int]) -> tuple[Path, str]:
    """A smaller JPEG in place of an image; its path and name."""
    target = path.with_suffix(".small.jpg")
    with Image.open(path) as picture:
        picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(target, quality=JPEG_QUALITY)
    path.unlink()
    return target, target.name


def _resized(mask: Rle, width: int, height: int) -> Rle:
    covered = cv2.resize(decode(mask) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
    return encode(covered > 127)
