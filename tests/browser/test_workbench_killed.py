"""The tab is killed at random moments of a session; every stroke that the page called kept is there afterwards.

A stroke is kept when data-kept has reached its step. Each stroke paints its own spot of the photograph, so that the
masks on the server tell in the end which of them survived.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import time
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Error, Page

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import decode, saved_on
from tools.real_server import Api

# Up to three seconds each; 100 for the full proof.
KILLS = int(os.environ.get("WORKBENCH_KILLS", "12"))
SECONDS_A_KILL = 60
FEWEST_KILLS_AN_IMAGE = 12
SPACING = 36  # image pixels between spots; the brush is smaller: no spot covers another's middle
Spot = tuple[int, int]


class Session:
    """One image under work, over many lives of its tab."""

    def __init__(self, context: BrowserContext, address: str, image: dict[str, Any], seed: int) -> None:
        self.context, self.address, self.image = context, address, image
        self.random = random.Random(seed)
        columns = range(SPACING, image["width"] - SPACING, SPACING)
        rows = range(SPACING, image["height"] - SPACING, SPACING)
        self.free: list[Spot] = [(x, y) for y in rows for x in columns]
        self.kept: list[Spot] = []

    def open(self) -> WorkbenchPage:
        page = self.context.new_page()
        page.goto(self.address, wait_until="commit")
        page.wait_for_selector("body[data-ready=true]", state="attached", timeout=60_000)
        bench = WorkbenchPage(page)
        page.keyboard.press("b")
        return bench

    def live(self) -> None:
        """Open the image, work for a moment, and die."""
        bench = self.open()
        page = bench.page
        scale, left, top = bench.view()
        corner = bench._stage_box()
        done = _state(page)["steps"]
        painted: list[tuple[int, Spot]] = []
        for _ in range(self.random.randint(1, 4)):
            spot = self.free.pop(0)
            x = corner["x"] + left + (spot[0] + 0.5) * scale
            y = corner["y"] + top + (spot[1] + 0.5) * scale
            page.mouse.move(x, y)
            page.mouse.down()
            if self.random.random() < 0.15:
                break  # dies in the middle of a stroke
            page.mouse.up()
            done += 1
            painted.append((done, spot))
            if self.random.random() < 0.25:
                page.keyboard.press("Enter")
                done += 1
            time.sleep(self.random.random() * 0.25)
        kept = _state(page)["kept"]
        self.kept += [spot for step, spot in painted if step <= kept]
        _kill(page)


def _state(page: Page) -> dict[str, int]:
    state: dict[str, int] = page.evaluate(
        "() => ({steps: Number(document.body.dataset.steps), kept: Number(document.body.dataset.kept)})"
    )
    return state


def _kill(page: Page) -> None:
    """End the tab's process at once: no event of the page runs any more."""
    with page.expect_event("crash"), contextlib.suppress(Error):  # there is nobody left to answer
        page.goto("chrome://crash", timeout=5_000)
    page.close()


@pytest.mark.timeout(120 + KILLS * SECONDS_A_KILL)
def test_no_kept_stroke_is_lost_when_the_tab_is_killed(
    context: BrowserContext, api: Api, demo: dict[str, Any]
) -> None:
    images = api.get(f"/projects/{demo['id']}/images").body["images"]
    # Painting needs no model: without it a tab opens in a second.
    context.route("**/*.onnx*", lambda route: route.abort())
    kills_an_image = max(FEWEST_KILLS_AN_IMAGE, math.ceil(KILLS / len(images)))
    total = 0
    for number, image in enumerate(images[: math.ceil(KILLS / kills_an_image)]):
        for annotation in saved_on(api, image["id"]):
            headers = {"If-Match": f'"{annotation["revision"]}"'}
            api.call("DELETE", f"/annotations/{annotation['id']}", headers=headers)
        session = Session(context, f"/projects/{demo['id']}/images/{image['id']}", image, seed=number)
        for _ in range(min(kills_an_image, KILLS - number * kills_an_image)):
            session.live()
        bench = session.open()
        bench.press("Enter")
        bench.wait_for(draft="none")
        bench.wait_until_saved()
        bench.page.close()
        masks = [decode(annotation) for annotation in saved_on(api, image["id"])]
        survived = np.any(masks, axis=0)
        assert [spot for spot in session.kept if not survived[spot[1], spot[0]]] == []
        total += len(session.kept)
    assert total > KILLS / 2, "hardly a stroke was kept before the tab died: the test proves nothing"
