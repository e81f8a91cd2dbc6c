"""Every page beside the workbench, and both languages, for pictures to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tools.real_server import Api
from tools.screenshots.camera import SMALL, attempt, page_at, save_all

Opened = Callable[[Page], None]


def _nothing(page: Page) -> None:
    """The page as it opens."""


def _new_project(page: Page) -> None:
    page.get_by_role("button", name="New project").first.click()


def _account_menu(page: Page) -> None:
    page.get_by_role("button", name="Account of").click()


PAGES: dict[str, tuple[str, Opened]] = {
    "projects": ("/", _nothing),
    "new-project": ("/", _new_project),
    "account-menu": ("/", _account_menu),
    "project": ("/projects/{demo}", _nothing),
    "project-labels": ("/projects/{demo}#labels", _nothing),
    "project-export": ("/projects/{demo}#export", _nothing),
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
    "chinese-workbench": ("/projects/{demo}/images/{image}", _nothing),
    "chinese-account": ("/account", _nothing),
}
"""Name → address, and what is done there."""


def take_pages(
    browser: Browser, api: Api, project: dict[str, Any], folder: Path, names: list[str]
) -> list[str]:
    """Each of the named pages in every size and theme, those of signing in by a visitor; the names that failed."""
    addresses = {
        "demo": project["id"],
        "image": api.get(f"/projects/{project['id']}/images").body["images"][0]["id"],
        "empty": _empty_project(api),
    }

    def take(name: str) -> None:
        address, act = PAGES[name]
        options: dict[str, Any] = {"storage_state": None} if name.startswith("sign-in") else {}
        if name.startswith("chinese"):
            options["locale"] = "zh-CN"
        with page_at(browser, api, SMALL, "light", **options) as page:
            page.goto(address.format(**addresses))
            expect(page.locator("body[data-ready=true], body[data-page=error]")).to_be_attached()
            page.wait_for_load_state("networkidle")
            act(page)
            save_all(page, folder, name)

    return [name for name in names if not attempt(name, partial(take, name))]


def _empty_project(api: Api) -> int:
    for project in api.get("/projects").body["projects"]:
        if project["name"] == "Leaf disease, spring":
            return int(project["id"])
    return int(api.post("/projects", {"name": "Leaf disease, spring"}).body["id"])
