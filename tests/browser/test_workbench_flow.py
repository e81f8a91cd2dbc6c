"""A day's flow: from image to image, filters, skipping, the palette, notes, and a hint when an object takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

EMBEDDED_SECONDS = 120


@pytest.fixture
def images(demo: dict[str, Any], api: Api, image: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """All demo photographs, new and embedded; put back afterwards."""
    deadline = time.monotonic() + EMBEDDED_SECONDS
    while api.get(f"/projects/{demo['id']}").body["embeddings"]["pending"]:
        assert time.monotonic() < deadline, "the demo images were not embedded in time"
        time.sleep(0.5)
    found: list[dict[str, Any]] = api.get(f"/projects/{demo['id']}/images").body["images"]
    yield found
    for each in found:
        assert api.call("PATCH", f"/images/{each['id']}", {"status": "new"}).status == 200


def status_of(api: Api, image: dict[str, Any]) -> tuple[str, str | None]:
    found = api.get(f"/images/{image['id']}").body
    return found["status"], found["skip_reason"]


def test_the_queue_leads_to_what_needs_work(
    images: list[dict[str, Any]], bench: WorkbenchPage, api: Api
) -> None:
    page = bench.page
    api.call("PATCH", f"/images/{images[1]['id']}", {"status": "done"})

    bench.press("k")
    page.get_by_role("dialog", name="Skip this image?").get_by_role("button", name="Blurred").click()
    bench.wait_for(image_id=str(images[1]["id"]))
    assert status_of(api, images[0]) == ("skipped", "Blurred or too dark")

    bench.press("n")
    bench.wait_for(image_id=str(images[2]["id"]))

    bench.press("g")
    browser = page.get_by_role("dialog", name="Images")
    browser.get_by_role("button", name="Needs me").click()
    expect(browser.get_by_role("status")).to_have_text(f"{len(images) - 2} images")
    browser.get_by_role("searchbox").fill(images[5]["name"])
    expect(browser.get_by_role("status")).to_have_text("1 image")
    page.keyboard.press("Enter")
    bench.wait_for(image_id=str(images[5]["id"]))
    expect(page.locator(".wb-browse")).to_contain_text("Needs me")

    api.call("PATCH", f"/images/{images[4]['id']}", {"status": "done"})
    page.reload()
    bench.wait_until_ready()
    bench.press("a")  # the filter leaves out the image before
    bench.wait_for(image_id=str(images[3]["id"]), embedding="ready")
    bench.press("Control+Enter")
    bench.wait_for(image_id=str(images[5]["id"]))
    assert status_of(api, images[3]) == ("done", None)

    bench.press("g")
    browser.get_by_role("button", name="All", exact=True).click()
    expect(browser.get_by_role("status")).to_have_text(f"{len(images)} images")
    browser.get_by_role("button", name=images[0]["name"]).click()
    bench.wait_for(image_id=str(images[0]["id"]))
    expect(page.locator(".wb-browse")).not_to_contain_text("Needs me")
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name="Complete", exact=True)).to_be_visible()
    assert status_of(api, images[0]) == ("new", None)


def test_the_next_images_are_here_before_they_are_asked_for(
    images: list[dict[str, Any]], bench: WorkbenchPage, context: BrowserContext, api: Api
) -> None:
    bench.wait_for(ahead="3")
    context.set_offline(True)
    bench.press("d")
    bench.wait_for(image_id=str(images[1]["id"]), embedding="ready")
    click(bench, *middle(images[1]))
    bench.press("Escape")
    context.set_offline(False)
    switches = bench.page.evaluate(
        "() => performance.getEntriesByName('image-switch').map((entry) => entry.duration)"
    )
    assert len(switches) == 2
    assert switches[1] < 1500, "150 ms on a free machine; this one may be busy"


def test_what_was_fetched_ahead_is_brought_up_to_date(
    images: list[dict[str, Any]], bench: WorkbenchPage, api: Api, demo: dict[str, Any]
) -> None:
    bench.wait_for(ahead="3")
    height, width = images[1]["height"], images[1]["width"]
    body = {
        "image_id": images[1]["id"],
        "category_id": None,
        "segmentation": {"size": [height, width], "counts": counts_of_all(height * width)},
        "source": "manual",
    }
    path = "/annotations/11111111-2222-4333-8444-555555555555"
    made = api.call("PUT", path, body, headers={"If-None-Match": "*"})
    assert made.status == 201
    bench.press("d")
    bench.wait_for(image_id=str(images[1]["id"]), objects="1")
    assert api.call("DELETE", path, headers={"If-Match": '"1"'}).status == 204


def counts_of_all(pixels: int) -> str:
    """COCO's compressed counts of a mask that covers everything: a run of no background, then all pixels."""
    text, value, more = "0", pixels, True
    while more:
        digit, value = value & 31, value >> 5
        more = value != 0 or bool(digit & 16)
        text += chr((digit | (32 if more else 0)) + 48)
    return text


def test_the_palette_finds_labels_and_commands(
    bench: WorkbenchPage, demo: dict[str, Any], image: dict[str, Any]
) -> None:
    page = bench.page
    third = demo["categories"][2]["name"]
    bench.press("b", "Control+k")
    palette = page.get_by_role("dialog", name="Go to")
    palette.get_by_role("combobox").fill(third[:4])
    expect(palette.get_by_role("option").first).to_contain_text(third)
    page.keyboard.press("Enter")
    expect(palette).to_be_hidden()
    expect(page.get_by_role("radio", name=third)).to_be_checked()
    bench.wait_for(tool="brush")  # a label keeps the tool

    bench.press("Control+k")
    palette.get_by_role("combobox").fill("eras")
    page.keyboard.press("Enter")
    bench.wait_for(tool="eraser")
    page.reload()
    bench.wait_until_ready()
    expect(page.get_by_role("radio", name=third)).to_be_checked()
    page.keyboard.press("1")
    expect(page.get_by_role("radio", name=demo["categories"][0]["name"])).to_be_checked()


def test_notes_and_attributes_are_kept_with_the_object(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    click(bench, *middle(image))
    accept(bench)
    page.locator(".wb-object-open").first.click()
    note = page.get_by_label("Note on this object")
    note.fill("tail is hidden, b is no tool here")
    page.get_by_role("button", name="Attribute", exact=True).click()
    page.get_by_label("Attribute name").fill("occluded")
    page.get_by_label("Attribute value").fill("partly")
    page.keyboard.press("Enter")
    bench.wait_until_saved()
    [saved] = saved_on(api, image["id"])
    assert saved["note"] == "tail is hidden, b is no tool here"
    assert saved["attributes"] == {"occluded": "partly"}
    bench.press("Control+z")
    expect(page.get_by_label("Attribute name")).to_have_count(0)
    bench.press("Control+Shift+z")
    page.get_by_role("button", name="Remove attribute").click()
    bench.wait_until_saved()
    [saved] = saved_on(api, image["id"])
    assert (saved["note"], saved["attributes"]) == ("tail is hidden, b is no tool here", {})


def work(page: Page, seconds: int) -> None:
    """Time passes while the pointer moves."""
    for second in range(0, seconds, 5):
        page.clock.fast_forward(5000)
        page.mouse.move(500 + second % 7, 400)


def test_a_hint_after_30_seconds_of_work(
    page: Page, demo: dict[str, Any], image: dict[str, Any], api: Api
) -> None:
    page.clock.install()
    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    hint = page.get_by_text("30 s on this object")
    bench.press("b")
    bench.drag((30, 30), (60, 40))
    work(page, 20)
    page.clock.fast_forward(60_000)  # a break is no work
    expect(hint).to_be_hidden()
    work(page, 20)
    expect(hint).to_be_visible()
    page.get_by_role("button", name="Don't remind me").click()
    expect(hint).to_be_hidden()
    bench.press("Escape")
    bench.drag((30, 30), (60, 40))
    work(page, 40)
    expect(page.get_by_text("s active")).to_be_visible()
    expect(hint).to_be_hidden()
