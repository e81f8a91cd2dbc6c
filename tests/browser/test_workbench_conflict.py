"""Two people change the same object: both masks are shown, nothing is overwritten unasked, an answer can be undone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from pycocotools import mask as coco_mask

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, accept, bench, decode, image, saved_on, sendable
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

TITLE = "Someone else changed this object"


@pytest.fixture(scope="module")
def ann(api: Api, demo: dict[str, Any]) -> Api:
    """A colleague's own session."""
    person = api.post("/users", {"name": "ann-the-colleague"}).body["id"]
    api.call("PUT", f"/projects/{demo['id']}/members/{person}", {"role": "annotator"})
    return Api(api.base_url, api.post(f"/users/{person}/link").body["url"])


def disc(image: dict[str, Any], x: int, y: int, radius: int = 20) -> Mask:
    ys, xs = np.mgrid[: image["height"], : image["width"]]
    mask: Mask = np.hypot(xs - x, ys - y) <= radius
    return mask


def redraw(person: Api, annotation: dict[str, Any], mask: Mask) -> None:
    """Save another mask for an object, as somebody does who looks at its present state."""
    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    body = sendable(annotation)
    segmentation = {"size": list(mask.shape), "counts": rle["counts"].decode()}
    headers = {"If-Match": f'"{annotation["revision"]}"'}
    changed = {**body, "segmentation": segmentation, "source": "manual"}
    answer = person.call("PUT", f"/annotations/{annotation['id']}", changed, headers)
    assert answer.status == 200, answer.body


def paint(bench: WorkbenchPage, x: int, y: int) -> None:
    bench.press("b")
    bench.drag((x - 20, y), (x + 20, y))


def open_object(bench: WorkbenchPage, number: int = 0) -> None:
    bench.page.locator(".wb-object-open").nth(number).click()
    bench.wait_for(draft="saved")


@pytest.fixture
def dialog(bench: WorkbenchPage, api: Api, image: dict[str, Any], ann: Api) -> Locator:
    """The question: mine reaches to the right of what both had, Ann's is a disc elsewhere."""
    paint(bench, 60, 60)
    accept(bench)
    [first] = saved_on(api, image["id"])
    redraw(ann, first, disc(image, 60, 60))
    open_object(bench)
    paint(bench, 100, 60)
    bench.press("Enter")
    found = bench.page.get_by_role("dialog")
    expect(found).to_contain_text(TITLE)
    [there] = saved_on(api, image["id"])
    assert (decode(there) == disc(image, 60, 60)).all(), "nothing is overwritten before the answer"
    return found


def test_the_dialog_shows_both_masks_who_and_when(dialog: Locator) -> None:
    expect(dialog).to_contain_text("ann-the-colleague · just now")
    expect(dialog.get_by_text("px only in yours")).to_be_visible()
    expect(dialog.get_by_text("px only in theirs")).to_be_visible()
    colours = dialog.locator("canvas").evaluate_all(
        """(all) => all.map((canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) {
            const key = data.slice(at, at + 3).join();
            if (["0,114,189", "230,120,0", "235,235,235"].includes(key)) seen.add(key);
          }
          return [...seen].sort();
        })"""
    )
    mine, theirs, both = "0,114,189", "230,120,0", "235,235,235"
    assert colours == [[mine], [theirs], sorted([mine, theirs, both])]


@pytest.mark.parametrize("choice", ["Keep mine", "Use theirs"])
def test_one_counts_and_undo_brings_the_other_back(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], dialog: Locator, choice: str
) -> None:
    dialog.get_by_role("button", name=choice).click()
    bench.wait_until_saved()
    theirs = disc(image, 60, 60)

    def is_theirs() -> bool:
        [annotation] = saved_on(api, image["id"])
        return bool((decode(annotation) == theirs).all())

    assert is_theirs() == (choice == "Use theirs")
    bench.press("Control+z")
    if choice == "Use theirs":
        bench.wait_for(draft="none")
    bench.wait_until_saved()
    assert is_theirs() == (choice == "Keep mine")
    [annotation] = saved_on(api, image["id"])
    if choice == "Use theirs":
        assert decode(annotation)[60, 115], "what was painted beside hers is back"
    bench.press("Control+Shift+z")
    bench.wait_until_saved()
    assert is_theirs() == (choice == "Use theirs")


def test_both_are_kept_as_two_objects_by_keyboard_alone(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], dialog: Locator
) -> None:
    expect(dialog.get_by_role("button", name="Decide later")).to_be_focused()
    bench.page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Keep both")).to_be_focused()
    bench.page.keyboard.press("Enter")
    bench.wait_for(objects="2")
    bench.wait_until_saved()
    hers, mine = (decode(annotation) for annotation in saved_on(api, image["id"]))
    assert (hers == disc(image, 60, 60)).all()
    assert mine[60, 115]
    assert mine[60, 45]
    bench.page.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="2")
    bench.press("Control+z")
    bench.wait_for(objects="1")
    bench.wait_until_saved()
    [annotation] = saved_on(api, image["id"])
    assert (decode(annotation) == mine).all(), "undo takes the copy and her change back"


def test_a_decision_can_wait_and_several_are_asked_one_after_the_other(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], ann: Api
) -> None:
    for y in (60, 140):
        paint(bench, 60, y)
        accept(bench)
    bench.press("v")
    for annotation, y in zip(saved_on(api, image["id"]), (60, 140), strict=True):
        redraw(ann, annotation, disc(image, 60, y))
    dialog = bench.page.get_by_role("dialog")
    open_object(bench, 0)
    bench.press("2")
    expect(dialog).to_contain_text(TITLE)
    bench.press("Escape")
    expect(dialog).to_be_hidden()
    bench.wait_for(save_state="conflict", pending="1")
    open_object(bench, 1)
    bench.press("2")
    expect(dialog).to_contain_text(TITLE)
    bench.press("Escape")
    bench.wait_for(save_state="conflict", pending="2")
    assert {each["category_id"] for each in saved_on(api, image["id"])} == {
        each["category_id"] for each in saved_on(ann, image["id"])
    }
    bench.page.get_by_role("button", name="Conflict").click()
    expect(dialog).to_contain_text("1 more after this one.")
    dialog.get_by_role("button", name="Use theirs").click()
    expect(dialog).not_to_contain_text("more after this one")
    dialog.get_by_role("button", name="Use theirs").click()
    bench.wait_until_saved()
    masks = [decode(annotation) for annotation in saved_on(api, image["id"])]
    assert all((mask == disc(image, 60, y)).all() for mask, y in zip(masks, (60, 140), strict=True))
