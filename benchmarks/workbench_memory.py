"""What the browser needs for an image of 100 megapixels with 100 objects.

It is opened, zoomed, panned, clicked and painted on. Counted is the proportional set size (memory shared with others
counts in parts) of the page's process and of the one that draws for it, sampled from the start to the end: the
highest sample is the peak.
"""

from __future__ import annotations

import threading

import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from benchmarks import workbench_scenes as scenes
from benchmarks.run import Row
from benchmarks.workbench_page import opened, workbench
from tests.browser.workbench_page import WorkbenchPage
from tools.real_server import Api, RealServer

HEIGHT, WIDTH = 8400, 12000
OBJECTS = 100
TARGET_MB = 1000.0
SAMPLE_SECONDS = 0.1
KINDS = ("--type=renderer", "--type=gpu-process")


def measure_memory(started: Browser, server: RealServer, api: Api, quick: bool) -> list[Row]:
    """Megabytes at the peak, and at rest after the work."""
    project, category = scenes.new_project(api, "100 megapixels")
    client = scenes.Client(api)
    image = client.upload(project, "large.jpg", scenes.photograph(HEIGHT, WIDTH, seed=1))
    client.close()
    masks = scenes.spread_objects(HEIGHT, WIDTH, OBJECTS)
    scenes.save_objects(server.instance, image["id"], category, masks)
    scenes.wait_for_embeddings(api, project)
    with Watch(started) as watch, workbench(started, api) as page:
        bench = opened(page, project, image["id"])
        _work(bench, rounds=1 if quick else 4)
        page.wait_for_timeout(2000)  # what can be freed is freed
        rest = watch.now()
    note = f"page and drawing process, {WIDTH}×{HEIGHT}, {OBJECTS} objects"
    return [
        _row("memory at 100 megapixels, peak", watch.peak, note),
        _row("memory at 100 megapixels, at rest", rest, note),
    ]


def _work(bench: WorkbenchPage, rounds: int) -> None:
    """Zoom in and pan across, click twice, paint and take back; then the whole image again."""
    mouse = bench.page.mouse
    box = bench._stage_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for _ in range(rounds):
        mouse.move(x, y)
        for _ in range(12):
            mouse.wheel(0, -120)
            bench.settle()
        for step in range(8):
            mouse.move(x - 200 + 50 * step, y)
            mouse.down(button="middle")
            mouse.move(x - 200 + 50 * step - 300, y - 100, steps=10)
            mouse.up(button="middle")
        bench.press("f")
        for point in ((x, y), (x + 30, y + 20)):
            mouse.click(*point)
            bench.wait_for(draft="mask")
            bench.wait_for(decoding="false")
        bench.press("b")
        mouse.move(x - 150, y)
        mouse.down()
        mouse.move(x + 150, y, steps=30)
        mouse.up()
        bench.press("Control+z", "s", "Enter")
        bench.wait_for(draft="none")
        bench.wait_until_saved()


class Watch:
    """Samples the memory of the browser's page and drawing processes in the background while the context lasts."""

    def __init__(self, started: Browser) -> None:
        session = started.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        self._browser = psutil.Process(next(each["id"] for each in processes if each["type"] == "browser"))
        session.detach()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def now(self) -> float:
        """Megabytes."""
        return sum(_proportional(child) for child in self._browser.children(recursive=True)) / 1e6

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self.now())


def _proportional(process: psutil.Process) -> int:
    """Bytes of a page or drawing process; 0 for others, and for one that has just ended."""
    try:
        counts = any(word in KINDS for word in process.cmdline())
        return int(process.memory_full_info().pss) if counts else 0
    except psutil.NoSuchProcess:
        return 0


def _row(name: str, megabytes: float, note: str) -> Row:
    return {
        "name": name,
        "value": round(megabytes),
        "unit": "MB",
        "target": TARGET_MB,
        "ok": megabytes <= TARGET_MB,
        "note": note,
    }
