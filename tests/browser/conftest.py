"""A real server and a real Chromium for what users see.

One server process serves the whole session; a test that disturbs it (restart, stop) puts it back. A missing
Chromium is a failure, never a skip.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tools import chromium
from tools.real_server import Api, RealServer

STEP_MS = 20_000
expect.set_options(timeout=STEP_MS)  # two busy cores: five seconds are not always enough


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium that set-up found; its sandbox cannot start as root, as in most containers."""
    path = chromium.find()
    if path is None:
        pytest.fail("no Chromium: run `make setup-tests` or name one with CHROMIUM=", pytrace=False)
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return {**browser_type_launch_args, "executable_path": str(path), "args": flags}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """The server as `make run` starts it, on an empty instance folder, with the demo project."""
    instance: Path = tmp_path_factory.mktemp("server") / "instance"
    with RealServer(instance) as running:
        yield running


@pytest.fixture(scope="session")
def api(server: RealServer) -> Api:
    """The administrator's scripted session, signed in with the link that the server printed."""
    return Api(server.base_url, server.link)


@pytest.fixture(scope="session")
def demo(api: Api) -> dict[str, Any]:
    """The demo project as the API gives it."""
    projects: list[dict[str, Any]] = api.get("/projects").body["projects"]
    assert projects, "the first start makes a demo project"
    return projects[0]


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any], server: RealServer) -> dict[str, Any]:
    """Without service workers: requests that go through one cannot be disturbed by a test."""
    own = {
        "base_url": server.base_url,
        "viewport": {"width": 1280, "height": 800},
        "service_workers": "block",
    }
    return {**browser_context_args, **own}


@pytest.fixture
def context(browser: Browser, browser_context_args: dict[str, Any], api: Api) -> Iterator[BrowserContext]:
    """A browser window of its own, signed in as the administrator; what earlier tests liked to see is forgotten."""
    assert api.call("PATCH", "/me", {"preferences": {"view": None}}).status == 200
    fresh = browser.new_context(**{**browser_context_args, "storage_state": api.storage_state()})
    yield fresh
    fresh.close()


def _new_page(window: BrowserContext) -> Iterator[Page]:
    """A page in the window; an uncaught error in it fails the test."""
    window.set_default_timeout(STEP_MS)
    fresh = window.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    yield fresh
    window.close()
    assert errors == [], "uncaught errors in the page"


@pytest.fixture
def visitor(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Page]:
    """A page in a window of its own that is not signed in."""
    yield from _new_page(browser.new_context(**browser_context_args))


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A signed-in page."""
    yield from _new_page(context)
