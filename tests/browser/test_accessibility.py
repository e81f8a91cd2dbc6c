"""Everybody can work here: axe finds nothing serious on any page or in any mode, and the keyboard alone is enough."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_findings
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

TOOLS = [("y", "scribble"), ("b", "brush"), ("e", "eraser"), ("p", "polygon"), ("v", "select")]
DIALOGS = [("?", "shortcuts"), ("Control+k", "palette"), ("g", "images"), ("k", "skip"), ("i", "about")]
PAGES = [
    *("/", "/models", "/users", "/account", "/projects/{id}", "/nothing"),
    "/projects/{id}/training",
    *(
        f"/projects/{{id}}#{tab}"
        for tab in ("labels", "export", "statistics", "automation", "members", "settings")
    ),
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_no_serious_finding(page: Page, demo: dict[str, Any], path: str) -> None:
    page.goto(path.format(id=demo["id"]))
    expect(page.locator("body[data-ready=true], body[data-page=error]")).to_be_attached()
    assert serious_findings(page) == {}
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_the_sign_in_page_has_no_serious_finding(visitor: Page) -> None:
    visitor.goto("/signin?problem=link")
    expect(visitor.locator("body[data-ready=true]")).to_be_attached()
    assert serious_findings(visitor) == {}
    expect(visitor.get_by_role("heading", level=1)).to_have_count(1)


def test_dialogs_of_the_lists_have_no_serious_finding(page: Page, demo: dict[str, Any]) -> None:
    page.goto("/")
    page.get_by_role("button", name="New project").first.click()
    assert serious_findings(page) == {}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account of").click()
    assert serious_findings(page) == {}
    page.goto("/account")
    page.get_by_role("button", name="Change shortcuts").click()
    assert serious_findings(page) == {}


@pytest.mark.slow
@pytest.mark.timeout(480)  # axe looks twenty times, twice
def test_every_mode_of_the_workbench_has_no_serious_finding(
    bench: WorkbenchPage, image: dict[str, Any]
) -> None:
    page = bench.page
    found = {}
    expect(page.get_by_role("heading", level=1, name=image["name"])).to_be_attached()

    def look(mode: str) -> None:
        problems = serious_findings(page)
        if problems:
            found[mode] = problems

    click(bench, *middle(image))
    look("candidates")
    accept(bench)
    for key, mode in TOOLS:
        bench.press(key)
        look(mode)
    bench.press("s")
    click(bench, *middle(image, 90, 60))
    accept(bench)
    bench.press("Control+a")
    look("several selected")
    bench.press("j")
    expect(page.locator("#combine")).to_be_visible()
    look("combine")
    bench.press("Escape", "Escape")
    page.locator(".wb-object-open").first.click()
    look("selected object")
    bench.press("c")
    expect(page.locator("#cleanup")).to_be_visible()
    look("clean-up")
    bench.press("Escape")
    page.get_by_role("button", name="View", exact=True).click()
    look("view popover")
    bench.press("Escape")
    page.locator(".wb-status-open").click()
    look("status popover")
    bench.press("Escape")
    for key, mode in DIALOGS:
        bench.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()
        look(mode)
        bench.press("Escape")
    assert found == {}


def test_an_object_is_made_by_keyboard_alone(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    page = bench.page
    told = page.locator("#announcer")
    for _ in range(3):
        bench.press("ArrowRight")
    bench.press("Control+ArrowUp")
    expect(told).to_contain_text("At ")
    bench.press(" ")
    bench.wait_for(answers="1", draft="mask")
    expect(told).to_contain_text("predicted IoU")
    bench.press("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ ")
    bench.wait_for(answers="2")
    bench.press("Enter")
    bench.wait_for(draft="none", objects="1")
    expect(told).to_have_text("Accepted. 1 object on this image.")
    bench.wait_until_saved()
    [saved] = saved_on(api, image["id"])
    assert saved["prompts"]["labels"] == [1, 0]
    (x0, y0), (x1, y1) = saved["prompts"]["points"]
    assert x0 == x1
    assert y1 > y0


def test_a_drag_by_keyboard_makes_a_box_and_paints(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    bench.press("ArrowUp", "Shift+ArrowUp", "Shift+ArrowLeft")
    page.keyboard.down(" ")
    bench.press("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown")
    page.keyboard.up(" ")
    bench.wait_for(answers="1", draft="mask")
    bench.press("Escape", "b")
    bench.wait_for(draft="none")
    bench.press("Shift+ArrowLeft")
    page.keyboard.down(" ")
    bench.press("Shift+ArrowRight")
    page.keyboard.up(" ")
    bench.wait_for(draft="mask")
    accept(bench)
    [saved] = saved_on(api, image["id"])
    assert saved["source"] == "manual"
    assert saved["bbox"][2] > saved["bbox"][3], "a stroke to the right"


def test_the_mouse_takes_over_from_the_keyboards_cursor(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    bench.press("ArrowRight")
    cross = bench.page.locator(".wb-key-cursor")
    expect(cross).to_be_visible()
    bench.page.mouse.move(*bench.to_screen(*middle(image)))
    bench.page.mouse.move(*bench.to_screen(*middle(image, 5)))
    expect(cross).to_be_hidden()


def test_motion_is_reduced_on_request(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    expect(page.locator("body[data-ready=true]")).to_be_attached()
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((each) => {
          const { transitionDuration, animationDuration } = getComputedStyle(each);
          return [transitionDuration, animationDuration].some((text) =>
            text.split(",").some((part) => parseFloat(part) > 0.05));
        }).length"""
    )
    assert moving == 0
