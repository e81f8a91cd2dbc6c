"""The first-use tour: offered once, done by doing, left and taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_findings
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


@pytest.fixture(autouse=True)
def new_person(api: Api) -> Iterator[None]:
    assert api.call("PATCH", "/me", {"preferences": {"tour": None}}).status == 200
    yield
    assert api.call("PATCH", "/me", {"preferences": {"tour": None}}).status == 200


def kept(api: Api) -> Any:
    return api.get("/me").body["user"]["preferences"].get("tour")


def step(page: Page, number: int) -> None:
    expect(page.locator("body")).to_have_attribute("data-tour", str(number))
    expect(page.get_by_text(f"Tour: step {number} of 5")).to_be_visible()


def test_the_tour_goes_on_when_each_step_is_done(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], demo: dict[str, Any]
) -> None:
    page = bench.page
    assert page.evaluate("() => document.activeElement === document.body"), "it takes no focus"
    page.get_by_role("button", name="Show me").click()
    step(page, 1)
    click(bench, *middle(image))
    step(page, 2)
    assert serious_findings(page) == {}
    click(bench, *middle(image, 60, 40), button="right")
    step(page, 3)
    bench.press("b")
    bench.drag(middle(image), middle(image, 20))
    step(page, 4)
    page.get_by_role("radio", name=demo["categories"][1]["name"]).click()
    step(page, 5)
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        bench.press("Enter")
    expect(page.get_by_role("heading", name="That is all it takes")).to_be_visible()
    bench.wait_until_saved()
    [saved] = saved_on(api, image["id"])
    assert saved["category_id"] == demo["categories"][1]["id"]
    assert kept(api) == {"left": False, "step": 0}
    page.reload()
    bench.wait_until_ready()
    expect(page.locator("#tour")).to_be_hidden()


def test_the_tour_is_left_and_taken_up_again_where_it_was(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    page.get_by_role("button", name="Show me").click()
    page.get_by_role("button", name="Skip this step").click()
    step(page, 2)
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.get_by_role("button", name="Leave the tour").click()
    expect(page.locator("#tour")).to_be_hidden()
    assert kept(api) == {"left": True, "step": 1}
    page.reload()
    bench.wait_until_ready()
    expect(page.locator("#tour")).to_be_hidden()
    bench.press("?")
    page.get_by_role("button", name="Take the tour").click()
    step(page, 2)


def test_whoever_does_not_want_it_is_not_asked_again(bench: WorkbenchPage, api: Api) -> None:
    page = bench.page
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.get_by_role("button", name="Not now").click()
    page.reload()
    bench.wait_until_ready()
    expect(page.locator("#tour")).to_be_hidden()
