"""Opening the workbench again asks the server for nothing that it has given before, and brings its icons along."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import image

__all__ = ["image"]  # a fixture

FETCHED = """() => performance.getEntriesByType("resource")
  .filter(({ transferSize }) => transferSize > 0)
  .map(({ name }) => new URL(name).pathname)"""
LOADED = """() => performance.getEntriesByType("resource")
  .map(({ name }) => new URL(name).pathname)
  .filter((path) => path.startsWith("/assets/"))"""
ICONS = """() => Array.from(document.querySelectorAll("use"), (use) => use.getAttribute("href"))"""


def opened(page: Page, image: dict[str, Any]) -> WorkbenchPage:
    page.goto(f"/projects/{image['project_id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    return bench


def test_files_are_fetched_once(page: Page, image: dict[str, Any]) -> None:
    opened(page, image)
    assert any(path.endswith("/workbench.js") for path in page.evaluate(FETCHED))
    opened(page, image)
    loaded = page.evaluate(LOADED)
    assert len(loaded) > 100, "styles, scripts, the decoder's runtime"
    again = [path for path in page.evaluate(FETCHED) if not path.startswith("/api/")]
    assert again == []
    assert len({path.split("/")[2] for path in loaded}) == 1, "one version"


def test_icons_come_with_the_page(page: Page, image: dict[str, Any]) -> None:
    opened(page, image)
    icons = page.evaluate(ICONS)
    assert len(icons) > 20
    missing = [icon for icon in icons if page.locator(f"symbol{icon}").count() != 1]
    assert missing == []
