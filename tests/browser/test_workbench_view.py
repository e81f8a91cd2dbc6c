"""Looking and moving about: zoom, pan, neighbours, what is shown, keys and tools that clean up after themselves."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import accept, bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


def test_the_wheel_zooms_at_the_pointer_and_space_pans(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    x, y = middle(image, 40, 30)
    before = bench.to_screen(x, y)
    scale = bench.view()[0]
    bench.page.mouse.move(*before)
    bench.page.mouse.wheel(0, -600)
    bench.settle()
    assert bench.view()[0] > 2 * scale
    assert bench.to_screen(x, y) == pytest.approx(before, abs=1)  # wheel events count whole pixels
    left, top = bench.view()[1:]
    bench.page.keyboard.down(" ")
    bench.page.mouse.down()
    bench.page.mouse.move(before[0] + 30, before[1] + 20, steps=3)
    bench.page.mouse.up()
    bench.page.keyboard.up(" ")
    assert bench.view()[1:] == pytest.approx((left + 30, top + 20), abs=1)
    bench.wait_for(draft="none")
    bench.press("f")
    assert bench.view()[0] == pytest.approx(scale)


def test_pixels_are_not_smoothed_above_400_percent(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    x, y = middle(image)
    bench.page.mouse.move(*bench.to_screen(x, y))
    for _ in range(3):
        bench.page.mouse.wheel(0, -600)
    bench.settle()
    scale, left, top = bench.view()
    assert scale > 8
    picture = bench.look()
    row, column = int(top + (y + 0.5) * scale), int(left + (x + 0.5) * scale)
    reach = int(scale / 2) - 2
    pixel = picture[row - reach : row + reach, column - reach : column + reach]
    assert (pixel == pixel[0, 0]).all()


def test_the_saved_mask_lies_where_it_was_clicked(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    pristine = bench.look()
    bench.press("b")
    bench.drag((60, 60), (120, 80))
    accept(bench)
    painted = differs(
        bench.at_pixels(pristine, image["height"], image["width"]),
        bench.at_pixels(bench.look(), image["height"], image["width"]),
    )
    box = np.argwhere(painted)
    x, y, width, height = saved_on(api, image["id"])[0]["bbox"]
    assert box.min(axis=0) == pytest.approx((y, x), abs=1)
    assert box.max(axis=0) == pytest.approx((y + height - 1, x + width - 1), abs=1)
    bench.press("h")
    assert not differs(bench.look(), pristine).any()
    bench.press("h")
    assert differs(bench.look(), pristine).any()


def test_hover_previews_and_leaves_nothing(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    pristine = bench.look()
    bench.page.get_by_role("button", name="Preview under the pointer").click()
    bench.page.mouse.move(*bench.to_screen(*middle(image)))
    bench.page.mouse.move(*bench.to_screen(*middle(image, 3, 3)))
    expect(bench.page.locator("body")).to_have_attribute("data-preview", "true", timeout=20_000)
    bench.page.get_by_role("button", name="Preview under the pointer").click()
    bench.wait_for(preview="false", draft="none")
    assert not differs(bench.look(), pristine).any()


def test_a_and_d_go_through_the_images(bench: WorkbenchPage, demo: dict[str, Any], api: Api) -> None:
    images = api.get(f"/projects/{demo['id']}/images").body["images"]
    bench.press("d")
    bench.wait_for(image_id=str(images[1]["id"]), embedding="ready")
    assert bench.page.url.endswith(f"/images/{images[1]['id']}")
    expect(bench.page.locator(".wb-position")).to_have_text(re.compile(rf"^2 of {len(images)}$"))
    bench.press("a")
    bench.wait_for(image_id=str(images[0]["id"]), embedding="ready")
    bench.page.go_back()
    bench.wait_for(image_id=str(images[1]["id"]))


def test_switching_images_keeps_the_draft(
    bench: WorkbenchPage, image: dict[str, Any], demo: dict[str, Any]
) -> None:
    click(bench, *middle(image))
    shown = bench.look()
    bench.press("d")
    bench.wait_for(draft="none", embedding="ready")
    bench.press("a")
    bench.wait_for(image_id=str(image["id"]), draft="mask")
    assert not differs(bench.look(), shown).any()


def test_keys_stay_out_of_dialogs_and_controls(bench: WorkbenchPage) -> None:
    bench.press("?")
    sheet = bench.page.get_by_role("dialog", name="Keyboard and mouse")
    expect(sheet).to_be_visible()
    bench.press("b")
    bench.wait_for(tool="point_box")
    bench.press("Escape")
    expect(sheet).to_be_hidden()
    bench.press("b")
    bench.wait_for(tool="brush")
    bench.page.keyboard.press("Tab")
    focused = "() => document.activeElement.tagName"
    assert bench.page.evaluate(focused) in ("A", "BUTTON")


def test_a_brush_that_is_put_away_paints_no_more(bench: WorkbenchPage) -> None:
    bench.press("b")
    bench.drag((30, 30), (60, 40))
    bench.wait_for(draft="mask")
    bench.press("Escape", "v")
    bench.wait_for(draft="none", tool="select")
    bench.drag((30, 30), (60, 40))
    bench.wait_for(draft="none")


def test_every_control_has_a_name(page: Page, bench: WorkbenchPage) -> None:
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input")]
          .filter((each) => each.checkVisibility())
          .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
