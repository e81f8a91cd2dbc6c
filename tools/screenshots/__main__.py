"""Make the pictures: `python -m tools.screenshots [--only NAME …] [--all FOLDER] [--out FOLDER]`.

A fresh server with the demo project is started for them. Without `--only`, a few pictures go into docs/images; then
every mode of the workbench and every page is taken at 1280×800 and 1920×1080, light and dark, into a folder that
is not part of the repository, to be looked at.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tools import chromium
from tools.real_server import Api, RealServer
from tools.screenshots import documentation
from tools.screenshots.camera import STEP_MS
from tools.screenshots.modes import MODES, take_modes
from tools.screenshots.pages import PAGES, take_pages

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation and of every mode.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="documentation's pictures")
    parser.add_argument("--all", type=Path, default=ROOT / ".screenshots", help="every mode and page")
    parser.add_argument("--only", nargs="+", choices=(*MODES, *PAGES), metavar="NAME", help="of the full set")
    arguments = parser.parse_args()
    path = chromium.find()
    if path is None:
        raise SystemExit("no Chromium: run `make setup-tests` or name one with CHROMIUM=")
    expect.set_options(timeout=STEP_MS)
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with (
        tempfile.TemporaryDirectory() as scratch,
        RealServer(Path(scratch) / "instance") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(path), args=flags)
        take(browser, Api(server.base_url, server.link), arguments.out, arguments.all, arguments.only)
        browser.close()


def take(browser: Browser, api: Api, chosen: Path, everything: Path, only: list[str] | None) -> None:
    """The documentation's pictures unless `only` names some of the full set; then those, or all."""
    chosen.mkdir(parents=True, exist_ok=True)
    everything.mkdir(parents=True, exist_ok=True)
    api.call("PATCH", "/me", {"preferences": {"tour": {"left": True, "step": 0}}})
    modes = [name for name in MODES if only is None or name in only]
    project = documentation.demo_project(api, prepared=bool(modes))
    if modes:
        documentation.annotate_demo(browser, api, project, chosen if only is None else None)
    if only is None:
        documentation.take_project(browser, api, project, chosen)
    pages = [name for name in PAGES if only is None or name in only]
    failed = take_modes(browser, api, project, everything, modes)
    failed += take_pages(browser, api, project, everything, pages)
    if failed:
        raise SystemExit(f"no picture of {', '.join(failed)}")


if __name__ == "__main__":
    main()
