"""The line at the bottom: model, backend, times of the last click, connection, unsaved work."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import bench, click, image, middle

__all__ = ["bench", "image"]  # fixtures


def away(page: Page) -> None:
    for address in ("**/api/**", "**/healthz"):
        page.route(address, lambda route: route.abort())


def test_model_backend_and_times_in_short_and_in_full(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    page = bench.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    line = page.get_by_role("contentinfo", name="Status")
    expect(line).to_contain_text(re.compile(r"Ready.*bundled · WASM × \d+ threads?"))
    click(bench, *middle(image))
    expect(line).to_contain_text(re.compile(r"\d+(\.\d)? ms: decode [\d.]+, upsample [\d.]+, paint [\d.]+"))
    bench.wait_for(webgpu="absent", backend="wasm")
    assert not any("webgpu" in url for url in asked), "its runtime is not fetched without a card"
    page.locator(".wb-status-open").click()
    full = page.get_by_role("dialog", name="Status in full")
    for words in (
        "Runs on",
        "WebGPUNo graphics card here",
        "Threads allowedYes",
        "Decode",
        "Upsample",
        "Paint",
        "Last click",
        "ServerAnswers",
    ):
        expect(full).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(full).to_be_hidden()
    bench.wait_for(draft="mask")  # Esc closed the popover alone


def test_a_server_that_is_away_is_told_and_asked_again(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    page = bench.page
    line = page.get_by_role("contentinfo", name="Status")
    away(page)
    click(bench, *middle(image))
    bench.press("Enter")
    bench.wait_for(connection="unreachable", pending="1")
    expect(line).to_contain_text("Server unreachable · ")
    expect(line).to_contain_text("1 change to save")
    expect(line).to_contain_text(re.compile(r"again in \d+ s"))
    with page.expect_request("**/healthz"):  # at once, or when its time has come
        page.get_by_role("button", name="Server unreachable").dispatch_event("click")
    page.unroute_all()
    bench.wait_for(connection="online")
    bench.wait_until_saved()
    expect(page.get_by_role("button", name="Server unreachable")).to_be_hidden()
    expect(line).to_contain_text("The server answers again.")


def test_no_network_is_told_before_anything_is_asked(bench: WorkbenchPage, context: BrowserContext) -> None:
    context.set_offline(True)
    expect(bench.page.get_by_role("button", name="No network")).to_be_visible()
    context.set_offline(False)
    bench.wait_for(connection="online")
