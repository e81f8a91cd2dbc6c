"""Copies, locks, hiding, and painting without overlaps."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from tests.browser.three_objects import FAR, A, C, block, choose, masks, row, same, seen, three
from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import accept, bench, image, saved_on
from tools.real_server import Api

__all__ = ["bench", "image", "three"]  # fixtures


def test_copies_stay_pixel_for_pixel_on_this_and_on_another_image(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str], demo: dict[str, Any]
) -> None:
    page = bench.page
    before = masks(api, image)
    choose(bench, three["C"])
    bench.press("Control+d")
    bench.wait_for(objects="4", chosen="1")
    bench.wait_until_saved()
    [copy] = [mask for name, mask in masks(api, image).items() if name not in before]
    rows, columns = np.nonzero(copy)
    shift = rows.min() - C[1], columns.min() - C[0]
    assert shift != (0, 0)
    assert np.array_equal(np.roll(copy, (-shift[0], -shift[1]), (0, 1)), before[three["C"]])
    bench.press("Control+z")
    bench.wait_for(objects="3")

    choose(bench, three["A"], three["C"])
    bench.press("Control+c")
    others = api.get(f"/projects/{demo['id']}/images").body["images"][1:]
    other = next(each for each in others if each["width"] > FAR[2] and each["height"] > A[3])
    for annotation in saved_on(api, other["id"]):
        headers = {"If-Match": f'"{annotation["revision"]}"'}
        api.call("DELETE", f"/annotations/{annotation['id']}", headers=headers)
    page.goto(f"/projects/{demo['id']}/images/{other['id']}")
    bench.wait_until_ready()
    bench.press("Control+v")
    bench.wait_for(objects="2", chosen="2")
    bench.wait_until_saved()
    pasted = list(masks(api, other).values())
    for boxes in ((A,), (C, FAR)):
        assert any(np.array_equal(mask, block(other, *boxes)) for mask in pasted)
    bench.press("Delete")
    bench.wait_for(objects="0")
    bench.wait_until_saved()
    assert saved_on(api, other["id"]) == []


def test_locked_hidden_and_alone(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str]
) -> None:
    page = bench.page
    choose(bench, three["B"])
    bench.press("l")
    expect(row(bench, three["B"]).get_by_role("button", name="Unlock")).to_be_visible()
    bench.press("Delete")
    expect(page.get_by_text("This object is locked. Unlock it first.")).to_be_visible()
    bench.press("Escape")
    bench.wait_for(objects="3", chosen="0")
    bench.click(140, 140)
    expect(row(bench, three["A"])).to_have_class("wb-object is-selected")
    bench.press("Escape")
    bench.wait_for(draft="none")
    height, width = image["height"], image["width"]
    usual = bench.at_pixels(bench.look(), height, width)

    choose(bench, three["C"])
    bench.press("Shift+S")
    expect(row(bench, three["A"])).to_have_class("wb-object is-hidden")
    bench.press("Escape")
    bench.wait_for(draft="none")
    alone = bench.look_until(height, width, lambda colours: differs(colours, usual)[80, 80])
    changed = differs(alone, usual)
    assert changed[80, 80], "A is not shown"
    assert not changed[80, 280], "C is"
    bench.press("Shift+S")
    expect(row(bench, three["A"])).to_have_class("wb-object")
    again = bench.look_until(height, width, lambda colours: not differs(colours, usual)[80, 80])
    assert not differs(again, usual)[80, 80], "A is back"

    choose(bench, three["A"])
    bench.press("Shift+H", "Escape")
    bench.wait_for(draft="none", chosen="0")
    page.reload()
    bench.wait_until_ready()
    expect(row(bench, three["A"]).get_by_role("button", name="Show")).to_be_attached()
    expect(row(bench, three["B"]).get_by_role("button", name="Unlock")).to_be_attached()
    assert len(masks(api, image)) == 3


def test_without_overlaps_painting_takes_from_what_lies_underneath(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str]
) -> None:
    before = masks(api, image)
    row(bench, three["B"]).hover()
    row(bench, three["B"]).get_by_role("button", name="Lock").click()
    bench.press("p")
    bench.drag((100, 100), (150, 100), (150, 150), (100, 150))
    bench.wait_for(draft="mask")
    overlapping = seen(bench)
    bench.press("x")
    assert differs(seen(bench), overlapping).any(), "what will go is gone at once"
    accept(bench)
    found = masks(api, image)
    [drawn] = [mask for name, mask in found.items() if name not in before]
    assert drawn.sum() > 1000
    assert np.array_equal(found[three["A"]], before[three["A"]] & ~drawn)
    assert np.array_equal(found[three["B"]], before[three["B"]]), "locked"
    bench.press("Control+z")
    bench.wait_until_saved()
    assert same(masks(api, image), before)
    bench.press("x")
