"""The undo history outlives the page: steps are listed, walked by click, and go on after a reload."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


def test_steps_are_listed_and_go_on_after_a_reload(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    page.locator("#steps summary").click()
    blank = bench.look()
    click(bench, *middle(image))
    clicked = bench.look()
    bench.press("b")
    bench.drag((30, 30), (60, 40))
    bench.press("2")
    painted = bench.look()
    accept(bench)
    [saved] = saved_on(api, image["id"])
    bench.wait_for(steps="4", kept="4")

    page.reload()
    bench.wait_until_ready()
    steps = page.locator(".wb-step")
    expect(steps).to_have_text(["Image opened", "Point", "Brush", "Label", "Accept"])
    expect(page.locator(".wb-step[aria-current=step]")).to_have_text("Accept")
    bench.press("Control+z")
    bench.wait_for(draft="mask", objects="0", steps="3")
    bench.wait_until_saved()
    assert saved_on(api, image["id"]) == [], "undo reaches the server"
    assert (bench.look() == painted).all()
    bench.wait_for(kept="3")

    page.reload()
    bench.wait_until_ready()
    assert (bench.look() == painted).all()
    steps.nth(1).click()
    bench.wait_for(steps="1")
    assert (bench.look() == clicked).all()
    expect(page.locator(".wb-step.is-undone")).to_have_text(["Brush", "Label", "Accept"])
    steps.nth(0).click()
    bench.wait_for(draft="none", steps="0", kept="0")
    assert (bench.look() == blank).all()

    page.reload()
    bench.wait_until_ready()
    steps.nth(4).click()
    bench.wait_for(draft="none", objects="1", steps="4")
    bench.wait_until_saved()
    [again] = saved_on(api, image["id"])
    assert again["segmentation"] == saved["segmentation"]
    assert again["category_id"] == saved["category_id"]
