"""Curves of a training run from its log: `python -m annotator.training.curves STATE/log.jsonl OUT.png`."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

SMOOTHING = 9
"""Log lines averaged into one point of a curve."""

LOSSES = {
    "loss0": "first prompt",
    "loss1": "second prompt",
    "loss2": "third prompt",
    "affinity": "dense (affinity)",
}
IOUS = {
    "iou_point": "one click, shown",
    "iou_point_mask0": "one click, mask 0",
    "iou_point_oracle": "one click, best of three",
    "iou_box": "box",
    "iou2": "third prompt",
}


def read_log(path: Path) -> list[dict[str, float]]:
    """The figures of a run, one mapping per line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def plot(lines: list[dict[str, float]], path: Path) -> None:
    """Losses and IoUs over the images seen; a dashed line marks a change of input size."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, names, title in zip(
        figure.subplots(1, 2), (LOSSES, IOUS), ("loss", "IoU on training batches"), strict=True
    ):
        for name, label in names.items():
            x, y = _series(lines, name)
            axes.plot(x, y, label=label, linewidth=1.3)
        for images in _changes(lines):
            axes.axvline(images, color="grey", linestyle="--", linewidth=0.8)
        axes.set(title=title, xlabel="images seen", ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _series(lines: list[dict[str, float]], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A running mean over SMOOTHING lines, shorter at the ends."""
    pairs = np.array([(line["images"], line[name]) for line in lines if name in line]).reshape(-1, 2)
    half = SMOOTHING // 2
    smooth = [pairs[max(0, i - half) : i + half + 1, 1].mean() for i in range(len(pairs))]
    return pairs[:, 0], np.array(smooth)


def _changes(lines: list[dict[str, float]]) -> list[float]:
    return [b["images"] for a, b in itertools.pairwise(lines) if a["size"] != b["size"]]


if __name__ == "__main__":
    plot(read_log(Path(sys.argv[1])), Path(sys.argv[2]))
