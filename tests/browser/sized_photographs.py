"""Photographs of 0.3, 12 and 50 megapixels with known shapes, uploaded once and opened once for several tests."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Playwright

from tests.browser.windows import window_of
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, accept_new, decode
from tools.real_server import Api

SIZES = {"0.3 MP": (640, 480), "12 MP": (4000, 3000), "50 MP": (8660, 5774)}
GROUND, COIN, CARD = (74, 92, 70), (226, 196, 80), (60, 96, 190)
Box = tuple[int, int, int, int]


class Photograph(NamedTuple):
    """Width and height in pixels, and where its two shapes are: x0, y0, x1, y1, all of them inside."""

    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def at(self, x: float, y: float) -> tuple[int, int]:
        """A pixel by its share of the width and height."""
        return round(self.width * x), round(self.height * y)

    @property
    def coin(self) -> Box:
        (x, y), radius = self.at(0.3, 0.4), round(self.height * 0.18)
        return x - radius, y - radius, x + radius, y + radius

    @property
    def card(self) -> Box:
        return *self.at(0.6, 0.2), *self.at(0.85, 0.55)

    def coin_mask(self) -> Mask:
        """bool (H, W)"""
        canvas = Image.new("1", (self.width, self.height))
        ImageDraw.Draw(canvas).ellipse(self.coin, fill=1)
        return np.asarray(canvas)

    def jpeg(self) -> bytes:
        picture = Image.new("RGB", (self.width, self.height), GROUND)
        draw = ImageDraw.Draw(picture)
        draw.ellipse(self.coin, fill=COIN)
        draw.rectangle(self.card, fill=CARD)
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=85)
        return target.getvalue()


class Sized(NamedTuple):
    """A photograph that is open in the workbench."""

    bench: WorkbenchPage
    api: Api
    image: dict[str, Any]
    photograph: Photograph

    def accept(self) -> dict[str, Any]:
        """Accept the draft and give the annotation that it became."""
        return accept_new(self.bench, self.api, self.image["id"])

    def accept_mask(self) -> Mask:
        return decode(self.accept())


@pytest.fixture(scope="session")
def uploaded(playwright: Playwright, api: Api) -> dict[str, dict[str, Any]]:
    """The photographs as the API gives them, by the names of SIZES, in a project of their own."""
    project = api.post("/projects", {"name": "Sizes"}).body
    api.post(f"/projects/{project['id']}/categories", {"name": "Thing"})
    headers = {"X-CSRFToken": api.get("/me").body["csrf_token"], "Referer": api.base_url + "/"}
    requests = playwright.request.new_context(
        base_url=api.base_url, storage_state=api.storage_state(), extra_http_headers=headers
    )
    images = {}
    for name, size in SIZES.items():
        file: Any = {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": Photograph(*size).jpeg()}
        answer = requests.post(f"/api/v1/projects/{project['id']}/images", multipart={"files": file})
        assert answer.ok, answer.text()
        [images[name]] = answer.json()["images"]
    requests.dispose()
    return images


@pytest.fixture(scope="module", params=SIZES)
def sized(
    request: pytest.FixtureRequest, browser: Browser, api: Api, uploaded: dict[str, dict[str, Any]]
) -> Iterator[Sized]:
    """Each of them, open and ready for clicks, as one page for the whole module."""
    image = uploaded[request.param]
    assert api.call("PATCH", "/me", {"preferences": {"view": None}}).status == 200  # earlier modules' choices
    with window_of(browser, api) as page:
        page.goto(f"/projects/{image['project_id']}/images/{image['id']}")
        bench = WorkbenchPage(page)
        bench.wait_until_ready()
        yield Sized(bench, api, image, Photograph(*SIZES[request.param]))
