"""Make the pictures: `python -m tools.screenshots [--only NAME …] [--all FOLDER] [--out FOLDER]`.

A fresh server with the demo project is started for them. Without `--only`, a few pictures go into docs/images; then
every mode of the workbench and every page is taken at 1280×800 and 1920×1080, light and dark, into a folder that
is not part of the repository, to be looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Browser

from tools.real_server import Api
from tools.screenshots import documentation
from tools.screenshots.camera import Shoot, studio
from tools.screenshots.modes import MODES, take_modes
from tools.screenshots.pages import PAGES, take_pages

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation and of every mode.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="documentation's pictures")
    parser.add_argument("--all", type=Path, default=ROOT / ".screenshots", help="every mode and page")
    parser.add_argument("--only", nargs="+", choices=(*MODES, *PAGES), metavar="NAME", help="of the full set")
    arguments = parser.parse_args()
    with studio() as (browser, api):
        take(browser, api, arguments.out, arguments.all, arguments.only)


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
    shoot = Shoot(browser, api, project, everything)
    failed = take_modes(shoot, modes) + take_pages(shoot, pages)
    if failed:
        raise SystemExit(f"no picture of {', '.join(failed)}")


if __name__ == "__main__":
    main()
