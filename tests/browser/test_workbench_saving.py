"""Nothing is lost and nothing is overwritten: reloads, a lost connection, a colleague, an image that is not ready."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, bench, click, decode, image, middle, saved_on, sendable
from tools.real_server import Api, RealServer

__all__ = ["bench", "image"]  # fixtures


def test_reload_keeps_the_draft_and_the_objects(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    click(bench, *middle(image))
    accept(bench)
    [kept] = saved_on(api, image["id"])
    click(bench, *middle(image, -80, -60))
    bench.press("b")
    bench.drag((30, 30), (60, 40))
    bench.page.wait_for_timeout(600)  # the draft is written shortly after the last change
    before = bench.look()
    bench.page.reload()
    bench.wait_until_ready()
    bench.wait_for(draft="mask", objects="1")
    assert (bench.look() == before).all()
    accept(bench)
    assert len(saved_on(api, image["id"])) == 2
    assert kept["segmentation"] in [annotation["segmentation"] for annotation in saved_on(api, image["id"])]


def test_work_goes_on_offline_and_is_sent_afterwards(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], context: BrowserContext
) -> None:
    context.set_offline(True)
    click(bench, *middle(image))
    bench.press("Enter")
    bench.wait_for(save_state="offline", pending="1")
    assert saved_on(api, image["id"]) == []
    context.set_offline(False)
    bench.wait_until_saved()
    assert len(saved_on(api, image["id"])) == 1


def test_a_server_restart_loses_nothing(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], server: RealServer
) -> None:
    server.stop()
    try:
        click(bench, *middle(image))
        bench.press("Enter")
        bench.wait_for(save_state="offline")
    finally:
        server.start()
    bench.wait_until_saved()
    [annotation] = saved_on(api, image["id"])
    assert decode(annotation).any()


@pytest.mark.parametrize("choice", ["Keep mine", "Use theirs"])
def test_a_colleagues_change_is_asked_about(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], demo: dict[str, Any], choice: str
) -> None:
    click(bench, *middle(image))
    accept(bench)
    [first] = saved_on(api, image["id"])
    mine, theirs = demo["categories"][1]["id"], demo["categories"][2]["id"]
    changed = api.call(
        "PUT",
        f"/annotations/{first['id']}",
        {**sendable(first), "category_id": theirs},
        {"If-Match": f'"{first["revision"]}"'},
    )
    assert changed.status == 200, changed.body
    bench.page.locator(".wb-object-open").click()
    bench.wait_for(draft="saved")
    bench.press("2")
    dialog = bench.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Someone else changed this object")
    assert saved_on(api, image["id"])[0]["category_id"] == theirs, "nothing is overwritten before the answer"
    dialog.get_by_role("button", name=choice).click()
    bench.wait_until_saved()
    assert saved_on(api, image["id"])[0]["category_id"] == (mine if choice == "Keep mine" else theirs)


def test_an_unprepared_image_becomes_usable_by_itself(
    page: Page, demo: dict[str, Any], image: dict[str, Any], api: Api
) -> None:
    asked = 0

    def not_yet(route: Route) -> None:
        """The server's answer, as if the embedding were still being computed."""
        nonlocal asked
        asked += 1
        answer = route.fetch()
        if asked > 4 or route.request.method != "GET":
            route.fulfill(response=answer)
            return
        body = answer.json()
        waiting = {"state": "queued", "url": None, "message": "Number 2 in the queue, about 4 s"}
        route.fulfill(response=answer, json={**body, "embedding": {**body["embedding"], **waiting}})

    page.route(f"**/api/v1/images/{image['id']}", not_yet)
    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_for(ready="true", embedding="queued")
    expect(page.locator("#preparing")).to_contain_text("Number 2 in the queue, about 4 s")
    bench.press("b")
    bench.drag((30, 30), (60, 40))
    bench.wait_for(draft="mask")
    bench.wait_until_ready()
    expect(page.locator("#preparing")).to_be_hidden()
    bench.press("s")
    click(bench, *middle(image))
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert decode(annotation)[35, 45], "the stroke from before is kept beside the model's mask"


def test_a_failed_preparation_says_why_and_can_be_repeated(
    page: Page, demo: dict[str, Any], image: dict[str, Any]
) -> None:
    broken = True

    def failing(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        failed = {"state": "failed", "url": None, "message": "The file could not be read."}
        route.fulfill(
            response=answer, json={**body, "embedding": {**body["embedding"], **(failed if broken else {})}}
        )

    page.route(f"**/api/v1/images/{image['id']}", failing)
    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(page)
    bench.wait_for(ready="true", embedding="failed")
    expect(page.locator("#preparing")).to_contain_text("The file could not be read.")
    broken = False
    page.get_by_role("button", name="Try again").click()
    bench.wait_until_ready()


def test_an_object_deleted_elsewhere_is_not_brought_back_silently(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    click(bench, *middle(image))
    accept(bench)
    [first] = saved_on(api, image["id"])
    headers = {"If-Match": f'"{first["revision"]}"'}
    assert api.call("DELETE", f"/annotations/{first['id']}", headers=headers).status == 204
    bench.page.locator(".wb-object-open").click()
    bench.wait_for(draft="saved")
    bench.press("2")
    dialog = bench.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Someone else deleted this object")
    dialog.get_by_role("button", name="Use theirs").click()
    bench.wait_for(objects="0")
    bench.wait_until_saved()
    assert saved_on(api, image["id"]) == []
