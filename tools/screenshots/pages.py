"""Every page beside the workbench, and both languages, for pictures to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tools.real_server import Api
from tools.screenshots.camera import SMALL, Shoot, page_at, save_all, take_each

Opened = Callable[[Page], None]


def _nothing(page: Page) -> None:
    """The page as it opens."""


def _new_project(page: Page) -> None:
    page.get_by_role("button", name="New project").first.click()


def _account_menu(page: Page) -> None:
    page.get_by_role("button", name="Account of").click()


def _propose_masks(page: Page) -> None:
    page.get_by_role("button", name="Propose masks").click()
    expect(page.get_by_role("dialog")).to_be_visible()


PAGES: dict[str, tuple[str, Opened]] = {
    "projects": ("/", _nothing),
    "new-project": ("/", _new_project),
    "account-menu": ("/", _account_menu),
    "project": ("/projects/{demo}", _nothing),
    "project-labels": ("/projects/{demo}#labels", _nothing),
    "project-export": ("/projects/{demo}#export", _nothing),
    "project-statistics": ("/projects/{demo}#statistics", _nothing),
    "project-automation": ("/projects/{demo}#automation", _nothing),
    "propose-masks": ("/projects/{demo}#automation", _propose_masks),
    "training": ("/projects/{demo}/training", _nothing),
    "project-members": ("/projects/{demo}#members", _nothing),
    "project-settings": ("/projects/{demo}#settings", _nothing),
    "empty-project": ("/projects/{empty}", _nothing),
    "empty-project-labels": ("/projects/{empty}#labels", _nothing),
    "models": ("/models", _nothing),
    "people": ("/users", _nothing),
    "account": ("/account", _nothing),
    "sign-in": ("/signin", _nothing),
    "sign-in-problem": ("/signin?problem=link", _nothing),
    "not-found": ("/nothing", _nothing),
    "chinese-project": ("/projects/{demo}", _nothing),
    "chinese-statistics": ("/projects/{demo}#statistics", _nothing),
    "chinese-workbench": ("/projects/{demo}/images/{image}", _nothing),
    "chinese-account": ("/account", _nothing),
}
"""Name → address, and what is done there."""


def take_pages(shoot: Shoot, names: list[str]) -> list[str]:
    """Each of the named pages in every size and theme, those of signing in by a visitor; the names that failed."""
    demo = shoot.project["id"]
    addresses = {
        "demo": demo,
        "image": shoot.api.get(f"/projects/{demo}/images").body["images"][0]["id"],
        "empty": _empty_project(shoot.api),
    }

    def take(name: str) -> None:
        address, act = PAGES[name]
        options: dict[str, Any] = {"storage_state": None} if name.startswith("sign-in") else {}
        if name.startswith("chinese"):
            options["locale"] = "zh-CN"
        with page_at(shoot.browser, shoot.api, SMALL, "light", **options) as page:
            page.goto(address.format(**addresses))
            expect(page.locator("body[data-ready=true], body[data-page=error]")).to_be_attached()
            if "{image}" in address:
                expect(page.locator("body")).to_have_attribute("data-embedding", "ready")
            page.wait_for_load_state("networkidle")
            act(page)
            save_all(page, shoot.folder, name)

    return take_each(names, take)


def _empty_project(api: Api) -> int:
    for project in api.get("/projects").body["projects"]:
        if project["name"] == "Leaf disease, spring":
            return int(project["id"])
    return int(api.post("/projects", {"name": "Leaf disease, spring"}).body["id"])
