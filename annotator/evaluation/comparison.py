"""Two models on images that neither trained on: per category, with intervals, on the same objects and clicks.

Intervals are 95 % bootstrap percentiles over objects. The difference is paired, object by object, so it is told apart
long before the intervals of the two means are.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.evaluation.clicks import Segmenter, measure
from annotator.evaluation.objects import SMALLEST, LabelledObject

CLICKS = (1, 3, 5)
COLUMNS = (*map(str, CLICKS), "box")
RESAMPLES = 1000
MOST_OBJECTS = 400
ALL = ""
"""Name of the row over all categories."""

Progress = Callable[[int, int], None]


def held_objects(folder: Path, most: int = MOST_OBJECTS) -> list[LabelledObject]:
    """Up to `most` objects of the sources below `folder`, `dataset` being the category; always the same, by image."""
    found = []
    for file in sorted(folder.glob("*/instances.json")):
        data = json.loads(file.read_text())
        paths = {image["id"]: file.parent / "images" / image["file_name"] for image in data["images"]}
        names = {category["id"]: category["name"] for category in data["categories"]}
        found += [
            LabelledObject(
                names[a["category_id"]], paths[a["image_id"]], int(a["id"]), int(a["area"]), a["segmentation"]
            )
            for a in data["annotations"]
            if a["area"] >= SMALLEST
        ]
    found.sort(key=lambda item: hashlib.sha256(f"{item.path.name}/{item.number}".encode()).digest())
    return sorted(found[:most], key=lambda item: (str(item.path), item.number))


def compare(
    old: Segmenter, new: Segmenter, objects: Sequence[LabelledObject], progress: Progress
) -> dict[str, Any]:
    """JSON-ready: COLUMNS, and per category and over all (category "") the means of both and their difference."""
    results: list[list[dict[str, float]]] = []
    for number, segmenter in enumerate((old, new)):
        columns = []
        for outcome in measure(segmenter, objects, counts=CLICKS):
            columns.append(outcome.columns)
            progress(number * len(objects) + len(columns), 2 * len(objects))
        results.append(columns)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(objects):
        groups[ALL].append(index)
        groups[item.dataset].append(index)
    return {
        "columns": list(COLUMNS),
        "objects": len(objects),
        "images": len({item.path for item in objects}),
        "rows": [_row(name, indexes, *results) for name, indexes in sorted(groups.items())],
    }


def _row(
    name: str, indexes: list[int], old: list[dict[str, float]], new: list[dict[str, float]]
) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = {"old": {}, "new": {}, "difference": {}}
    for column in COLUMNS:
        before = np.array([old[index][column] for index in indexes])
        after = np.array([new[index][column] for index in indexes])
        for kind, values in (("old", before), ("new", after), ("difference", after - before)):
            cells[kind][column] = estimate(values)
    return {"category": name, "objects": len(indexes), **cells}


def estimate(values: NDArray[np.float64], *, seed: int = 0) -> dict[str, Any]:
    """Mean and 95 % interval of the mean when the values are drawn anew."""
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": round(float(values.mean()), 4), "interval": [round(float(low), 4), round(float(high), 4)]}
