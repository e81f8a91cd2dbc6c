"""The list of an image with many objects: all of them, topmost first, also while its rows are still being built."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from benchmarks.workbench_scenes import save_objects, spread_objects
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, image, middle, saved_on
from tools.real_server import Api, RealServer

__all__ = ["image"]

COUNT = 130


def test_hundreds_of_objects_are_all_listed_in_order(
    page: Page, server: RealServer, api: Api, demo: dict[str, Any], image: dict[str, Any]
) -> None:
    masks = spread_objects(image["height"], image["width"], COUNT)
    save_objects(server.instance, image["id"], demo["categories"][0]["id"], masks)
    topmost_first = [each["id"] for each in sorted(saved_on(api, image["id"]), key=lambda each: -each["z"])]

    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    rows = page.locator(".wb-object")
    expect(rows).to_have_count(COUNT)
    assert rows.evaluate_all("(rows) => rows.map((row) => row.dataset.id)") == topmost_first

    # A new object takes the top, one that goes leaves the others in their order.
    bench.press("b")
    bench.click(*middle(image))
    accept(bench)
    expect(rows).to_have_count(COUNT + 1)
    page.locator(f".wb-object[data-id='{topmost_first[-2]}']").get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(COUNT)
    listed = rows.evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    assert listed[1:] == [*topmost_first[:-2], topmost_first[-1]]
