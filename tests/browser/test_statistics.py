"""The project's numbers as managers see them: tiles, plots, tables, range, nothing yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.axe import serious_findings
from tests.browser.proposed import propose
from tests.browser.test_pages_project import open_project, picture
from tests.browser.uploads import upload
from tests.browser.workbench_steps import sendable
from tools.real_server import Api


@pytest.fixture
def photo(playwright: Playwright, api: Api, request: pytest.FixtureRequest) -> dict[str, Any]:
    """One picture in a project of its own."""
    file = picture("one.png", 11, (96, 64))
    name = request.node.name[:100]
    return upload(playwright, api, project=name, label="thing", name=file["name"], data=file["buffer"])


def save(api: Api, identifier: str, **changes: Any) -> None:
    stored = api.get(f"/annotations/{identifier}").body
    body = sendable(stored) | changes
    headers = {"If-Match": f'"{stored["revision"]}"'}
    assert api.call("PUT", f"/annotations/{identifier}", body, headers).status == 200


def tile(page: Page, name: str) -> Any:
    return page.locator(".tile").filter(has=page.get_by_text(name, exact=True)).locator(".tile-value")


def test_a_project_without_masks_says_what_to_do(page: Page, photo: dict[str, Any]) -> None:
    open_project(page, {"id": photo["project_id"]}, "#statistics")
    expect(page.get_by_role("heading", name="No masks yet")).to_be_visible()
    expect(page.locator(".tiles")).to_have_count(0)
    assert serious_findings(page) == {}


def test_numbers_are_shown_sorted_and_limited_to_days(page: Page, api: Api, photo: dict[str, Any]) -> None:
    [category] = api.get(f"/projects/{photo['project_id']}").body["categories"]
    boxes = [(5, 5, 25, 25), (30, 5, 60, 25), (5, 30, 40, 60)]
    for z, box in enumerate(boxes):
        identifier = propose(api, photo, z, box, 0.9)
        label = category["id"] if z else None
        save(api, identifier, state="accepted", category_id=label, active_ms=4000 * (z + 1))
    open_project(page, {"id": photo["project_id"]}, "#statistics")
    expect(tile(page, "Masks")).to_have_text("3")
    expect(tile(page, "Masks per image")).to_have_text("3")
    expect(tile(page, "Seconds per mask")).to_have_text("8 s")
    expect(tile(page, "Kept as the model made them")).to_have_text("100 %")
    expect(tile(page, "Queue")).to_have_text("1")
    expect(page.locator(".figure")).to_have_count(6)
    expect(page.locator(".heat")).to_be_visible()
    labels = page.get_by_role("region", name="Label").get_by_role("rowheader")
    expect(labels).to_have_text(["thing", "No label"])
    page.get_by_role("region", name="Label").get_by_role("button", name="Masks", exact=True).click()
    expect(labels).to_have_text(["No label", "thing"])
    assert serious_findings(page) == {}

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    page.get_by_label("First day").fill(tomorrow)
    expect(page.get_by_role("heading", name="No masks in these days")).to_be_visible()
    page.get_by_role("button", name="Last 7 days").click()
    expect(tile(page, "Masks")).to_have_text("3")
