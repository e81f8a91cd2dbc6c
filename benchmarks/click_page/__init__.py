"""Click to painted mask in a real Chromium: the product's own page modules, and the released export beside them.

A page of its own holds the workbench's editor, stage and decoder worker; one click after the other is timed from
the event to the painted mask. The same page, stage and thread count run the decoder as the released
`segment_anything` package exports it (vit_b shape, four masks, resized inside the graph): the ratio is what this
product saves, measured in one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import ViewportSize, sync_playwright

from benchmarks.click_page.artefacts import Contender, bundled, own_vit_b, released_vit_b
from benchmarks.click_page.isolated_server import IsolatedServer
from benchmarks.run import Row
from tools import chromium

SIZES = ((1500, 2250), (4000, 6000))  # height, width
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
TARGET_P50_MS, TARGET_P95_MS = 120.0, 250.0
PARTS = ("decode", "upsample", "paint")


def run(quick: bool) -> list[Row]:
    """p50 and p95 of every part, milliseconds; ratios to the released export of the same run."""
    with tempfile.TemporaryDirectory(prefix="bench-click-") as folder:
        contenders = [build(Path(folder), SIZES) for build in (bundled, own_vit_b, released_vit_b)]
        measured = _measure(
            Path(folder), contenders, clicks=4 if quick else 30, slow_clicks=2 if quick else 8
        )
    rows: list[Row] = []
    for height, width in SIZES:
        rows += _rows(f"{width}×{height}", measured["times"][f"{height}x{width}"], measured["backend"])
    return rows


def _measure(folder: Path, contenders: list[Contender], clicks: int, slow_clicks: int) -> dict[str, Any]:
    """The page's answer: {"backend": text, "times": {size: {contender: [{decode, upsample, paint, total}]}}}."""
    task = {
        "contenders": [contender.for_page() for contender in contenders],
        "sizes": SIZES,
        "clicks": clicks,
        "slowClicks": slow_clicks,
    }
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
            result: dict[str, Any] = page.evaluate("(task) => window.measure(task)", task)
        finally:
            browser.close()
        if problems:
            raise RuntimeError(f"the page failed: {problems}")
        return result


def _rows(size: str, times: dict[str, list[dict[str, float]]], backend: str) -> list[Row]:
    ours, like_for_like, released = (times[name] for name in ("bundled", "own vit_b", "released vit_b"))
    rows: list[Row] = [
        _row(
            f"click → painted, {size}, p50",
            _p50(ours, "total"),
            TARGET_P50_MS,
            f"{len(ours)} clicks, {backend}",
        ),
        _row(f"click → painted, {size}, p95", _p95(ours, "total"), TARGET_P95_MS, ""),
    ]
    rows += [
        _row(f"  {part}, p50 / p95", _p50(ours, part), None, f"p95 {_p95(ours, part):.1f} ms")
        for part in PARTS
    ]
    baseline = _p50(released, "total")
    rows += [
        _row(f"  released export, vit_b, {size}, p50", baseline, None, f"{len(released)} clicks"),
        _ratio(f"  bundled against the released export, {size}", baseline / _p50(ours, "total")),
        _ratio(
            f"  our vit_b export against the released one, {size}",
            baseline / _p50(like_for_like, "total"),
            f"{_p50(like_for_like, 'total'):.0f} ms, of it decode {_p50(like_for_like, 'decode'):.0f} ms; "
            "same random weights",
        ),
    ]
    return rows


def _p50(times: list[dict[str, float]], part: str) -> float:
    return statistics.median(item[part] for item in times)


def _p95(times: list[dict[str, float]], part: str) -> float:
    return statistics.quantiles((item[part] for item in times), n=20, method="inclusive")[-1]


def _row(name: str, value: float, target: float | None, note: str) -> Row:
    ok = None if target is None else value <= target
    return {"name": name, "value": round(value, 1), "unit": "ms", "target": target, "ok": ok, "note": note}


def _ratio(name: str, value: float, note: str = "") -> Row:
    return {"name": name, "value": round(value, 2), "unit": "×", "target": None, "ok": None, "note": note}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few clicks")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row, ensure_ascii=False))
