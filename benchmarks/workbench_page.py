"""A real Chromium on the workbench, instrumented: how benchmarks open it, aim, and time what they do.

Times come from `workbench_probe.js`: from the input event's own time stamp to the end of the frame that shows its
effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.workbench_page import WorkbenchPage
from tools import chromium
from tools.real_server import Api

PROBE = Path(__file__).with_name("workbench_probe.js")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage")
AS_SOON_AS_POSSIBLE = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
"""Frames are drawn when there is something to draw, not when a screen of 60 Hz would show them."""

PATIENCE_MS = 240_000


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium.find()), args=[*FLAGS, *flags])
        yield started
        started.close()


@contextmanager
def workbench(started: Browser, api: Api, *scripts: str) -> Iterator[Page]:
    """A signed-in page of a window of its own, with the probe and these scripts; it fails on an uncaught error."""
    context = started.new_context(
        storage_state=api.storage_state(),
        base_url=api.base_url,
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    for script in scripts:
        context.add_init_script(script)
    context.add_init_script(path=PROBE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    if errors:
        raise RuntimeError(f"the page failed: {errors}")


def opened(page: Page, project: int, image: int) -> WorkbenchPage:
    """The workbench on this image, ready for clicks."""
    page.goto(f"/projects/{project}/images/{image}")
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    return bench


def begin(page: Page, call: str, argument: object) -> None:
    """Start to wait in the page, before the input that is timed; `call` is one of the probe's."""
    page.evaluate(f"(argument) => {{ window.timed = window.probe.{call}(argument); }}", argument)


def end(page: Page) -> float:
    """Milliseconds from the input to the end of the frame that shows what was waited for; fails after a minute."""
    times: dict[str, float] = page.evaluate(
        """() => Promise.race([window.timed, new Promise((_, reject) => {
          setTimeout(reject, 60_000, new Error("what was waited for did not happen"));
        })])"""
    )
    return times["painted"]
