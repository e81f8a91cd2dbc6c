"""A sign-in that expires at work: the person signs in again in place, and what waited is saved."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.windows import PASSWORD, sign_in_as_new
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["image"]  # a fixture


def test_signing_in_again_in_place(
    visitor: Page, api: Api, demo: dict[str, Any], image: dict[str, Any]
) -> None:
    sign_in_as_new(visitor, api, demo, "signed-out-sam")
    visitor.goto(f"/projects/{demo['id']}/images/{image['id']}")
    bench = WorkbenchPage(visitor)
    bench.wait_until_ready()
    click(bench, *middle(image))

    visitor.context.clear_cookies()
    bench.press("Enter")
    bench.wait_for(save_state="signed_out", pending="1", objects="1")
    assert saved_on(api, image["id"]) == []
    visitor.get_by_role("status").get_by_role("button", name="Sign in").click()
    dialog = visitor.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password").fill("a wrong one")
    visitor.keyboard.press("Enter")
    expect(dialog.get_by_text("This is not the password.")).to_be_visible()
    bench.wait_for(save_state="signed_out")
    dialog.get_by_label("Password").fill(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    bench.wait_until_saved()
    assert len(saved_on(api, image["id"])) == 1
    expect(visitor.get_by_text("You are signed out.")).to_be_hidden()

    # The page was never left: the next object goes the usual way, and a second expiry is offered again.
    click(bench, *middle(image, -80, -60))
    accept(bench)
    assert len(saved_on(api, image["id"])) == 2
    visitor.context.clear_cookies()
    click(bench, *middle(image, 60, 40))
    bench.press("Enter")
    bench.wait_for(save_state="signed_out", pending="1")
    visitor.get_by_role("button", name="Sign in to save").click()
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    bench.wait_until_saved()
    assert len(saved_on(api, image["id"])) == 3
