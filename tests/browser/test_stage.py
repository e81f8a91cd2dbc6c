"""The project page's automation: switching the stage, a preview of automatic masks, a run and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.axe import serious_findings
from tests.browser.test_pages_project import open_project, picture
from tests.browser.uploads import upload
from tools.real_server import Api

JOB_MS = 120_000
# Whatever the model makes of noise is proposed.
ANYTHING = {"points_per_side": "2", "pred_iou_thresh": "0", "stability_score_thresh": "0"}


@pytest.fixture
def project(playwright: Playwright, api: Api, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A project with one small picture."""
    name = request.node.name[:100]
    file = picture("noise.png", 7, (96, 64))
    image = upload(playwright, api, project=name, label="thing", name=file["name"], data=file["buffer"])
    return dict(api.get(f"/projects/{image['project_id']}").body)


def test_the_stage_is_switched_after_a_question(page: Page, api: Api, project: dict[str, Any]) -> None:
    open_project(page, project, "#automation")
    semi = page.locator('.stage[data-stage="semi_automatic"]')
    expect(page.locator(".stage.is-current")).to_contain_text("Assisted manual")
    semi.get_by_role("button", name="Switch").click()
    dialog = page.get_by_role("dialog", name="Switch to")
    expect(dialog).to_contain_text("images with proposals first")
    dialog.get_by_role("button", name="Cancel").click()
    assert api.get(f"/projects/{project['id']}").body["stage"] == "assisted_manual"
    semi.get_by_role("button", name="Switch").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch", exact=True).click()
    expect(page.locator(".stage.is-current")).to_contain_text("Semi-automatic")
    assert api.get(f"/projects/{project['id']}").body["stage"] == "semi_automatic"

    page.locator('.stage[data-stage="fully_automatic"]').get_by_role("button", name="Switch").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch", exact=True).click()
    page.get_by_label("People check").select_option("0.2")
    expect(page.get_by_text("The sample has changed.")).to_be_visible()
    body = api.get(f"/projects/{project['id']}").body
    assert (body["stage"], body["sample_share"]) == ("fully_automatic", 0.2)
    assert serious_findings(page) == {}


@pytest.mark.timeout(300)  # the server's worker may be busy with the demo images first
def test_masks_are_previewed_on_one_image_and_proposed_on_all(
    page: Page, api: Api, project: dict[str, Any]
) -> None:
    open_project(page, project, "#automation")
    page.get_by_role("button", name="Propose masks").click()
    dialog = page.get_by_role("dialog", name="Automatic masks")
    expect(dialog.get_by_role("button", name="Run on 1 image")).to_be_enabled()
    chosen, search = dialog.get_by_label("Image to try it on"), dialog.get_by_label("Search images by name")
    name = str(chosen.locator("option").inner_text())
    search.fill("no such name")
    expect(dialog.get_by_text("No image has this in its name.")).to_be_visible()
    search.fill(name[:3])
    expect(chosen.locator("option")).to_have_text(name)
    expect(dialog.get_by_label("pred_iou_thresh")).not_to_have_value("")
    dialog.get_by_role("button", name="Cells").click()
    expect(dialog.get_by_role("button", name="Cells")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_label("points_per_side").fill("1000")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_text("Enter a number from 1 to 128.")).to_be_visible()
    for name, value in ANYTHING.items():
        dialog.get_by_label(name, exact=True).fill(value)
    expect(dialog.get_by_role("button", name="Cells")).to_have_attribute("aria-pressed", "false")
    blank = picture_of(page)
    dialog.get_by_role("button", name="Preview").click()
    found = dialog.locator(".automask-preview[data-proposals]")
    expect(found).to_be_attached(timeout=JOB_MS)
    number = int(found.get_attribute("data-proposals") or 0)
    assert number > 0
    expect(dialog.get_by_role("status")).to_contain_text(f"{number} proposal")
    assert picture_of(page) != blank, "masks lie over the picture"
    assert counts(api, project)["proposals"] == 0, "a preview stores nothing"
    assert serious_findings(page) == {}

    dialog.get_by_role("button", name="Run on 1 image").click()
    expect(page.locator('.automask[data-state="done"]')).to_be_attached(timeout=JOB_MS)
    expect(page.locator(".automask-status")).to_contain_text("Masks proposed.")
    expect(page.locator(".automask-status")).to_contain_text("on 1 image")
    stored = counts(api, project)["proposals"]
    assert stored > 0
    expect(page.locator(".automask-status")).to_contain_text(f"{stored} new proposal")


def picture_of(page: Page) -> str:
    """What the preview shows, as a data URL."""
    return str(page.eval_on_selector(".automask-canvas", "(canvas) => canvas.toDataURL()"))


def counts(api: Api, project: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = api.get(f"/projects/{project['id']}").body["counts"]
    return found
