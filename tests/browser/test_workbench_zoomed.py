"""Closer looks at small objects on a photograph of 48 megapixels: finer masks, kept with what they were made from."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Playwright, expect

from tests.browser.uploads import upload
from tests.browser.windows import window_of
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, accept_new, decode, saved_on
from tools.real_server import Api

pytestmark = pytest.mark.timeout(480)  # each test opens 48 megapixels anew

WIDTH, HEIGHT = 8_000, 6_000
GROUND, LEAF = (92, 104, 96), (228, 190, 64)
CENTRE = (5_000, 3_500)
LOOK_MS = 60_000
FINER = 0.05
"""So much better, in IoU, is a closer look at least."""


def leaf() -> list[tuple[float, float]]:
    """The outline of a small leaf with eleven lobes around CENTRE, about 120 pixels across."""
    angles = np.linspace(0, 2 * np.pi, 220, endpoint=False)
    radii = 52 + 9 * np.cos(11 * angles)
    x, y = CENTRE[0] + radii * np.cos(angles), CENTRE[1] + radii * np.sin(angles)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def truth() -> Mask:
    """bool (H, W)"""
    canvas = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(canvas).polygon(leaf(), fill=1)
    return np.asarray(canvas)


def photograph() -> bytes:
    picture = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    ImageDraw.Draw(picture).polygon(leaf(), fill=LEAF)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=90)
    return target.getvalue()


def iou(mask: Mask, other: Mask) -> float:
    return float((mask & other).sum() / (mask | other).sum())


class Zoomed(NamedTuple):
    bench: WorkbenchPage
    api: Api
    image: dict[str, Any]

    @property
    def chip(self) -> Locator:
        return self.bench.page.locator(".wb-look")

    def zoom_in(self, scale: float = 1.0) -> None:
        """The leaf in the middle of the view, whole."""
        self.bench.press("f")
        self.bench.page.mouse.move(*self.bench.to_screen(*CENTRE))
        while self.bench.view()[0] < scale:
            self.bench.page.mouse.wheel(0, -120)
            self.bench.settle()

    def look(self) -> None:
        self.bench.press("z")
        self.wait_for_look()

    def wait_for_look(self) -> None:
        expect(self.bench.page.locator("body[data-look=ready]")).to_be_attached(timeout=LOOK_MS)
        self.bench.wait_until_decoded()

    def box(self) -> None:
        """A box around the leaf, answered."""
        before = int(self.bench.page.locator("body").get_attribute("data-answers") or 0)
        (x, y), room = CENTRE, 66
        self.bench.drag((x - room, y - room), (x + room, y + room))
        self.bench.wait_for(answers=str(before + 1))
        self.bench.wait_until_decoded()

    def accept(self) -> dict[str, Any]:
        return accept_new(self.bench, self.api, self.image["id"])


@pytest.fixture(scope="module")
def stored(playwright: Playwright, api: Api) -> dict[str, Any]:
    """The photograph, in a project of its own."""
    return upload(playwright, api, project="Far away", label="Leaf", name="leaf.jpg", data=photograph())


@pytest.fixture
def zoomed(browser: Browser, api: Api, stored: dict[str, Any]) -> Iterator[Zoomed]:
    """The photograph without objects, zoomed in on the leaf."""
    for annotation in saved_on(api, stored["id"]):
        headers = {"If-Match": f'"{annotation["revision"]}"'}
        assert api.call("DELETE", f"/annotations/{annotation['id']}", headers=headers).status == 204
    with window_of(browser, api) as page:
        page.goto(f"/projects/{stored['project_id']}/images/{stored['id']}")
        opened = Zoomed(WorkbenchPage(page), api, stored)
        opened.bench.wait_until_ready()
        yield opened


def test_a_closer_look_draws_a_finer_mask_and_is_kept_with_it(zoomed: Zoomed) -> None:
    zoomed.zoom_in()
    zoomed.box()
    far = zoomed.accept()
    assert "crop_box" not in far["prompts"]
    zoomed.look()
    zoomed.box()
    near = zoomed.accept()
    x0, y0, x1, y1 = near["prompts"]["crop_box"]
    assert 0 <= x0 < CENTRE[0] < x1 <= WIDTH
    assert 0 <= y0 < CENTRE[1] < y1 <= HEIGHT
    leaf_mask = truth()
    assert iou(decode(near), leaf_mask) > iou(decode(far), leaf_mask) + FINER
    outside = decode(near)
    outside[y0:y1, x0:x1] = False
    assert not outside.any()


def test_the_draft_is_answered_anew_undone_in_one_step_and_survives_a_reload(zoomed: Zoomed) -> None:
    zoomed.zoom_in()
    zoomed.box()
    zoomed.look()
    zoomed.bench.wait_for(steps="2")
    zoomed.bench.press("Control+z")
    zoomed.bench.wait_for(steps="1")
    zoomed.bench.press("Control+Shift+z")
    zoomed.bench.wait_for(steps="2", kept="2")
    zoomed.bench.page.reload()
    zoomed.bench.wait_until_ready()
    zoomed.bench.wait_for(draft="mask", steps="2")
    zoomed.wait_for_look()
    before = int(zoomed.bench.page.locator("body").get_attribute("data-answers") or 0)
    zoomed.zoom_in()
    zoomed.bench.click(*CENTRE)
    zoomed.bench.wait_for(answers=str(before + 1))
    saved = zoomed.accept()
    assert len(saved["prompts"]["points"]) == 1
    assert saved["prompts"]["crop_box"]


def test_an_object_brings_its_look_back(zoomed: Zoomed) -> None:
    zoomed.zoom_in()
    zoomed.look()
    zoomed.box()
    zoomed.accept()
    zoomed.bench.page.reload()
    zoomed.bench.wait_until_ready()
    zoomed.bench.wait_for(look="off")
    zoomed.bench.page.locator(".wb-section-objects").get_by_text("Leaf").first.click()
    zoomed.wait_for_look()
    zoomed.bench.wait_for(draft="saved")


def test_it_is_offered_when_little_is_in_sight_and_told_while_it_is_there(zoomed: Zoomed) -> None:
    page = zoomed.bench.page
    zoomed.bench.press("f")
    expect(zoomed.chip).to_be_hidden()
    zoomed.zoom_in()
    offer = zoomed.chip.get_by_role("button", name="Look closer")
    expect(offer).to_be_visible()
    offer.click()
    zoomed.wait_for_look()
    expect(page.locator(".wb-status-look")).to_be_visible()
    zoomed.chip.get_by_role("button", name="Leave the closer look").click()
    zoomed.bench.wait_for(look="off")
    expect(page.locator(".wb-status-look")).to_be_hidden()


def test_the_crop_is_framed(zoomed: Zoomed) -> None:
    zoomed.zoom_in()
    zoomed.look()
    for _ in range(8):
        zoomed.bench.press("-")
    with_frame = zoomed.bench.look()
    zoomed.bench.press("z")
    zoomed.bench.wait_for(look="off")
    without = zoomed.bench.look()
    changed = np.abs(with_frame.astype(int) - without).sum(axis=-1) > 60
    # The chip is the only other thing that changes, at the bottom.
    rows, columns = np.nonzero(changed[: int(changed.shape[0] * 0.85)])
    assert len(rows) > 200
    assert np.ptp(rows) > 50
    assert np.ptp(columns) > 50


def test_leaving_gives_the_servers_work_up(zoomed: Zoomed) -> None:
    zoomed.zoom_in(2.4)  # a part that nobody has looked at yet
    cancelled: list[str] = []
    page = zoomed.bench.page
    page.on("request", lambda request: cancelled.append(request.url) if "/cancel" in request.url else None)
    asked: list[int] = []
    page.on("response", lambda answer: asked.append(answer.status) if answer.url.endswith("/crops") else None)
    with page.expect_response("**/api/v1/jobs/*"):
        zoomed.bench.press("z")
    zoomed.chip.get_by_role("button", name="Cancel").click()
    zoomed.bench.wait_for(look="off")
    assert asked[0] == 202
    assert len(cancelled) == 1


def test_a_view_of_nearly_everything_needs_no_closer_look(zoomed: Zoomed) -> None:
    zoomed.bench.press("f", "z")
    expect(zoomed.bench.page.get_by_text("Zoom in first")).to_be_visible()
    zoomed.bench.wait_for(look="off")
