"""Every mode of the workbench, set up as a person would, for pictures to be looked at."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, Page, expect

from annotator import masks
from tools.real_server import Api
from tools.screenshots.camera import REST_MS, SMALL, Shoot, View, page_at, save_all, take_each, view_of
from tools.screenshots.documentation import images_of, open_image, settle

CUP = (0.285, 0.04, 0.69, 0.61)
SPOON = (0.62, 0.70)
STAR = ((0.42, 0.25), (0.60, 0.22), (0.66, 0.45), (0.52, 0.62), (0.38, 0.47))
COINS = ((0.115, 0.18), (0.26, 0.19), (0.405, 0.167), (0.562, 0.17), (0.72, 0.175))
PROPOSED = ((0.27, 0.655, 0.97), (0.40, 0.655, 0.94), (0.555, 0.645, 0.93), (0.715, 0.65, 0.88))
MISSED = ((0.12, 0.655, 0.71), (0.635, 0.885, 0.64))
"""Coins: middle, and the score that a run of automatic masks would give."""
COIN = 0.062
"""Radius of a coin, as a share of the image's width."""


@dataclass(frozen=True)
class Desk:
    """An image open on the workbench; points are fractions of it."""

    page: Page
    api: Api
    project: dict[str, Any]
    image: dict[str, Any]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def view(self) -> View:
        return view_of(self.page, self.image)

    def click(self, x: float, y: float, button: Any = "left") -> None:
        self.page.mouse.click(*self.view.at(x, y), button=button)
        settle(self.page)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def trail(self, *points: tuple[float, float], hold: bool = False) -> None:
        """Drag through the points; with `hold` the button stays down."""
        view, mouse = self.view, self.page.mouse
        mouse.move(*view.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*view.at(*point), steps=12)
        if not hold:
            mouse.up()


def plain(desk: Desk) -> None:
    expect(desk.page.locator("body")).to_have_attribute("data-draft", "none")


def points_and_box(desk: Desk) -> None:
    desk.trail(CUP[:2], CUP[2:])
    settle(desk.page)
    desk.click(0.50, 0.30)
    desk.click(0.72, 0.66, button="right")


def candidates(desk: Desk) -> None:
    desk.click(*SPOON)


def brush(desk: Desk) -> None:
    desk.click(*SPOON)
    desk.press("b", "]", "]", "]", "]")
    desk.trail((0.30, 0.75), (0.42, 0.82), (0.55, 0.80), hold=True)


def polygon(desk: Desk) -> None:
    desk.press("p")
    for point in STAR:
        desk.page.mouse.click(*desk.view.at(*point))
    desk.page.mouse.move(*desk.view.at(0.36, 0.30))


def scribble(desk: Desk) -> None:
    desk.press("y")
    desk.trail((0.40, 0.20), (0.48, 0.30), (0.58, 0.26), (0.55, 0.42), hold=True)


def clean_up(desk: Desk) -> None:
    desk.click(*SPOON)
    desk.press("c")


def selected(desk: Desk) -> None:
    desk.page.locator(".wb-object-open").first.click()
    expect(desk.page.locator("body")).to_have_attribute("data-draft", "saved")


def several_selected(desk: Desk) -> None:
    desk.press("v", "Control+a")


def combine(desk: Desk) -> None:
    desk.press("v", "Control+a", "j")
    expect(desk.page.get_by_role("dialog", name="Combine objects")).to_be_visible()


def many_objects(desk: Desk) -> None:
    desk.press("q")
    for x, y in COINS:
        desk.page.mouse.click(*desk.view.at(x, y))
        expect(desk.page.locator("body")).to_have_attribute("data-decoding", "false")


def closer_look(desk: Desk) -> None:
    desk.page.mouse.move(*desk.view.at(0.40, 0.35))
    for _ in range(9):
        desk.page.mouse.wheel(0, -100)
    desk.press("z")
    expect(desk.page.locator("body")).to_have_attribute("data-look", "ready")


def proposals(desk: Desk) -> None:
    _propose(desk)
    desk.press(".")
    expect(desk.page.locator("body")).to_have_attribute("data-draft", "saved")


def proposals_above(desk: Desk) -> None:
    _propose(desk)
    desk.press("Shift+A")
    expect(desk.page.get_by_role("button", name="Do not accept them")).to_be_visible()


def missed(desk: Desk) -> None:
    _propose(desk)
    desk.press("Shift+M")
    proposed = str(len(PROPOSED) + len(MISSED))
    expect(desk.page.locator("body")).to_have_attribute("data-proposals", proposed)


def _propose(desk: Desk) -> None:
    """Proposals and regions that were perhaps missed, as a run of automatic masks leaves them; once an image."""
    listed = desk.api.get(f"/images/{desk.image['id']}/annotations").body["annotations"]
    if not any(each["source"] == "proposal" for each in listed):
        for x, y, score in PROPOSED:
            _put_coin(desk, x, y, score, "proposal")
        for x, y, score in MISSED:
            _put_coin(desk, x, y, score, "missed")
        desk.page.reload()
        expect(desk.page.locator("body")).to_have_attribute("data-embedding", "ready")
    expect(desk.page.locator("body")).to_have_attribute("data-proposals", str(len(PROPOSED)))


def _put_coin(desk: Desk, x: float, y: float, score: float, state: str) -> None:
    width, height = desk.image["width"], desk.image["height"]
    rows, columns = np.mgrid[0:height, 0:width]
    bitmap = np.hypot(columns - x * width, rows - y * height) < COIN * width
    body = {
        "image_id": desk.image["id"],
        "category_id": None,
        "state": state,
        "segmentation": masks.encode(bitmap).to_coco(),
        "source": "proposal",
        "prompts": {"points": [[x * width, y * height]], "labels": [1], "boxes": []},
        "predicted_iou": score,
        "stability_score": 0.95,
    }
    answer = desk.api.call("PUT", f"/annotations/{uuid.uuid4()}", body, {"If-None-Match": "*"})
    assert answer.status == 201, answer.body


def steps(desk: Desk) -> None:
    points_and_box(desk)
    desk.press("Enter")
    desk.click(*SPOON)
    desk.press("Control+z")
    desk.page.locator("#steps summary").click()


def similar(desk: Desk) -> None:
    desk.trail(*(_corner(COINS[0], sign) for sign in (-1, 1)))
    settle(desk.page)
    desk.press("Enter", "Shift+Q")
    expect(desk.page.locator("body")).not_to_have_attribute("data-waiting", "0")


def _corner(middle: tuple[float, float], sign: int) -> tuple[float, float]:
    return middle[0] + sign * COIN, middle[1] + sign * COIN * 1.25


def sign_in_again(desk: Desk) -> None:
    desk.context.clear_cookies()
    desk.click(*SPOON)
    desk.press("Enter")
    desk.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(desk.page.get_by_role("dialog")).to_be_visible()


def view_menu(desk: Desk) -> None:
    desk.page.get_by_role("button", name="View", exact=True).click()


def shortcuts(desk: Desk) -> None:
    desk.press("?")


def change_shortcuts(desk: Desk) -> None:
    desk.press("?")
    desk.page.get_by_role("button", name="Change shortcuts").click()


def palette(desk: Desk) -> None:
    desk.press("Control+k")
    desk.page.keyboard.type("o")


def image_browser(desk: Desk) -> None:
    desk.press("g")
    desk.page.wait_for_timeout(REST_MS)
    desk.page.wait_for_load_state("networkidle")  # thumbnails


def image_info(desk: Desk) -> None:
    desk.press("i")


def skip(desk: Desk) -> None:
    desk.press("k")


def status(desk: Desk) -> None:
    desk.click(*SPOON)
    desk.page.locator("[popovertarget=status-details]").click()


def offline(desk: Desk) -> None:
    desk.context.set_offline(True)
    desk.click(*SPOON)
    desk.press("Enter")


def tour_offer(desk: Desk) -> None:
    _offer_tour(desk)


def tour_step(desk: Desk) -> None:
    _offer_tour(desk)
    desk.page.get_by_role("button", name="Show me").click()
    desk.click(*SPOON)


def _offer_tour(desk: Desk) -> None:
    try:
        desk.api.call("PATCH", "/me", {"preferences": {"tour": None}})
        desk.page.reload()
        expect(desk.page.get_by_role("button", name="Show me")).to_be_visible()
    finally:
        desk.api.call("PATCH", "/me", {"preferences": {"tour": {"left": True, "step": 0}}})


def conflict(desk: Desk) -> None:
    """A colleague has made the same object larger meanwhile."""
    selected(desk)
    where = desk.page.locator(".wb-object.is-selected").get_attribute("data-id")
    listed = desk.api.get(f"/images/{desk.image['id']}/annotations").body["annotations"]
    mine = next(each for each in listed if each["id"] == where)
    person = desk.api.post("/users", {"name": f"Ann {uuid.uuid4().hex[:4]}"}).body["id"]
    desk.api.call("PUT", f"/projects/{desk.project['id']}/members/{person}", {"role": "annotator"})
    ann = Api(desk.api.base_url, desk.api.post(f"/users/{person}/link").body["url"])
    bitmap = masks.decode(masks.parse_rle(mine["segmentation"])).astype(bool)
    x, y, width, height = (int(value) for value in mine["bbox"])
    bitmap[y + height // 2 : y + height, x : x + width] = True
    theirs = masks.encode(bitmap).to_coco()
    body = {"image_id": desk.image["id"], "category_id": mine["category_id"], "segmentation": theirs}
    headers = {"If-Match": f'"{mine["revision"]}"'}
    answer = ann.call("PUT", f"/annotations/{where}", {**body, "source": "manual"}, headers)
    assert answer.status == 200, answer.body
    desk.press("e")
    middle = ((x + width / 2) / desk.image["width"], (y + height / 2) / desk.image["height"])
    desk.trail(middle, (middle[0] + 0.05, middle[1] + 0.05))
    desk.press("Enter")
    expect(desk.page.get_by_role("dialog")).to_be_visible()


MODES: dict[str, tuple[str, Callable[[Desk], None]]] = {
    "workbench": ("retina.jpg", plain),
    "points": ("coffee.png", points_and_box),
    "candidates": ("coffee.png", candidates),
    "brush": ("coffee.png", brush),
    "polygon": ("coffee.png", polygon),
    "scribble": ("coffee.png", scribble),
    "clean-up": ("coffee.png", clean_up),
    "selected": ("cat.png", selected),
    "several-selected": ("cat.png", several_selected),
    "combine": ("cat.png", combine),
    "many-objects": ("coins.png", many_objects),
    "similar": ("coins.png", similar),
    "proposals": ("coins.png", proposals),
    "proposals-above": ("coins.png", proposals_above),
    "missed": ("coins.png", missed),
    "closer-look": ("deep-field.jpg", closer_look),
    "view-menu": ("cat.png", view_menu),
    "shortcuts": ("coffee.png", shortcuts),
    "change-shortcuts": ("coffee.png", change_shortcuts),
    "palette": ("coffee.png", palette),
    "image-browser": ("coffee.png", image_browser),
    "image-info": ("coffee.png", image_info),
    "skip": ("coffee.png", skip),
    "steps": ("coffee.png", steps),
    "status": ("coffee.png", status),
    "sign-in-again": ("coffee.png", sign_in_again),
    "offline": ("coffee.png", offline),
    "tour-offer": ("coffee.png", tour_offer),
    "tour-step": ("coffee.png", tour_step),
    "conflict": ("astronaut.png", conflict),
}
"""Name → the demo image it is shown on, and how to get there."""


def take_modes(shoot: Shoot, names: list[str]) -> list[str]:
    """Each of the named modes in every size and theme; the names of those that failed."""
    api, project = shoot.api, shoot.project
    images = images_of(api, project)

    def take(name: str) -> None:
        image_name, set_up = MODES[name]
        with page_at(shoot.browser, api, SMALL, "light") as page:
            open_image(page, project["id"], images[image_name])
            set_up(Desk(page, api, project, images[image_name]))
            save_all(page, shoot.folder, name)

    return take_each(names, take)
