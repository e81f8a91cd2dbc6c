"""Several objects at once: selecting, combining, order, copies, locks, overlaps, and many objects from many clicks."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pycocotools import mask as coco_mask

from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import Mask, accept, bench, decode, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

Box = tuple[int, int, int, int]
# x0, y0, x1, y1, half-open: A and B overlap, C lies apart and has two parts.
A, B, C, FAR = (60, 60, 160, 160), (120, 120, 220, 220), (260, 60, 300, 100), (340, 60, 360, 80)


def block(image: dict[str, Any], *boxes: Box) -> Mask:
    mask = np.zeros((image["height"], image["width"]), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def put(api: Api, image: dict[str, Any], z: int, category: int, *boxes: Box) -> str:
    mask = np.asfortranarray(block(image, *boxes).astype(np.uint8))
    identifier = str(uuid.uuid4())
    body = {
        "image_id": image["id"],
        "category_id": category,
        "segmentation": {
            "size": [image["height"], image["width"]],
            "counts": coco_mask.encode(mask)["counts"].decode(),
        },
        "source": "manual",
        "z": z,
    }
    made = api.call("PUT", f"/annotations/{identifier}", body, {"If-None-Match": "*"})
    assert made.status in (200, 201), made.body
    return identifier


@pytest.fixture
def three(
    page: Page, demo: dict[str, Any], api: Api, image: dict[str, Any], bench: WorkbenchPage
) -> dict[str, str]:
    """The objects A, B and C, bottom first, on the clean photograph; their ids by letter."""
    first, second = (category["id"] for category in demo["categories"][:2])
    ids = {
        "A": put(api, image, 1, first, A),
        "B": put(api, image, 2, second, B),
        "C": put(api, image, 3, first, C, FAR),
    }
    page.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="3")
    bench.press("v")
    return ids


def row(bench: WorkbenchPage, identifier: str) -> Any:
    return bench.page.locator(f'.wb-object[data-id="{identifier}"]')


def choose(bench: WorkbenchPage, *identifiers: str) -> None:
    for number, identifier in enumerate(identifiers):
        modifiers: Any = ["Control"] if number else []
        row(bench, identifier).locator(".wb-object-open").click(modifiers=modifiers)
        if number:
            bench.wait_for(chosen=str(number + 1))
        else:
            bench.wait_for(draft="saved")


def shift_click(bench: WorkbenchPage, x: int, y: int) -> None:
    bench.page.keyboard.down("Shift")
    bench.click(x, y)
    bench.page.keyboard.up("Shift")


def seen(bench: WorkbenchPage) -> np.ndarray:
    """The stage without its border, which shows where the keyboard is."""
    return bench.look()[8:-8, 8:-8]


def masks(api: Api, image: dict[str, Any]) -> dict[str, Mask]:
    return {annotation["id"]: decode(annotation) for annotation in saved_on(api, image["id"])}


def same(one: dict[str, Mask], other: dict[str, Mask]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


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
    all_shown = bench.look()

    choose(bench, three["C"])
    bench.press("Shift+S", "Escape")
    bench.wait_for(draft="none")
    alone = bench.at_pixels(bench.look(), image["height"], image["width"])
    usual = bench.at_pixels(all_shown, image["height"], image["width"])
    changed = differs(alone, usual)
    assert changed[80, 80], "A is not shown"
    assert not changed[80, 280], "C is"
    bench.press("Shift+S")
    again = bench.at_pixels(bench.look(), image["height"], image["width"])
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


def test_many_clicks_make_many_objects(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    page = bench.page
    bench.press("q")
    expect(page.get_by_role("button", name="One object a click")).to_have_attribute("aria-pressed", "true")
    for number, offset in enumerate((-90, 0, 90), start=1):
        bench.click(*middle(image, dx=offset))
        bench.wait_for(waiting=str(number), draft="none")
    bench.drag(middle(image, -60, -60), middle(image, 60, 60))
    bench.wait_for(waiting="4", steps="4")
    bench.click(*middle(image, dx=2, dy=2), button="right")
    bench.wait_for(waiting="4", steps="5")
    assert saved_on(api, image["id"]) == []
    bench.wait_for(kept="5")
    page.reload()
    bench.wait_until_ready()
    bench.wait_for(waiting="4", steps="5")
    bench.press("Control+z", "Control+z")
    bench.wait_for(waiting="3")
    bench.press("2", "Enter")
    bench.wait_for(waiting="0", objects="3")
    bench.wait_until_saved()
    saved = saved_on(api, image["id"])
    assert [annotation["state"] for annotation in saved] == ["accepted"] * 3
    assert len({json.dumps(annotation["prompts"]) for annotation in saved}) == 3
    assert len({annotation["category_id"] for annotation in saved}) == 1
    bench.press("Control+z")
    bench.wait_for(waiting="3")
    bench.wait_until_saved()
    assert saved_on(api, image["id"]) == []
    bench.press("Escape")
    bench.wait_for(waiting="0", objects="0")


def test_similar_objects_are_proposed_and_decided(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    bench.press("Shift+Q")
    expect(page.get_by_text("Accept one object first")).to_be_visible()
    bench.click(*middle(image))
    bench.wait_for(draft="mask")
    bench.wait_until_decoded()
    accept(bench)
    bench.press("Shift+Q")
    bench.wait_until_decoded()
    nothing = page.get_by_text("Nothing similar was found")
    found = page.locator("body:not([data-waiting='0'])")
    expect(nothing.or_(found).first).to_be_attached()
    [example] = masks(api, image).values()
    for annotation in page.locator(".wb-object-open").all()[:-1]:
        expect(annotation).to_contain_text("pending")
    bench.press("Escape")
    bench.wait_for(waiting="0", objects="1")
    assert np.array_equal(next(iter(masks(api, image).values())), example)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_objects_of_a_few_pixels_are_made_seen_kept_and_exported(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], demo: dict[str, Any], size: int
) -> None:
    page = bench.page
    x, y = 120, 90
    blank = seen(bench)
    for _ in range(40):
        if bench.view()[0] >= 24:
            break
        page.mouse.move(*bench.to_screen(x, y))
        page.mouse.wheel(0, -200)
        bench.settle()
    bench.press("p")
    edge = size - 0.55
    for corner in ((x - 0.45, y - 0.45), (x + edge, y - 0.45), (x + edge, y + 0.45), (x - 0.45, y + 0.45)):
        bench.click(*corner)
    bench.press("Enter")
    bench.wait_for(draft="mask")
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert annotation["bbox"] == [x, y, size, 1]
    assert annotation["area"] == size
    bench.press("f")
    ring = differs(seen(bench), blank, 40)
    assert ring.sum() > 30, "a ring shows where it is"
    page.reload()
    bench.wait_until_ready()
    assert np.array_equal(differs(seen(bench), blank, 40), ring)

    job = api.wait_for_job(api.post(f"/projects/{demo['id']}/exports").body["id"])
    file = api.get(job["result"]["url"]).body
    [exported] = [row for row in file["annotations"] if row["area"] == size]
    assert np.array_equal(decode(exported), block(image, (x, y, x + size, y + 1)))
