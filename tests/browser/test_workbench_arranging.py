"""Several objects at once: selecting, combining, order."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from tests.browser.three_objects import (
    FAR,
    A,
    B,
    C,
    block,
    choose,
    masks,
    row,
    same,
    seen,
    shift_click,
    three,
)
from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import bench, image, saved_on
from tools.real_server import Api

__all__ = ["bench", "image", "three"]  # fixtures


def test_objects_are_selected_in_the_list_and_on_the_image(
    bench: WorkbenchPage, three: dict[str, str]
) -> None:
    page = bench.page
    bar = page.get_by_role("toolbar", name="Selected objects")
    bench.click(*A[:2])
    bench.wait_for(draft="saved", chosen="0")
    expect(bar).to_contain_text("1 selected")
    shift_click(bench, C[0] + 5, C[1] + 5)
    bench.wait_for(draft="none", chosen="2")
    expect(bar).to_contain_text("2 selected")
    shift_click(bench, C[0] + 5, C[1] + 5)
    bench.wait_for(draft="saved", chosen="0")
    bench.press("Escape")
    expect(bar).to_be_hidden()

    plain = seen(bench)
    bench.drag((40, 40), (230, 230))
    bench.wait_for(chosen="2")
    assert differs(seen(bench), plain).any(), "frames tell what is selected"
    bench.press("Escape")
    bench.wait_for(chosen="0")
    assert not differs(seen(bench), plain).any()
    bench.drag((310, 40), (330, 120))
    bench.wait_for(chosen="0")  # between the parts of C: its box is touched, no pixel

    bench.press("Control+a")
    bench.wait_for(chosen="3")
    bench.press("Escape")
    row(bench, three["C"]).locator(".wb-object-open").click()
    row(bench, three["A"]).locator(".wb-object-open").click(modifiers=["Shift"])
    bench.wait_for(chosen="3")
    row(bench, three["B"]).locator(".wb-object-open").click(modifiers=["Control"])
    bench.wait_for(chosen="2")
    bench.press("Escape")
    row(bench, three["C"]).locator(".wb-object-open").focus()
    page.keyboard.press("Shift+ArrowDown")
    bench.wait_for(chosen="2")
    expect(row(bench, three["B"]).locator(".wb-object-open")).to_be_focused()


def test_merging_is_seen_first_and_is_one_step(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str]
) -> None:
    page = bench.page
    before = masks(api, image)
    choose(bench, three["B"], three["A"])
    plain = seen(bench)
    bench.press("j")
    card = page.get_by_role("dialog", name="Combine objects")
    expect(card).to_contain_text("−1 object")
    assert differs(seen(bench), plain).any()
    bench.press("Escape")
    expect(card).to_be_hidden()
    assert not differs(seen(bench), plain).any()
    assert same(masks(api, image), before)

    bench.press("j", "Enter")
    bench.wait_for(objects="2", steps="1", chosen="1")
    bench.wait_until_saved()
    merged = masks(api, image)
    assert set(merged) == {three["B"], three["C"]}
    assert np.array_equal(merged[three["B"]], block(image, A, B))
    bench.wait_for(kept="1")
    page.reload()
    bench.wait_until_ready()
    bench.press("Control+z")
    bench.wait_for(objects="3", steps="0")
    bench.wait_until_saved()
    assert same(masks(api, image), before), "one undo brings all back, after a reload as well"


def test_subtract_and_split(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str]
) -> None:
    page = bench.page
    choose(bench, three["A"], three["B"])
    bench.press("Shift+J")
    card = page.get_by_role("dialog", name="Combine objects")
    expect(card).to_contain_text("Cut the others out of")
    card.get_by_role("button", name="Another").click()
    card.get_by_role("button", name="Apply").click()
    bench.wait_for(steps="1")
    bench.wait_until_saved()
    assert np.array_equal(masks(api, image)[three["B"]], block(image, B) & ~block(image, A))
    choose(bench, three["C"])
    page.get_by_role("button", name="Split into parts").click()
    bench.press("Enter")
    bench.wait_for(steps="2", objects="4")
    bench.wait_until_saved()
    found = masks(api, image)
    assert np.array_equal(found.pop(three["C"]), block(image, C))
    assert any(np.array_equal(mask, block(image, FAR)) for mask in found.values())
    bench.press("Control+z", "Control+z")
    bench.wait_until_saved()
    assert len(masks(api, image)) == 3


def test_the_order_decides_what_is_drawn_and_hit(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], three: dict[str, str]
) -> None:
    both = (140, 140)
    plain = seen(bench)
    bench.click(*both)
    expect(row(bench, three["B"])).to_have_class("wb-object is-selected")
    bench.press("Escape")
    bench.wait_for(draft="none")
    choose(bench, three["A"])
    bench.press("Shift+PageUp")
    bench.wait_for(steps="1")
    bench.press("Escape")
    bench.wait_for(draft="none")
    assert differs(seen(bench), plain).any()
    bench.wait_until_saved()
    order = [a["id"] for a in sorted(saved_on(api, image["id"]), key=lambda a: a["z"])]
    assert order == [three["B"], three["C"], three["A"]]
    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.page.locator(".wb-object").first).to_have_attribute("data-id", three["A"])
    bench.press("v")
    bench.click(*both)
    expect(row(bench, three["A"])).to_have_class("wb-object is-selected")
    bench.press("PageDown")
    bench.wait_for(steps="2")
    bench.press("Escape", "Control+z", "Control+z")
    bench.wait_for(draft="none")
    assert not differs(seen(bench), plain).any()
