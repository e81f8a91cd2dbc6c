"""Polygon and lasso, clean-ups tried out before they are kept, and work at the size of single pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, accept, bench, decode, image, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

Box = tuple[int, int, int, int]


def block(image: dict[str, Any], box: Box) -> Mask:
    """Pixels x0 <= x <= x1, y0 <= y <= y1: bool (H, W)."""
    x0, y0, x1, y1 = box
    mask = np.zeros((image["height"], image["width"]), bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


def corners(box: Box) -> list[tuple[int, int]]:
    x0, y0, x1, y1 = box
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


def outline(bench: WorkbenchPage, box: Box, **options: Any) -> None:
    for corner in corners(box):
        bench.click(*corner, **options)


def only(api: Api, image: dict[str, Any]) -> Mask:
    [annotation] = saved_on(api, image["id"])
    return decode(annotation)


def test_polygons_and_lassos_add_and_cut(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    bench.press("p")
    bench.wait_for(tool="polygon")
    body, bite, nose = (40, 40, 160, 140), (100, 60, 200, 100), (150, 110, 190, 130)
    outline(bench, body)
    bench.wait_for(draft="none")
    bench.press("Enter")
    bench.wait_for(draft="mask", steps="1")
    bench.page.keyboard.down("Control")
    bench.drag(*corners(bite))
    bench.page.keyboard.up("Control")
    bench.wait_for(steps="2")
    outline(bench, nose)
    bench.click(*corners(nose)[0])
    bench.wait_for(steps="3")
    accept(bench)
    expected = (block(image, body) & ~block(image, bite)) | block(image, nose)
    assert iou(only(api, image), expected) > 0.97
    bench.press("Control+z", "Control+z", "Control+z")
    bench.wait_for(steps="1", draft="mask")


def test_an_outline_can_be_taken_back(bench: WorkbenchPage) -> None:
    bench.press("p")
    outline(bench, (40, 40, 160, 140))
    bench.press("Backspace", "Backspace", "Enter")
    bench.wait_for(draft="none", steps="0")
    bench.press("Escape", "Enter")
    bench.wait_for(draft="none", steps="0")
    outline(bench, (40, 40, 160, 140), button="right")
    bench.page.keyboard.press("Enter")
    expect(bench.page.get_by_text("There is nothing to cut from yet.")).to_be_visible()
    bench.wait_for(draft="none", steps="0")


def test_clean_ups_show_first_and_change_on_apply(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    card = page.get_by_role("dialog", name="Clean up the mask")
    bench.press("c")
    expect(page.get_by_text("There is no mask to clean up")).to_be_visible()
    bench.press("p")
    bench.drag(*corners((60, 60, 160, 140)))
    bench.page.keyboard.down("Control")
    bench.drag(*corners((90, 80, 110, 100)))
    bench.page.keyboard.up("Control")
    bench.drag(*corners((190, 60, 194, 64)))
    bench.wait_for(steps="3")

    bench.press("c")
    expect(card).to_be_visible()
    expect(card.get_by_text("Nothing to change")).to_be_visible()
    card.get_by_role("slider").fill("60")
    expect(card.get_by_text("+")).to_be_visible()
    bench.press("Escape")
    expect(card).to_be_hidden()
    bench.wait_for(steps="3")

    bench.press("c")
    expect(card).to_be_visible()
    bench.press("Enter")
    expect(card).to_be_hidden()
    bench.wait_for(steps="4")
    bench.press("c")
    card.get_by_role("button", name="Keep largest").click()
    bench.press("Enter")
    bench.wait_for(steps="5")
    bench.press("c")
    card.get_by_role("button", name="Grow").click()
    card.get_by_role("slider").fill("6")
    bench.click(20, 200)  # anything else takes the trial back
    expect(card).to_be_hidden()
    bench.press("Escape")
    accept(bench)
    assert iou(only(api, image), block(image, (60, 60, 160, 140))) > 0.97


def test_single_pixels_are_made_seen_and_kept(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    page = bench.page
    x, y = 120, 90
    page.evaluate("() => localStorage.setItem('annotator.brush', '0.5')")
    page.reload()
    bench.wait_until_ready()
    before = bench.look()
    bench.press("b")
    for _ in range(40):
        if bench.view()[0] >= 20:
            break
        page.mouse.move(*bench.to_screen(x, y))
        page.mouse.wheel(0, -200)
        bench.settle()
    scale = bench.view()[0]
    grid = bench.look()
    left, top = bench.to_screen(x, y)
    box = page.locator("#stage").bounding_box()
    assert box is not None
    column, row = round(left - box["x"]), round(top - box["y"])
    cell = grid[row, column - int(scale * 2) : column + int(scale * 2)].astype(int)
    steps = np.abs(np.diff(cell, axis=0)).sum(axis=1)
    assert (steps > 8).sum() >= 6, "lines stand between the pixels"
    bench.click(x, y)
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert annotation["area"] == 1
    assert annotation["bbox"] == [x, y, 1, 1]
    bench.press("f")
    after = bench.look()
    spot = bench.to_screen(x, y)
    column, row = round(spot[0] - box["x"]), round(spot[1] - box["y"])
    near = np.s_[row - 2 : row + 3, column - 2 : column + 3]
    assert np.abs(after[near].astype(int) - before[near]).max() > 40, (
        "one pixel is seen when the image is fitted"
    )
    bench.press("v")
    bench.click(x, y)
    bench.wait_for(draft="saved")
