"""The outbox where it lives: real IndexedDB and Web Locks, two tabs, the real server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tools.real_server import Api, RealServer

# Puts `window.outbox` into a signed-in page that has none of its own.
OPEN = """async () => {
  const api = await import("/static/js/api.js");
  const { Outbox } = await import("/static/js/outbox.js");
  const { user } = await api.getMe();
  window.outbox = await Outbox.open({ api, userId: user.id });
}"""
PUT = """([id, body, revision, options]) => window.outbox.put(id, body, revision, options ?? {})"""
REMOVE = """([id, imageId, revision]) => window.outbox.remove(id, imageId, revision)"""
SETTLED = """() => ["saved", "conflict"].includes(window.outbox.status.state)"""
STATE = "window.outbox.status.state"
UNREACHABLE = "() => window.outbox.status.state === 'offline'"


@pytest.fixture
def image(api: Api, demo: dict[str, Any]) -> dict[str, Any]:
    images: list[dict[str, Any]] = api.get(f"/projects/{demo['id']}/images").body["images"]
    return images[-1]


def _tab(context: BrowserContext, base_url: str) -> Page:
    """A page of the product on which no other code saves: the account page."""
    page = context.new_page()
    page.goto(f"{base_url}/account")
    page.evaluate(OPEN)
    return page


@pytest.fixture
def tabs(context: BrowserContext, server: RealServer) -> tuple[Page, Page]:
    return _tab(context, server.base_url), _tab(context, server.base_url)


def _body(image: dict[str, Any], set_pixels: int) -> dict[str, Any]:
    """A mask whose first `set_pixels` pixels of the first column are set."""
    counts = _compress([0, set_pixels, image["width"] * image["height"] - set_pixels])
    return {
        "image_id": image["id"],
        "category_id": None,
        "segmentation": {"size": [image["height"], image["width"]], "counts": counts},
        "source": "manual",
        "prompts": None,
        "candidate": None,
        "predicted_iou": None,
        "stability_score": None,
        "model_digest": None,
        "model_segmentation": None,
        "active_ms": 5,
    }


def _compress(lengths: list[int]) -> str:
    """COCO's compressed counts for up to three runs, where no difference is coded yet."""
    text = ""
    for length in lengths:
        more = True
        while more:
            group, length = length & 0x1F, length >> 5
            more = length != 0 or bool(group & 0x10)
            text += chr((group | 0x20 if more else group) + 48)
    return text


def _areas(api: Api, image: dict[str, Any], ids: set[str]) -> dict[str, int]:
    stored = api.get(f"/images/{image['id']}/annotations").body["annotations"]
    return {item["id"]: item["area"] for item in stored if item["id"] in ids}


def test_two_tabs_send_every_change_once(tabs: tuple[Page, Page], api: Api, image: dict[str, Any]) -> None:
    wanted = {str(uuid.uuid4()): index + 1 for index in range(12)}
    sent: list[str] = []
    for tab in tabs:
        tab.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    for index, (identifier, area) in enumerate(wanted.items()):
        tabs[index % 2].evaluate(PUT, [identifier, _body(image, area), None])
    for tab in tabs:
        tab.wait_for_function(SETTLED)
    assert _areas(api, image, set(wanted)) == wanted
    assert len(sent) == len(wanted)
    for identifier in wanted:
        tabs[0].evaluate(REMOVE, [identifier, image["id"], 1])
    for tab in tabs:
        tab.wait_for_function(SETTLED)
    assert _areas(api, image, set(wanted)) == {}


def test_lost_answers_a_reload_and_an_edit_make_no_conflict(
    tabs: tuple[Page, Page], api: Api, image: dict[str, Any], server: RealServer
) -> None:
    tab, other = tabs
    other.close()
    identifier = str(uuid.uuid4())

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "PUT":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    tab.route("**/api/v1/annotations/**", lose_the_answer)
    tab.evaluate(PUT, [identifier, _body(image, 3), None])
    tab.wait_for_function(UNREACHABLE)
    assert _areas(api, image, {identifier}) == {identifier: 3}
    tab.unroute_all(behavior="ignoreErrors")
    tab.route("**/api/v1/annotations/**", lambda route: route.abort())
    tab.reload()
    tab.evaluate(OPEN)
    tab.evaluate(PUT, [identifier, _body(image, 8), None])
    tab.wait_for_function(UNREACHABLE)
    tab.unroute_all(behavior="ignoreErrors")
    tab.wait_for_function(SETTLED)
    assert tab.evaluate(STATE) == "saved"
    assert _areas(api, image, {identifier}) == {identifier: 8}


def test_undo_of_a_delete_and_a_lost_race(tabs: tuple[Page, Page], api: Api, image: dict[str, Any]) -> None:
    tab, _ = tabs
    identifier = str(uuid.uuid4())
    tab.evaluate(PUT, [identifier, _body(image, 3), None])
    tab.wait_for_function(SETTLED)
    tab.evaluate(REMOVE, [identifier, image["id"], 1])
    tab.wait_for_function(SETTLED)
    assert _areas(api, image, {identifier}) == {}
    tab.evaluate(PUT, [identifier, _body(image, 4), 1, {"revive": True}])
    tab.wait_for_function(SETTLED)
    assert tab.evaluate(STATE) == "saved"
    assert _areas(api, image, {identifier}) == {identifier: 4}
    revision = api.get(f"/annotations/{identifier}").body["revision"]
    theirs = api.call("PUT", f"/annotations/{identifier}", _body(image, 20), {"If-Match": f'"{revision}"'})
    assert theirs.status == 200
    tab.evaluate(PUT, [identifier, _body(image, 6), revision])
    tab.wait_for_function(SETTLED)
    assert tab.evaluate(STATE) == "conflict"
    assert _areas(api, image, {identifier}) == {identifier: 20}
    tab.evaluate("(id) => window.outbox.resolve(id, 'mine')", identifier)
    tab.wait_for_function("() => window.outbox.status.state === 'saved'")
    assert _areas(api, image, {identifier}) == {identifier: 6}
