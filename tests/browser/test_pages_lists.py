"""Project list, models, people, theme: the pages around the work."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tools.real_server import Api


def ready(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-ready", "true")


def test_projects_are_shown_with_their_progress_and_created(page: Page, demo: dict[str, Any]) -> None:
    page.goto("/")
    ready(page)
    card = page.locator(f'[data-project="{demo["id"]}"]')
    expect(card).to_contain_text(f"of {demo['counts']['images']} images done")
    expect(card.locator("img")).to_have_count(4)

    page.get_by_role("button", name="New project").click()
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_text("Name is needed.")).to_be_visible()
    page.get_by_label("Name").fill(demo["name"])
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("dialog .error:not([hidden]), dialog .form-error")).to_be_visible()
    page.get_by_label("Name").fill("Made in the dialog")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Made in the dialog")).to_be_visible()


def test_starting_opens_an_image_that_needs_work(page: Page, demo: dict[str, Any]) -> None:
    page.goto(f"/projects/{demo['id']}")
    ready(page)
    page.get_by_role("button", name="Start annotating").click()
    page.wait_for_url(f"**/projects/{demo['id']}/images/*")


def test_the_demo_project_becomes_ready_while_one_looks(page: Page, demo: dict[str, Any], api: Api) -> None:
    page.goto(f"/projects/{demo['id']}")
    ready(page)
    expect(page.locator('.image-card:not([data-embedding="ready"])')).to_have_count(0, timeout=60_000)
    expect(page.locator(".preparation")).to_have_count(0)
    embeddings = api.get(f"/projects/{demo['id']}").body["embeddings"]
    assert embeddings["ready"] == demo["counts"]["images"]


def test_the_model_in_use_is_described(page: Page, api: Api) -> None:
    page.goto("/models")
    ready(page)
    active = next(model for model in api.get("/models").body["models"] if model["active"])
    shown = page.locator(f'[data-model="{active["digest"]}"]')
    expect(shown).to_contain_text("In use")
    expect(shown).to_contain_text("M parameters")
    expect(page.locator("[data-released]")).to_have_count(3)


def test_an_installation_shows_progress_then_why_it_failed(page: Page) -> None:
    """The jobs are made up: a real one would download 375 MB."""
    job: dict[str, Any] = {"id": 1, "kind": "install_model", "state": "running", "payload": {"name": "vit_b"}}
    job |= {"progress": 0.34, "message": "128 of 375 MB", "error": None, "result": None, "project_id": None}
    asked: list[str] = []
    page.route("**/api/v1/jobs?*", lambda route: route.fulfill(json={"jobs": [job] if asked else []}))
    page.route(
        "**/api/v1/models/install",
        lambda route: (asked.append(route.request.post_data or ""), route.fulfill(status=202, json=job)),
    )
    page.goto("/models")
    ready(page)
    row = page.locator("[data-released=vit_b]")
    page.get_by_role("button", name="Install SAM ViT-B").click()
    expect(row.get_by_role("progressbar")).to_have_attribute("value", "0.34")
    expect(row).to_contain_text("128 of 375 MB")
    expect(row.get_by_role("button", name="Cancel")).to_be_visible()
    job |= {"state": "failed", "error": {"code": "install_failed", "message": "The server is out of reach."}}
    expect(row.get_by_role("alert")).to_have_text("The server is out of reach.")
    row.get_by_role("button", name="Try again").click()
    expect(row.get_by_role("button", name="Try again")).to_be_visible()
    assert asked == ['{"name":"vit_b"}'] * 2


def test_people_are_created_with_a_link_and_blocked(page: Page, api: Api) -> None:
    page.goto("/users")
    ready(page)
    page.get_by_role("button", name="New person").click()
    page.get_by_label("Name").fill("eve")
    page.get_by_role("button", name="Create", exact=True).click()
    assert "/signin/" in page.get_by_role("textbox", name="Sign-in link").input_value()
    page.keyboard.press("Escape")

    page.get_by_label("Actions for eve").click()
    page.get_by_role("menuitem", name="Block").click()
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.locator("tr").filter(has_text="eve")).to_contain_text("Blocked")
    assert [user["active"] for user in api.get("/users").body["users"] if user["name"] == "eve"] == [False]


def test_the_theme_is_kept_across_pages(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    ready(page)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Use dark theme").click()
    page.goto("/models")
    ready(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.get_by_role("button", name="Use light theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_unknown_projects_are_explained(page: Page) -> None:
    page.goto("/projects/999999")
    expect(page.get_by_role("link", name="projects")).to_be_visible()


def test_a_session_that_ends_under_an_open_page_is_told(page: Page, demo: dict[str, Any]) -> None:
    page.goto(f"/projects/{demo['id']}")
    ready(page)
    page.context.clear_cookies()
    page.get_by_role("tab", name="Members").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("dialog", name="Sign in again").get_by_label("Password")).to_be_focused()


def test_a_server_that_goes_away_is_told_until_it_is_back(page: Page) -> None:
    page.clock.install()
    page.goto("/")
    ready(page)
    page.route("**/api/v1/projects", lambda route: route.abort())
    told = page.get_by_text("The server does not answer. Trying again")
    for _ in range(4):
        page.clock.run_for(30_000)
        page.wait_for_timeout(50)
    expect(told).to_be_visible()
    page.unroute("**/api/v1/projects")
    for _ in range(2):
        page.clock.run_for(30_000)
        page.wait_for_timeout(50)
    expect(told).to_have_count(0)
