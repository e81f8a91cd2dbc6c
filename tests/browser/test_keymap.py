"""One's own keys: chosen in the shortcut dialog, checked for conflicts, kept with the account, usable offline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import bench, image
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


@pytest.fixture(autouse=True)
def default_keys(api: Api) -> Iterator[None]:
    yield
    assert api.call("PATCH", "/me", {"preferences": {"keys": None}}).status == 200


def kept_keys(api: Api) -> Any:
    return api.get("/me").body["user"]["preferences"].get("keys")


def open_editor(page: Page) -> Locator:
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard and mouse").get_by_role(
        "button", name="Change shortcuts"
    ).click()
    return page.get_by_role("dialog", name="Change shortcuts")


def choose(editor: Locator, command: str, key: str) -> None:
    with editor.page.expect_response("**/api/v1/me"):
        editor.get_by_role("button", name=f"Change the key of “{command}”").click()
        editor.page.keyboard.press(key)


def test_a_chosen_key_works_at_once_everywhere_and_after_reload(bench: WorkbenchPage, api: Api) -> None:
    page = bench.page
    editor = open_editor(page)
    choose(editor, "Brush", "Shift+y")
    expect(editor.get_by_role("status")).to_have_text("“Brush” now has the key Shift+Y.")
    page.keyboard.press("Escape")
    bench.press("b")
    bench.wait_for(tool="point_box")
    bench.press("Shift+Y")
    bench.wait_for(tool="brush")
    brush = page.get_by_role("button", name="Brush", exact=True)
    expect(brush).to_have_attribute("data-tooltip", "Brush  Shift Y")
    expect(brush).to_have_attribute("aria-keyshortcuts", "Shift+Y")
    bench.press("Control+k")
    page.get_by_role("combobox").fill("brush")
    expect(page.get_by_role("option", name="Brush Tools Shift Y")).to_be_visible()
    page.keyboard.press("Escape")
    assert kept_keys(api) == {"tool_brush": ["Shift+Y"]}
    page.reload()
    bench.wait_until_ready()
    bench.press("Shift+Y")
    bench.wait_for(tool="brush")


def test_a_taken_key_names_its_command_and_is_taken_over_only_on_request(
    bench: WorkbenchPage, api: Api
) -> None:
    page = bench.page
    editor = open_editor(page)
    editor.get_by_role("button", name="Change the key of “Eraser”").click()
    page.keyboard.press("b")
    expect(editor.get_by_text("B already means “Brush”.").first).to_be_visible()
    page.keyboard.press("Enter")  # Cancel has the focus
    assert kept_keys(api) is None

    editor.get_by_role("button", name="Change the key of “Eraser”").click()
    page.keyboard.press("b")
    with page.expect_response("**/api/v1/me"):
        editor.get_by_role("button", name="Use it here").click()
    expect(editor.get_by_role("button", name="Change the key of “Brush”: no key")).to_be_visible()
    assert kept_keys(api) == {"tool_brush": [], "tool_eraser": ["B"]}

    with page.expect_response("**/api/v1/me"):
        editor.get_by_role("button", name="Reset “Brush”").click()
    expect(editor.get_by_role("button", name="Change the key of “Eraser”: no key")).to_be_visible()
    with page.expect_response("**/api/v1/me"):
        editor.get_by_role("button", name="Reset all").click()
    assert kept_keys(api) == {}
    page.keyboard.press("Escape")
    bench.press("e")
    bench.wait_for(tool="eraser")


def test_keys_that_browsers_keep_are_refused_and_escape_leaves(bench: WorkbenchPage, api: Api) -> None:
    page = bench.page
    editor = open_editor(page)
    editor.get_by_role("button", name="Change the key of “Undo”").click()
    page.keyboard.press("F5")
    expect(editor.get_by_text("F5 cannot be changed: press another key.").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(editor).to_be_visible()
    expect(editor.get_by_role("button", name="Change the key of “Cancel”")).to_be_disabled()
    assert kept_keys(api) is None


def test_a_key_chosen_offline_reaches_the_account_later(
    bench: WorkbenchPage, context: BrowserContext, api: Api
) -> None:
    page = bench.page
    editor = open_editor(page)
    context.set_offline(True)
    editor.get_by_role("button", name="Change the key of “Brush”").click()
    page.keyboard.press("F8")
    page.keyboard.press("Escape")
    bench.press("F8")
    bench.wait_for(tool="brush")
    context.set_offline(False)
    assert kept_keys(api) is None
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.url.endswith("/me")):
        page.reload()
    assert kept_keys(api) == {"tool_brush": ["F8"]}


def test_the_place_counts_on_keyboards_of_other_scripts(bench: WorkbenchPage) -> None:
    page = bench.page
    for key, code in (("и", "KeyB"), ("&", "Digit2")):
        event = {"key": key, "code": code, "bubbles": True, "cancelable": True}
        page.evaluate("(event) => document.body.dispatchEvent(new KeyboardEvent('keydown', event))", event)
    bench.wait_for(tool="brush")
    expect(page.locator(".wb-label").nth(1)).to_have_attribute("aria-checked", "true")


def test_the_account_page_changes_keys_too(page: Page, api: Api) -> None:
    page.goto("/account")
    page.get_by_role("button", name="Change shortcuts").click()
    editor = page.get_by_role("dialog", name="Change shortcuts")
    editor.get_by_role("button", name="Change the key of “Next image”").click()
    page.keyboard.press("ArrowRight")  # the cursor has it
    editor.get_by_role("button", name="Use it here").click()
    expect(editor.get_by_role("button", name="Change the key of “Next image”: →")).to_be_visible()
