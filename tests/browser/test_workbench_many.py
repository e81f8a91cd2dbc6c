"""Many objects from many clicks, similar ones, and the smallest."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.three_objects import block, masks, seen
from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import accept, bench, decode, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


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
