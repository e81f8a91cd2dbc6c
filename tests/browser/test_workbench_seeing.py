"""How things are shown: masks, colours, the photograph's tones, cross-hair, overview, what is known of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Response, expect

from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import accept, bench, image
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


def view(bench: WorkbenchPage) -> Locator:
    popover = bench.page.get_by_role("dialog", name="View")
    if not popover.is_visible():
        bench.page.get_by_role("button", name="View", exact=True).click()
    expect(popover).to_be_visible()
    return popover


def look(bench: WorkbenchPage) -> np.ndarray:
    """The stage without the popover over it."""
    bench.page.keyboard.press("Escape")
    expect(bench.page.locator("#view-menu")).to_be_hidden()
    return bench.look()


def slide(bench: WorkbenchPage, name: str, value: float) -> None:
    view(bench).get_by_role("slider", name=name).fill(str(value))
    bench.settle()


def stores_outlines(answer: Response) -> bool:
    """The answer to saving the settings with outlines only."""
    sent = answer.request.post_data_json if answer.request.method == "PATCH" else None
    return bool(sent and sent["preferences"]["view"]["outlineOnly"])


def paint(bench: WorkbenchPage, *points: tuple[float, float]) -> None:
    bench.press("b")
    bench.drag(*points)
    accept(bench)


def test_masks_are_shown_as_a_person_likes(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    pristine = bench.look()
    paint(bench, (60, 60), (140, 60))
    paint(bench, (60, 140), (140, 140))
    middle = [60, 140], [100, 100]  # rows, columns inside both

    def colours() -> np.ndarray:
        picture = bench.at_pixels(look(bench), image["height"], image["width"])
        return picture[middle].astype(int)

    bare = bench.at_pixels(pristine, image["height"], image["width"])[middle].astype(int)
    normal = colours()
    slide(bench, "Mask opacity", 1)
    solid = colours()
    assert (np.abs(solid - bare).sum(1) > np.abs(normal - bare).sum(1)).all()
    assert np.abs(np.subtract(*solid)).max() <= 2, "objects of one label have one colour"
    view(bench).get_by_role("button", name="By object").click()
    assert np.abs(np.subtract(*colours())).max() > 40
    view(bench).get_by_label("Colours safe for colour blindness").check()
    safe = {(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0)}
    assert {tuple(color) for color in colours().tolist()} <= safe | {(204, 121, 167)}
    bench.press("Escape")
    with bench.page.expect_response(stores_outlines):
        bench.press("o")
    assert np.abs(colours() - bare).max() <= 2, "outlines only"
    assert differs(bench.look(), pristine).any()

    assert api.get("/me").body["user"]["preferences"]["view"]["colors"] == "object"
    bench.page.evaluate("() => localStorage.clear()")
    bench.page.reload()
    bench.wait_until_ready()
    assert np.abs(colours() - bare).max() <= 2, "kept with the account"


def test_a_dark_photograph_can_be_lit_without_touching_it(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    before = bench.look()
    inside = bench.at_pixels(before, image["height"], image["width"]).astype(int)
    slide(bench, "Brightness", 0.2)
    brighter = bench.at_pixels(look(bench), image["height"], image["width"]).astype(int)
    expected = np.minimum(inside + 51, 255)
    assert np.abs(brighter - expected).mean() < 2
    expect(bench.page.locator(".wb-view-trigger")).to_have_class(r"button small wb-view-trigger is-toned")
    slide(bench, "Brightness", 0)
    slide(bench, "Local contrast", 1)
    local = look(bench)
    assert differs(local, before).any()
    # Where nothing was toned, around the photograph, nothing changes.
    assert not differs(local, before)[:8].any()
    view(bench).get_by_role("button", name="Reset the photograph's tones").click()
    assert not differs(look(bench), before).any()


def test_crosshair_overview_and_information(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    page = bench.page
    overview = page.locator(".wb-minimap")
    expect(overview).to_be_hidden()
    bench.press("r")
    x, y = bench.to_screen(50, 70)
    page.mouse.move(x, y)
    box = page.locator(".wb-hair.across").bounding_box()
    assert box is not None
    assert box["y"] == pytest.approx(y, abs=1.5)
    box = page.locator(".wb-hair.down").bounding_box()
    assert box is not None
    assert box["x"] == pytest.approx(x, abs=1.5)
    bench.press("r")
    expect(page.locator(".wb-crosshair")).to_be_hidden()

    for _ in range(8):
        page.keyboard.press("+")
    expect(overview).to_be_visible()
    corner = overview.locator("canvas").bounding_box()
    assert corner is not None
    page.mouse.click(corner["x"] + 0.25 * corner["width"], corner["y"] + 0.75 * corner["height"])
    bench.settle()
    scale, left, top = bench.view()
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    assert (stage["width"] / 2 - left) / scale == pytest.approx(0.25 * image["width"], abs=4)
    assert (stage["height"] / 2 - top) / scale == pytest.approx(0.75 * image["height"], abs=4)
    bench.wait_for(draft="none")
    bench.press("m")
    expect(overview).to_be_hidden()

    bench.press("i")
    about = page.get_by_role("dialog", name="About this image")
    expect(about).to_contain_text(image["name"])
    expect(about).to_contain_text(f"{image['width']:,} × {image['height']:,} pixels")
