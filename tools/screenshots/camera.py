"""Pages in a real Chromium and pictures of them."""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tools import chromium
from tools.real_server import Api, RealServer

Theme = Literal["light", "dark"]
Size = tuple[int, int]
SMALL, LARGE = (1280, 800), (1920, 1080)
SIZES: tuple[Size, ...] = (SMALL, LARGE)
THEMES: tuple[Theme, ...] = ("light", "dark")

LARGEST_FILE = 300_000
"""Bytes of a picture that lives in the repository."""

PATIENCE_SECONDS = 1200
STEP_MS = 180_000
REST_MS = 500
"""After the last change: transitions have ended, and what waits for the view to rest is painted."""


@contextmanager
def page_at(browser: Browser, api: Api, size: Size, theme: Theme, **options: Any) -> Iterator[Page]:
    """A page of this size and theme, signed in unless `storage_state=None` is among the options."""
    own = {"storage_state": api.storage_state(), **options}
    context = browser.new_context(
        base_url=api.base_url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        service_workers="block",
        **own,
    )
    context.set_default_timeout(STEP_MS)
    context.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def studio() -> Iterator[tuple[Browser, Api]]:
    """A Chromium, and a fresh server with the demo project, signed in to as its administrator."""
    path = chromium.find()
    if path is None:
        raise SystemExit("no Chromium: run `make setup-tests` or name one with CHROMIUM=")
    expect.set_options(timeout=STEP_MS)
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with (
        tempfile.TemporaryDirectory() as scratch,
        RealServer(Path(scratch) / "instance") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(path), args=flags)
        yield browser, Api(server.base_url, server.link)
        browser.close()


@dataclass(frozen=True)
class Shoot:
    """What pictures are taken with and of, and where they go."""

    browser: Browser
    api: Api
    project: dict[str, Any]
    folder: Path


def save_small(page: Page, target: Path) -> None:
    """A screenshot as WebP: photographs and text in one picture are too much for a small PNG."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(REST_MS)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in (92, 86, 80, 70, 60, 50):
        shot.save(target, "WEBP", quality=quality, method=6)
        if target.stat().st_size <= LARGEST_FILE:
            print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB, quality {quality}")
            return
    raise SystemExit(f"{target.name} does not fit into {LARGEST_FILE} bytes")


def save_all(page: Page, folder: Path, name: str) -> None:
    """The page as it stands in every size and theme: PNG files named after them."""
    for size in SIZES:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(REST_MS)
            page.screenshot(path=folder / f"{name}-{size[0]}x{size[1]}-{theme}.png")


def take_each(names: list[str], take: Callable[[str], None]) -> list[str]:
    """Take the named pictures; the names of those that could not be taken."""
    return [name for name in names if not _attempt(name, take)]


def _attempt(name: str, take: Callable[[str], None]) -> bool:
    """Whether the picture could be taken; what was in the way is printed, and the others go on."""
    try:
        take(name)
    except (AssertionError, PlaywrightError) as error:
        print(f"{name}: {str(error).splitlines()[0]}", flush=True)
        return False
    print(name, flush=True)
    return True


@dataclass(frozen=True)
class View:
    """Where an image lies in the window: `at` turns fractions of the image into CSS pixels."""

    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * self.width, self.top + y * self.height


def view_of(page: Page, image: dict[str, Any]) -> View:
    """The view of the image on the workbench as it is now."""
    stage = page.locator("#stage")
    scale, x, y = (float(stage.get_attribute(f"data-{name}") or 0) for name in ("scale", "x", "y"))
    corner = stage.bounding_box()
    assert corner is not None
    return View(corner["x"] + x, corner["y"] + y, image["width"] * scale, image["height"] * scale)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {PATIENCE_SECONDS} s for {what}")
        time.sleep(0.3)
