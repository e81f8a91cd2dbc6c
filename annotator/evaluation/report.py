"""Figures of an evaluation: means of sets with intervals, tables, curves and overlays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.evaluation.clicks import CLICKS, Outcome, first_click

COLUMNS = ("1", "mask 0", "by stability", "oracle", *map(str, CLICKS[1:]), "box", "box+1")
RESAMPLES = 1000
OVERLAY_SIDE = 240


def by_set(outcomes: Sequence[Outcome], column: str) -> dict[str, NDArray[np.float64]]:
    """IoU of every object with that column, per set."""
    values: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        if column in outcome.columns:
            values[outcome.item.dataset].append(outcome.columns[column])
    return {name: np.array(items) for name, items in values.items()}


def mean_of_sets(sets: dict[str, NDArray[np.float64]], *, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """The mean over sets of each set's mean, and its 95 % interval when objects are drawn anew within sets."""
    rng = np.random.default_rng(seed)
    means = np.array([values.mean() for values in sets.values()])
    drawn = [
        values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(1) for values in sets.values()
    ]
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return float(means.mean()), (float(low), float(high))


def summarise(results: dict[str, list[Outcome]]) -> dict[str, Any]:
    """JSON-ready: per segmenter the mean of sets of each column with its interval, and each set's mean."""
    summary: dict[str, Any] = {}
    for name, outcomes in results.items():
        columns = {}
        for column in COLUMNS:
            if sets := by_set(outcomes, column):
                mean, interval = mean_of_sets(sets)
                columns[column] = {
                    "mean": round(mean, 4),
                    "interval": [round(end, 4) for end in interval],
                    "sets": {key: round(float(values.mean()), 4) for key, values in sets.items()},
                }
        summary[name] = {"objects": len(outcomes), "columns": columns}
    return summary


def markdown(summary: dict[str, Any]) -> str:
    """One row per segmenter, mean of sets ± half the 95 % interval, then one click and box set by set."""
    lines = ["| mean of sets | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for name, values in summary.items():
        cells = [_cell(values["columns"].get(column)) for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for column in ("1", "3", "box"):
        sets = sorted({s for v in summary.values() for s in v["columns"][column]["sets"]})
        lines += ["", f"| {column} | " + " | ".join(sets) + " |", "|---|" + "---|" * len(sets)]
        for name, values in summary.items():
            found = values["columns"][column]["sets"]
            lines.append(f"| {name} | " + " | ".join(f"{found[s]:.2f}" for s in sets) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    low, high = value["interval"]
    return f"{value['mean']:.3f} ±{(high - low) / 2:.3f}"


def plot_clicks(summary: dict[str, Any], path: Path) -> None:
    """Mean of sets over the number of clicks, one line per segmenter, the interval as a band."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, values in summary.items():
        points = [values["columns"][str(count)] for count in CLICKS]
        axes.plot(CLICKS, [p["mean"] for p in points], marker="o", label=name)
        axes.fill_between(
            CLICKS, [p["interval"][0] for p in points], [p["interval"][1] for p in points], alpha=0.15
        )
    axes.set(xlabel="clicks", ylabel="IoU, mean of sets", ylim=(0, 1), xticks=CLICKS)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def overlays(outcomes: Sequence[Outcome], path: Path, columns: int = 6) -> None:
    """Best, median and worst objects after one click: found in blue, the true outline in yellow, the click in red."""
    ordered = sorted(outcomes, key=lambda outcome: -outcome.columns["1"])
    middle = max(0, len(ordered) // 2 - columns // 2)
    rows = [ordered[:columns], ordered[middle : middle + columns], ordered[-columns:]]
    tiles = [np.concatenate([_overlay(o) for o in row], axis=1) for row in rows if len(row) == columns]
    if tiles:
        cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(tiles, axis=0), cv2.COLOR_RGB2BGR))


def _overlay(outcome: Outcome) -> NDArray[np.uint8]:
    """One square tile around the object."""
    image, wanted = outcome.item.image(), outcome.item.mask()
    click = first_click(wanted)
    x, y, w, h = cv2.boundingRect((wanted | outcome.first).astype(np.uint8))
    half = int(0.6 * max(w, h, 40))
    cx, cy = x + w // 2, y + h // 2
    rows = slice(max(0, cy - half), cy + half)
    columns = slice(max(0, cx - half), cx + half)
    scale = OVERLAY_SIDE / (2 * half)
    colours = image[rows, columns].astype(np.float32)
    colours[outcome.first[rows, columns]] = colours[outcome.first[rows, columns]] * 0.5 + (0, 57, 94)
    size = (max(1, int(colours.shape[1] * scale)), max(1, int(colours.shape[0] * scale)))
    tile = cv2.resize(colours.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    shape = cv2.resize(wanted[rows, columns].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(shape, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    tile = cv2.drawContours(np.ascontiguousarray(tile), outlines, -1, (255, 220, 0), 1)
    spot = (int((click.x - columns.start + 0.5) * scale), int((click.y - rows.start + 0.5) * scale))
    cv2.circle(tile, spot, 4, (230, 30, 30), -1)
    cv2.putText(
        tile, f"{outcome.columns['1']:.2f}", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1
    )
    canvas = np.full((OVERLAY_SIDE, OVERLAY_SIDE, 3), 30, np.uint8)
    canvas[: size[1], : size[0]] = tile[:OVERLAY_SIDE, :OVERLAY_SIDE]
    return canvas
