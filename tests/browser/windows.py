"""Windows that several tests of a module share, and people who sign in to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tools.real_server import Api

PASSWORD = "correct horse battery staple"
STEP_MS = 60_000  # large photographs on two busy cores


@contextmanager
def window_of(browser: Browser, api: Api) -> Iterator[Page]:
    """An empty page in a window of its own, signed in as the administrator; an uncaught error in it fails the test."""
    context = browser.new_context(
        base_url=api.base_url,
        storage_state=api.storage_state(),
        viewport={"width": 1280, "height": 800},
        service_workers="block",
    )
    # Off, whatever this machine measures: a preview would show in the pictures that tests compare.
    context.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    context.set_default_timeout(STEP_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == [], "uncaught errors in the page"


def sign_in_as_new(visitor: Page, api: Api, project: dict[str, Any], name: str) -> int:
    """The id of a new annotator of the project, whom the visitor's page is from now on and who has PASSWORD."""
    person = int(api.post("/users", {"name": name}).body["id"])
    api.call("PUT", f"/projects/{project['id']}/members/{person}", {"role": "annotator"})
    visitor.goto(api.post(f"/users/{person}/link").body["url"])
    visitor.goto("/account")
    visitor.get_by_label("New password", exact=True).fill(PASSWORD)
    visitor.get_by_label("New password again").fill(PASSWORD)
    visitor.get_by_role("button", name="Set password").click()
    expect(visitor.get_by_text("Password changed.")).to_be_visible()
    return person
