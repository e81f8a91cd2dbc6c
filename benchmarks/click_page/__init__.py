"""Click to stored mask in a real Chromium: the product's own page modules, and the released export beside them.

A page of its own holds the workbench's editor, stage and decoder worker; one click after the other is timed from
the event to the painted mask. The same page, stage and thread count run the decoder as the released
`segment_anything` package exports it (vit_b shape, four masks, resized inside the graph): the ratio is what this
product saves, measured in one run. So are upsampling, run lengths and the brush beside their plain forms. The page
refuses to measure logits, masks, run lengths or strokes that differ. `BENCH=full` measures every size in both settings
of threads, with more clicks.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import ViewportSize, sync_playwright
from pycocotools import mask as coco

from benchmarks.click_page.artefacts import Contender, bundled, own_vit_b, released_vit_b
from benchmarks.click_page.isolated_server import IsolatedServer
from benchmarks.run import Row
from tools import chromium


@dataclass(frozen=True)
class Setting:
    """An image size (height, width), threads, by how much our mask should come sooner than the released one, and clicks
    of our decoders and of the released one."""

    size: tuple[int, int]
    threads: int
    target: float | None
    clicks: int
    slow_clicks: int

    def __str__(self) -> str:
        height, width = self.size
        return f"{width}×{height}, {self.threads} thread{'s' if self.threads > 1 else ''}"


MAIN_SIZE, LARGEST_SIZE = (1500, 2250), (4000, 6000)
OTHER_SIZES = ((480, 640), (2250, 1500), (3000, 4000))
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
TARGET_P50_MS, TARGET_P95_MS = 120.0, 250.0
CLOCK_MS = 0.005
"""The page's clock counts in such steps."""

PARTS = ("decode", "upsample", "paint")
TARGET_RATIOS = {"upsample": 20.0, "rle": 8.0}
STEPS = {
    "upsample": "logits → full mask, against dense resizing in two steps",
    "noise": "the same of noise, the worst case",
    "rle": "run lengths, against a scan of the columns",
    "brush": "60 brush moves of radius 150, against pixel by pixel",
}


def settings(quick: bool, full: bool) -> list[Setting]:
    """What is measured: the two sizes with targets, and three others in both orientations."""
    clicks, slow = (4, 2) if quick else (30, 8) if full else (16, 5)
    chosen = [
        Setting(MAIN_SIZE, 2, 4.0, clicks, slow),
        Setting(MAIN_SIZE, 1, 3.0, clicks, slow),
        Setting(LARGEST_SIZE, 2, 25.0, clicks, slow),
    ]
    if full:
        chosen.append(Setting(LARGEST_SIZE, 1, None, clicks, slow))
    if not quick:
        few = (clicks, slow) if full else (6, 3)
        chosen += [
            Setting(size, threads, None, *few)
            for size in OTHER_SIZES
            for threads in ((2, 1) if full else (2,))
        ]
    return chosen


def run(quick: bool) -> Iterator[Row]:
    """p50 and p95 of every part, milliseconds; ratios to the released export and to plain forms in the same run."""
    chosen = settings(quick, os.environ.get("BENCH") == "full")
    sizes = list(dict.fromkeys(setting.size for setting in chosen))
    with tempfile.TemporaryDirectory(prefix="bench-click-") as folder:
        contenders = [build(Path(folder), sizes) for build in (bundled, own_vit_b, released_vit_b)]
        for setting, result in zip(chosen, _measure(Path(folder), contenders, chosen), strict=True):
            yield from _rows(setting, result["times"], result["backend"])
            if result["masks"]:
                yield from _mask_rows(setting.size, result["masks"])


def _measure(folder: Path, contenders: list[Contender], chosen: list[Setting]) -> Iterator[dict[str, Any]]:
    """The page's answer, per setting: {"backend": text, "times": {contender: [{decode, upsample, paint, total}]},
    "masks": {step: {ours, reference}, "counts"}, once a size}."""
    described = [contender.for_page() for contender in contenders]
    sizes = [setting.size for setting in chosen]
    with IsolatedServer(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.find()), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport=VIEWPORT)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}/bench/page.html")
        page.wait_for_function("() => typeof window.measure === 'function'")
        page.set_default_timeout(0)
        try:
            for i, setting in enumerate(chosen):
                task = {
                    "contenders": described,
                    "setting": asdict(setting),
                    "masks": setting.size not in sizes[:i],
                }
                yield page.evaluate("(task) => window.measure(task)", task)
                if problems:
                    raise RuntimeError(f"the page failed: {problems}")
        finally:
            browser.close()


def _rows(setting: Setting, times: dict[str, list[dict[str, float]]], backend: str) -> list[Row]:
    ours, like_for_like, released = (times[name] for name in ("bundled", "own vit_b", "released vit_b"))
    note = f"{len(ours)} clicks, {backend}"
    rows: list[Row] = [
        _row(f"click → painted, {setting}, p50", _p50(ours, "total"), TARGET_P50_MS, note),
        _row(f"click → painted, {setting}, p95", _p95(ours, "total"), TARGET_P95_MS, ""),
    ]
    rows += [
        _row(f"  {part}, p50 / p95", _p50(ours, part), None, f"p95 {_p95(ours, part):.1f} ms")
        for part in PARTS
    ]
    baseline, exact = _mask_p50(released), _mask_p50(like_for_like)
    parts = " + ".join(f"{part} {_p50(like_for_like, part):.1f}" for part in PARTS[:2]) + " ms, same mask"
    rows += [
        _row(
            f"  released export, vit_b, {setting}: full mask, p50", baseline, None, f"{len(released)} clicks"
        ),
        _row(f"  our graphs, vit_b, {setting}: full mask, p50", exact, None, parts),
        _ratio(f"  our graphs against the released export, {setting}", baseline / exact, setting.target),
        _ratio(f"  bundled against the released export, {setting}", baseline / _mask_p50(ours), None),
    ]
    return rows


def _mask_rows(size: tuple[int, int], masks: dict[str, Any]) -> list[Row]:
    """The steps behind the logits; refuses counts that pycocotools writes otherwise."""
    stored = coco.decode({"size": list(size), "counts": masks["counts"].encode()})
    if coco.encode(stored)["counts"] != masks["counts"].encode():
        raise RuntimeError(f"the counts of {size} are not those of pycocotools")
    rows = []
    for step, words in STEPS.items():
        ours, reference = masks[step]["ours"], masks[step]["reference"]
        target = None if step == "rle" and size != LARGEST_SIZE else TARGET_RATIOS.get(step)
        note = f"{ours:.2f} and {reference:.1f} ms"
        rows.append(_ratio(f"  {words}, {size[1]}×{size[0]}", reference / max(ours, CLOCK_MS), target, note))
    return rows


def _mask_p50(times: list[dict[str, float]]) -> float:
    """From the decoder's start to the full-resolution mask: what the released graph computes in one."""
    return statistics.median(item["decode"] + item["upsample"] for item in times)


def _p50(times: list[dict[str, float]], part: str) -> float:
    return statistics.median(item[part] for item in times)


def _p95(times: list[dict[str, float]], part: str) -> float:
    return statistics.quantiles((item[part] for item in times), n=20, method="inclusive")[-1]


def _row(name: str, value: float, target: float | None, note: str) -> Row:
    ok = None if target is None else value <= target
    return {"name": name, "value": round(value, 1), "unit": "ms", "target": target, "ok": ok, "note": note}


def _ratio(name: str, value: float, target: float | None, note: str = "") -> Row:
    ok = None if target is None else value >= target
    return {"name": name, "value": round(value, 2), "unit": "×", "target": target, "ok": ok, "note": note}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few clicks")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row, ensure_ascii=False))
