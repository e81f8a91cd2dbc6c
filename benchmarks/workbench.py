"""The workbench under load: a real server, a real Chromium, the real decoder, photographs of 12 and 50 megapixels.

With 1 and 500 objects on the image, and with BENCH=full 100: from a click to its mask, from a move of a brush of
radius 150 to its pixels, from Ctrl+Z to the state before, from the key D to the next image's first possible click; and
the browser's memory on an image of 100 megapixels. Inputs are real ones: sent to the browser, not to the page. An
image counts as fetched ahead when the page says so.

A time runs from the input event's own time stamp to the end of the frame that shows its effect
(`workbench_probe.js`). Moves of the pointer are the exception: a browser hands them to the page once per frame, so at
60 Hz every page waits 0 to 16.7 ms for them. The target counts from there to the end of the frame that holds the
pixels at the brush's leading edge, which no earlier move has painted; within 16 ms every frame shows the newest
position. The whole time since the input, wait included, stands in the note.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from benchmarks import workbench_scenes as scenes
from benchmarks.run import Row
from benchmarks.workbench_memory import measure_memory
from benchmarks.workbench_page import begin, browser, end, opened, workbench
from tests.browser.workbench_page import WorkbenchPage
from tools.real_server import Api, RealServer

SIZES = ((3000, 4000), (5774, 8660))  # height, width: 12 and 50 megapixels
COUNTS = (1, 100, 500)
RADIUS = 150
TARGETS = {"click": 250.0, "stroke": 16.0, "undo stroke": 50.0, "undo accept": 50.0, "switch": 150.0}
"""Milliseconds that the 95th percentile may take."""

NAMES = {
    "click": "click → mask painted",
    "stroke": f"brush of radius {RADIUS}, move → painted",
    "undo stroke": "undo a stroke → painted",
    "undo accept": "undo an accepted object → painted",
    "switch": "next image (D), fetched ahead → first click possible",
}
BRUSH = f"localStorage.setItem('annotator.brush', '{RADIUS}')"
STEP = 9  # CSS pixels between two moves of a stroke


@dataclass(frozen=True)
class Effort:
    """How often each thing is measured."""

    clicks: int
    strokes: int
    moves: int
    undos: int
    switches: int


FULL, QUICK = Effort(20, 5, 50, 8, 6), Effort(4, 2, 30, 3, 2)
Times = dict[str, list[float]]


def run(quick: bool) -> list[Row]:
    """p50 and p95 of each time in milliseconds, by size and number of objects; memory at 100 megapixels."""
    sizes = SIZES[:1] if quick else SIZES
    counts = COUNTS if os.environ.get("BENCH") == "full" else (COUNTS[0], COUNTS[-1])
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-workbench-") as folder,
        RealServer(Path(folder) / "instance", {"ANNOTATOR_DEMO": "false"}) as server,
        browser() as started,
    ):
        api = Api(server.base_url, server.link)
        for size in sizes:
            project, images = _prepare(server, api, size, counts)
            for count in counts:
                with workbench(started, api, BRUSH) as page:
                    times = _measure(page, project, images[count], QUICK if quick else FULL)
                rows += _rows(size, count, times)
        rows += measure_memory(started, server, api, quick)
    return rows


def _prepare(
    server: RealServer, api: Api, size: tuple[int, int], counts: tuple[int, ...]
) -> tuple[int, dict[int, list[int]]]:
    """A project with two images for each number of objects, next to each other; ids of project and images."""
    height, width = size
    project, category = scenes.new_project(api, f"{width}×{height}")
    client = scenes.Client(api)
    images: dict[int, list[int]] = {}
    for count in counts:
        masks = scenes.spread_objects(height, width, count)
        images[count] = []
        for copy in range(2):
            data = scenes.photograph(height, width, seed=2 * count + copy)
            image = client.upload(project, f"{count}-{copy}.jpg", data)
            scenes.save_objects(server.instance, image["id"], category, masks)
            images[count].append(image["id"])
    client.close()
    scenes.wait_for_embeddings(api, project)
    return project, images


def _measure(page: Page, project: int, images: list[int], effort: Effort) -> Times:
    bench = opened(page, project, images[0])
    return {
        "click": _clicks(bench, effort.clicks),
        **_strokes(bench, effort),
        "undo accept": _accepts(bench, effort.undos),
        "switch": _switches(bench, images, effort.switches),
    }


def _clicks(bench: WorkbenchPage, count: int) -> list[float]:
    """Each new object gets two clicks, the second with the first mask as prompt."""
    times = []
    page = bench.page
    left, top, right, bottom = _image_on_screen(bench)
    for number in range(count):
        x = left + (right - left) * (0.15 + 0.7 * (number * 0.618 % 1))
        y = top + (bottom - top) * (0.15 + 0.7 * (number * 0.382 % 1))
        page.mouse.move(x, y)
        answers = int(page.locator("body").get_attribute("data-answers") or 0)
        begin(page, "state", {"answers": str(answers + 1)})
        page.mouse.down()
        page.mouse.up()
        times.append(end(page))
        bench.wait_for(decoding="false")
        if number % 2:
            bench.press("Escape")
            bench.wait_for(draft="none")
    bench.press("Escape")
    bench.wait_for(draft="none")
    return times


def _strokes(bench: WorkbenchPage, effort: Effort) -> Times:
    """Strokes from left to right, each on ground of its own; then each is taken back."""
    page = bench.page
    bench.press("b")
    left, top, _, bottom = _image_on_screen(bench)
    painted, since_input, taken_back = [], [], []
    scale = bench.view()[0]
    for number in range(effort.strokes):
        y = top + (bottom - top) * (number + 1) / (effort.strokes + 1)
        x = left + RADIUS * scale
        page.mouse.move(x, y)
        page.mouse.down()
        bench.settle()
        page.evaluate("(reach) => window.probe.beginStroke(reach)", 0.9 * RADIUS * scale)
        for move in range(effort.moves):
            page.mouse.move(x + (move + 1) * STEP, y)
        bench.settle()
        stroke: dict[str, Any] = page.evaluate("() => window.probe.endStroke()")
        page.mouse.up()
        bench.settle()
        if stroke["lost"]:
            raise RuntimeError(f"{stroke['lost']} moves of a stroke were never painted")
        since_input += [sample["painted"] for sample in stroke["samples"]]
        painted += [sample["painted"] - sample["waited"] for sample in stroke["samples"]]
    _wait_until_kept(bench)
    for _ in range(effort.strokes):
        begin(page, "drawn", "draft")
        page.keyboard.press("Control+z")
        taken_back.append(end(page))
        _wait_until_kept(bench)
    bench.press("s")
    return {"stroke": painted, "stroke since input": since_input, "undo stroke": taken_back}


def _accepts(bench: WorkbenchPage, count: int) -> list[float]:
    """One clicked object accepted and brought back, again and again."""
    page, times = bench.page, []
    left, top, right, bottom = _image_on_screen(bench)
    page.mouse.click((left + right) / 2, (top + bottom) / 2)
    bench.wait_for(draft="mask")
    for _ in range(count):
        bench.press("Enter")
        bench.wait_for(draft="none")
        bench.wait_until_saved()
        begin(page, "drawn", "objects")
        page.keyboard.press("Control+z")
        times.append(end(page))
        bench.wait_for(draft="mask")
        bench.wait_until_saved()
    bench.press("Escape")
    bench.wait_for(draft="none")
    return times


def _switches(bench: WorkbenchPage, images: list[int], count: int) -> list[float]:
    """To the second image by D, fetched ahead; back without being timed."""
    page, times = bench.page, []
    first, second = map(str, images)
    fetched = page.locator("body[data-ahead]:not([data-ahead='0'])")
    for _ in range(count):
        fetched.wait_for(state="attached")
        begin(page, "state", {"imageId": second, "embedding": "ready"})
        page.keyboard.press("d")
        times.append(end(page))
        bench.settle()
        page.evaluate("() => { delete document.body.dataset.ahead; }")
        page.keyboard.press("a")
        bench.wait_for(image_id=first, embedding="ready")
    return times


def _image_on_screen(bench: WorkbenchPage) -> tuple[float, float, float, float]:
    """left, top, right, bottom of the photograph in the window, CSS pixels."""
    image = bench.page.evaluate(
        "() => fetch(`/api/v1/images/${document.body.dataset.imageId}`).then((a) => a.json())"
    )
    left, top = bench.to_screen(0, 0)
    right, bottom = bench.to_screen(image["width"] - 1, image["height"] - 1)
    return left, top, right, bottom


def _wait_until_kept(bench: WorkbenchPage) -> None:
    """Whatever was done is in the journal, so that writing it down does not fall into what is timed next."""
    steps = bench.page.locator("body").get_attribute("data-steps") or "0"
    bench.wait_for(kept=steps)


def _rows(size: tuple[int, int], count: int, times: Times) -> list[Row]:
    height, width = size
    where = f"{width * height / 1e6:.0f} megapixels, {count} {'object' if count == 1 else 'objects'}"
    rows: list[Row] = []
    for kind, target in TARGETS.items():
        p95 = _p95(times[kind])
        note = f"p50 {statistics.median(times[kind]):.1f} ms, {len(times[kind])} times"
        if kind == "stroke":
            waiting = times["stroke since input"]
            note += f"; since the input p50 {statistics.median(waiting):.1f}, p95 {_p95(waiting):.1f} ms"
        rows.append(
            {
                "name": f"{NAMES[kind]}, {where}, p95",
                "value": round(p95, 1),
                "unit": "ms",
                "target": target,
                "ok": p95 <= target,
                "note": note,
            }
        )
    return rows


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
