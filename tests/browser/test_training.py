"""The training page: start a run, see it learn, compare, decide and go back, look again."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser import trained_project
from tests.browser.axe import serious_findings
from tools.real_server import Api, RealServer


@pytest.fixture
def project_id(playwright: Playwright, api: Api, server: RealServer, request: pytest.FixtureRequest) -> int:
    return trained_project.make(playwright, api, server.instance, request.node.name[:80])


@pytest.fixture
def training(page: Page, project_id: int) -> Page:
    """The page, shown."""
    page.goto(f"/projects/{project_id}/training")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    return page


def used(api: Api, project_id: int) -> Any:
    return api.get(f"/projects/{project_id}").body["model_digest"]


@pytest.mark.timeout(300)
def test_compare_decide_and_go_back(training: Page, api: Api, project_id: int) -> None:
    run = training.locator(".training-run").first
    expect(run.locator(".training-plot canvas")).to_have_count(2)
    expect(run.get_by_role("row", name="All labels")).to_contain_text("0.520 → 0.670")
    expect(run.get_by_role("row", name="fruit")).to_contain_text("+0.020 (0.005 … 0.035)")
    assert serious_findings(training) == {}
    assert used(api, project_id) is None

    run.get_by_role("button", name="Use the new model").click()
    training.get_by_role("dialog").get_by_role("button", name="Use this model").click()
    expect(run.get_by_text("In use")).to_be_visible()
    assert used(api, project_id) == trained_project.NEW_DIGEST
    training.reload()
    run.get_by_role("button", name="Go back to the old model").click()
    expect(run.get_by_text("Old model kept")).to_be_visible()
    assert used(api, project_id) not in (None, trained_project.NEW_DIGEST)


def test_masks_to_look_at_again(training: Page, project_id: int) -> None:
    cards = training.locator(".training-doubt")
    expect(cards).to_have_count(trained_project.IMAGES)
    expect(cards.first).to_contain_text("agrees 20 %")
    address = cards.first.get_by_role("link").get_attribute("href") or ""
    assert address.startswith(f"/projects/{project_id}/images/")
    cards.first.get_by_role("link").click()
    expect(training.locator("body")).to_have_attribute("data-draft", "saved", timeout=60_000)
    training.go_back()
    expect(cards).to_have_count(trained_project.IMAGES)
    cards.first.get_by_role("button", name="Mask is right").click()
    expect(cards.first).to_be_hidden()
    training.get_by_role("button", name="Undo").click()
    expect(cards.first).to_be_visible()
    cards.first.get_by_role("button", name="Mask is right").click()
    expect(cards.first).to_be_hidden()
    training.reload()
    expect(cards).to_have_count(trained_project.IMAGES - 1)


@pytest.mark.timeout(300)
def test_a_detector_is_trained_from_the_page(training: Page) -> None:
    """A real run, short: what it learned shows without a reload."""
    form = training.get_by_role("form", name="New run")
    form.get_by_label("What to train").select_option("detector")
    form.get_by_label("Minutes").fill("0.05")
    form.get_by_role("button", name="Start training").click()
    newest = training.locator(".training-run").first
    expect(newest).to_contain_text("detector")
    expect(newest).to_have_attribute("data-state", "done", timeout=200_000)
    expect(newest).to_contain_text("3 images")


def test_a_bad_length_is_named(training: Page) -> None:
    form = training.get_by_role("form", name="New run")
    form.get_by_label("Minutes").fill("-1")
    form.get_by_role("button", name="Start training").click()
    expect(form.get_by_text("minutes: Input should be greater than 0")).to_be_visible()
    expect(training.locator(".training-run")).to_have_count(1)
