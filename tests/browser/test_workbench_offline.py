"""Hours without a server, two tabs on one image, a queue under an expired sign-in: all arrives, in order, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, pairwise, product
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.windows import PASSWORD, sign_in_as_new
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import decode, image, saved_on
from tools.real_server import Api, RealServer

__all__ = ["image"]  # a fixture

OFFLINE_MS = 90_000  # installing the service worker, and sending a long queue, on a busy machine
IMAGES, OBJECTS = 4, 25
Spot = tuple[int, int]


@pytest.fixture
def laptop(browser: Browser, browser_context_args: dict[str, Any], api: Api) -> Iterator[BrowserContext]:
    """A window as people have it: with service workers."""
    own = {"storage_state": api.storage_state(), "service_workers": "allow"}
    context = browser.new_context(**{**browser_context_args, **own})
    context.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    yield context
    context.close()


@pytest.fixture
def images(api: Api, demo: dict[str, Any]) -> list[dict[str, Any]]:
    """Some photographs in a row, without annotations, all of them prepared."""
    deadline = time.monotonic() + OFFLINE_MS / 1000
    while (
        waiting := api.get(f"/projects/{demo['id']}").body["embeddings"]["pending"]
    ) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not waiting, "the server prepares its demo images"
    found: list[dict[str, Any]] = api.get(f"/projects/{demo['id']}/images").body["images"][:IMAGES]
    for each in found:
        for annotation in saved_on(api, each["id"]):
            headers = {"If-Match": f'"{annotation["revision"]}"'}
            api.call("DELETE", f"/annotations/{annotation['id']}", headers=headers)
    return found


def opened(context: BrowserContext, image: dict[str, Any]) -> WorkbenchPage:
    page = context.new_page()
    page.goto(f"/projects/{image['project_id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    return bench


def spots(image: dict[str, Any]) -> list[Spot]:
    """Places for dabs of the smallest useful brush that do not touch each other."""
    step = 40
    columns, rows = range(step, image["width"] - step, step), range(step, image["height"] - step, step)
    return list(islice(product(columns, rows), OBJECTS))


def dab(bench: WorkbenchPage, *places: Spot) -> None:
    """One object each: a stroke and its acceptance."""
    for place in places:
        bench.click(*place)
        bench.page.keyboard.press("Enter")
    bench.wait_for(draft="none")


@pytest.mark.timeout(400)
def test_two_hundred_edits_without_a_server_arrive_in_order_and_once(
    laptop: BrowserContext, api: Api, images: list[dict[str, Any]], server: RealServer
) -> None:
    bench = opened(laptop, images[0])
    body = bench.page.locator("body")
    expect(body).to_have_attribute("data-offline", "ready", timeout=OFFLINE_MS)
    expect(body).to_have_attribute("data-ahead", "3", timeout=OFFLINE_MS)
    server.stop()
    try:
        for number, each in enumerate(images):
            bench.wait_for(image_id=str(each["id"]), embedding="ready")
            bench.press("b")
            dab(bench, *spots(each))
            bench.wait_for(objects=str(OBJECTS), save_state="offline")
            if number == 1:
                bench.click(20, 20)
                bench.wait_for(draft="mask")
                steps = body.get_attribute("data-steps") or ""
                bench.wait_for(kept=steps)
                bench.page.reload()
                bench.wait_until_ready()
                bench.wait_for(objects=str(OBJECTS), draft="mask", steps=steps)
                bench.press("Escape")
                bench.wait_for(draft="none")
            if number + 1 < len(images):
                bench.press("d")
        bench.wait_for(pending=str(IMAGES * OBJECTS))
    finally:
        server.start()
    expect(body).to_have_attribute("data-save-state", "saved", timeout=OFFLINE_MS)
    arrived = []
    for each in images:
        stored = sorted(saved_on(api, each["id"]), key=lambda annotation: annotation["z"])
        assert [annotation["revision"] for annotation in stored] == [1] * OBJECTS, "each was sent once"
        for annotation, (x, y) in zip(stored, spots(each), strict=True):
            assert decode(annotation)[y, x]
        arrived += [annotation["created_at"] for annotation in stored]
    assert all(earlier <= later for earlier, later in pairwise(arrived))


def test_what_one_person_was_shown_is_not_kept_for_the_next(
    laptop: BrowserContext, image: dict[str, Any], server: RealServer
) -> None:
    bench = opened(laptop, image)
    page = bench.page
    expect(page.locator("body")).to_have_attribute("data-offline", "ready", timeout=OFFLINE_MS)
    count = """async (name) => {
      const kept = await caches.open(name);
      return (await kept.keys()).length;
    }"""
    assert page.evaluate(count, "annotator-work") > 3
    page.goto("/account")
    assert page.evaluate(count, "annotator-embeddings") >= 1
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/signin")
    assert [page.evaluate(count, name) for name in ("annotator-work", "annotator-embeddings")] == [0, 0]


def test_two_tabs_on_one_image_keep_their_drafts_and_see_each_others_objects(
    context: BrowserContext, api: Api, image: dict[str, Any]
) -> None:
    first, second = opened(context, image), opened(context, image)
    places = {first: (60, 60), second: (140, 60)}
    for bench, place in places.items():
        bench.page.bring_to_front()
        bench.press("b")
        bench.click(*place)
        bench.wait_for(draft="mask", kept="1")
    for bench in places:
        bench.page.bring_to_front()
        bench.page.reload()
        bench.wait_until_ready()
        bench.wait_for(draft="mask")
        bench.press("Enter")
        bench.wait_for(draft="none")
        bench.wait_until_saved()
    first.wait_for(objects="2")
    second.wait_for(objects="2")
    masks = [decode(annotation) for annotation in saved_on(api, image["id"])]
    assert sorted(mask[60, 140] for mask in masks) == [False, True]
    assert sorted(mask[60, 60] for mask in masks) == [False, True]
    second.press("b")
    second.click(140, 140)
    second.wait_for(draft="mask")
    second.wait_for(kept=second.page.locator("body").get_attribute("data-steps") or "")
    second.page.close()
    third = opened(context, image)
    third.wait_for(draft="mask", objects="2")


def test_two_tabs_that_change_one_object_are_asked_which_counts(
    context: BrowserContext, api: Api, image: dict[str, Any]
) -> None:
    first = opened(context, image)
    first.press("b")
    dab(first, (100, 100))
    first.wait_until_saved()
    second = opened(context, image)
    context.set_offline(True)
    for bench, place in ((first, (100, 60)), (second, (100, 140))):
        bench.page.bring_to_front()
        bench.press("v")
        bench.click(100, 100)
        bench.wait_for(draft="saved")
        bench.press("b")
        bench.click(*place)
        bench.wait_for(draft="mask")
    for bench in (first, second):
        bench.page.bring_to_front()
        bench.press("Enter")
        bench.wait_for(draft="none")
    second.wait_for(pending="2")
    first.page.close()
    context.set_offline(False)
    dialog = second.page.get_by_role("dialog", name="Someone else changed this object")
    expect(dialog.get_by_text("You, elsewhere")).to_be_visible()
    dialog.get_by_role("button", name="Keep both").click()
    second.wait_until_saved()
    masks = [decode(annotation) for annotation in saved_on(api, image["id"])]
    assert all(mask[100, 100] for mask in masks)
    assert sorted((mask[60, 100], mask[140, 100]) for mask in masks) == [(False, True), (True, False)]


def test_a_queue_survives_an_expired_sign_in(
    visitor: Page, api: Api, demo: dict[str, Any], image: dict[str, Any]
) -> None:
    person = sign_in_as_new(visitor, api, demo, "queueing-quinn")
    visitor.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(visitor)
    bench.wait_until_ready()
    bench.press("b")
    places = spots(image)[:10]
    visitor.context.set_offline(True)
    dab(bench, *places[:5])
    bench.wait_for(save_state="offline", pending="5")
    visitor.context.clear_cookies()
    visitor.context.set_offline(False)
    bench.wait_for(save_state="signed_out", pending="5")
    dab(bench, *places[5:])
    bench.wait_for(save_state="signed_out", pending="10")
    visitor.get_by_role("button", name="Sign in to save").click()
    dialog = visitor.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    bench.wait_until_saved()
    stored = sorted(saved_on(api, image["id"]), key=lambda annotation: annotation["z"])
    assert [(each["revision"], each["created_by"]) for each in stored] == [(1, person)] * len(places)
    assert all(decode(each)[y, x] for each, (x, y) in zip(stored, places, strict=True))
