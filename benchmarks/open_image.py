"""Opening an image whose embedding exists, until the first click is possible, in a real Chromium.

Four ways to get there: the key D to an image that was fetched ahead; A back to one that has to be fetched again; and
loading the whole page, where the decoder starts too, for the first time and again. Time is the page's own clock.

The browser has a profile on disk, as people's have: a window without one keeps no compiled WebAssembly and compiles the
decoder's runtime anew on each load.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.run import Row
from tools import chromium
from tools.real_server import Api, RealServer

NEXT_MS, BACK_MS, AGAIN_MS, FIRST_MS = 150.0, 400.0, 800.0, 2500.0
FIRST_LOADS = 2
REPEATS = 6
EMBEDDINGS_SECONDS = 600
SETTLE_MS = 1500
COMPILED_MS = 6000
"""Until the browser has written down what it compiled, and the page has installed its service worker."""

PATIENCE_MS = 120_000

# Resolves with the page's clock when the image that is shown can be clicked and is another one than `before`.
WHEN_READY = """(before) => new Promise((resolve) => {
  const { body } = document;
  const look = () => {
    const { ready, embedding, imageId } = body.dataset;
    if (ready !== "true" || embedding !== "ready" || imageId === before) return;
    observer.disconnect();
    resolve(performance.now());
  };
  const observer = new MutationObserver(look);
  observer.observe(body, { attributes: true });
  look();
})"""
KEY_PRESSED = """() => {
  window.pressedAt = new Promise((resolve) =>
    window.addEventListener("keydown", () => resolve(performance.now()), { capture: true, once: true }));
}"""


def run(quick: bool) -> Iterator[Row]:
    """Medians and 95th percentiles, milliseconds, each as soon as it is known."""
    repeats = 2 if quick else REPEATS
    first: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-open-") as folder,
        RealServer(Path(folder) / "instance") as server,
        sync_playwright() as playwright,
    ):
        api = Api(server.base_url, server.link)
        urls = _images_with_embeddings(api)
        for number in range(2 if quick else FIRST_LOADS):
            profile = Path(folder) / f"profile-{number}"
            with _browser(playwright, profile, api) as page:
                first.append(_load(page, urls[0]))
        yield from _rows("whole page, first load", first, FIRST_MS)
        with _browser(playwright, profile, api) as page:
            _load(page, urls[0])  # the profile of the last first load: what it compiled is kept by now
            stepped: dict[str, list[float]] = {"d": [], "a": []}
            for _ in range(repeats):
                for key in ("d", "a"):
                    page.wait_for_timeout(SETTLE_MS)
                    stepped[key].append(_step(page, key))
            yield from _rows("next image (D), fetched ahead", stepped["d"], NEXT_MS)
            yield from _rows("previous image (A)", stepped["a"], BACK_MS)
            loaded = [_load(page, urls[index % len(urls)]) for index in range(repeats)]
            yield from _rows("whole page, loaded again", loaded, AGAIN_MS)


@contextmanager
def _browser(playwright: Playwright, profile: Path, api: Api) -> Iterator[Page]:
    """A signed-in page of a browser with this profile, which is kept."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=str(chromium.find()),
        args=["--no-sandbox", "--disable-dev-shm-usage"],
        base_url=api.base_url,
        viewport={"width": 1280, "height": 800},
    )
    context.add_cookies(api.storage_state()["cookies"])
    context.set_default_timeout(PATIENCE_MS)
    page = context.pages[0]
    yield page
    page.wait_for_timeout(COMPILED_MS)
    context.close()


def _images_with_embeddings(api: Api) -> list[str]:
    """Page addresses of the demo's images once all of them have an embedding."""
    deadline = time.monotonic() + EMBEDDINGS_SECONDS
    while True:
        project = api.get("/projects").body["projects"][0]
        if project["embeddings"]["ready"] >= project["counts"]["images"] > 0:
            break
        if project["embeddings"]["failed"] or time.monotonic() > deadline:
            raise RuntimeError(f"the demo's embeddings did not get ready: {project['embeddings']}")
        time.sleep(1)
    images: list[dict[str, Any]] = api.get(f"/projects/{project['id']}/images").body["images"]
    return [f"/projects/{project['id']}/images/{image['id']}" for image in images]


def _step(page: Page, key: str) -> float:
    """Milliseconds from the key to the next image's first possible click."""
    before = page.evaluate("document.body.dataset.imageId")
    page.evaluate(KEY_PRESSED)
    page.keyboard.press(key)
    ready: float = page.evaluate(WHEN_READY, before)
    pressed: float = page.evaluate("window.pressedAt")
    return ready - pressed


def _load(page: Page, url: str) -> float:
    """Milliseconds from the start of the navigation to the first possible click."""
    page.wait_for_timeout(SETTLE_MS)
    page.goto(url, wait_until="commit")
    page.wait_for_selector("body")
    ready: float = page.evaluate(WHEN_READY, None)
    return ready


def _rows(name: str, times: list[float], target: float) -> list[Row]:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    p50 = statistics.median(times)
    note = f"{len(times)} times"
    return [
        {
            "name": f"{name}, p50",
            "value": p50,
            "unit": "ms",
            "target": target,
            "ok": p50 <= target,
            "note": note,
        },
        {"name": f"{name}, p95", "value": p95, "unit": "ms", "target": None, "ok": None, "note": note},
    ]
