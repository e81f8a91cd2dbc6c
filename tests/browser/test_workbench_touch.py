"""Fingers on the glass: one paints, two move the view, and beside a pen they never paint by accident."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, decode, image, saved_on
from tools.real_server import Api

__all__ = ["image"]  # a fixture

Point = tuple[float, float]
PALM_MS = 700  # a little more than the hand is kept away after the pen


class Fingers:
    """Touches in the window, CSS pixels."""

    def __init__(self, bench: WorkbenchPage) -> None:
        self.bench = bench
        self.cdp: CDPSession = bench.page.context.new_cdp_session(bench.page)

    def send(self, kind: str, *points: Point) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def draw(self, *points: Point) -> None:
        """One finger through image pixels."""
        first, *others = (self.bench.to_screen(*point) for point in points)
        self.send("touchStart", first)
        for point in others:
            self.send("touchMove", point)
        self.send("touchEnd")
        self.bench.settle()

    def pinch(self, begin: tuple[Point, Point], end: tuple[Point, Point], late: float = 0) -> None:
        """Two fingers, the second one `late` milliseconds after the first."""
        self.send("touchStart", begin[0])
        if late:
            self.send("touchMove", (begin[0][0] + 3, begin[0][1]))
            self.bench.page.wait_for_timeout(late)
        self.send("touchStart", *begin)
        for share in (0.25, 0.5, 0.75, 1):
            between = [
                (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
                for a, b in zip(begin, end, strict=True)
            ]
            self.send("touchMove", *between)
        self.send("touchEnd")
        self.bench.settle()

    def pen(self, kind: str, point: Point) -> None:
        """The pen at an image pixel: mousePressed, mouseMoved (pressed) or mouseReleased."""
        x, y = self.bench.to_screen(*point)
        buttons = 0 if kind == "mouseReleased" else 1
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}
        self.cdp.send("Input.dispatchMouseEvent", {**event, "pointerType": "pen", "force": 0.8})
        self.bench.settle()


@pytest.fixture
def bench(
    browser: Browser,
    browser_context_args: dict[str, Any],
    api: Api,
    demo: dict[str, Any],
    image: dict[str, Any],
) -> Iterator[WorkbenchPage]:
    """The workbench on a tablet."""
    tablet = browser.new_context(
        **{**browser_context_args, "storage_state": api.storage_state(), "has_touch": True}
    )
    page = tablet.new_page()
    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    opened = WorkbenchPage(page)
    opened.wait_until_ready()
    yield opened
    tablet.close()


@pytest.fixture
def fingers(bench: WorkbenchPage) -> Fingers:
    return Fingers(bench)


def test_one_finger_paints(bench: WorkbenchPage, fingers: Fingers, api: Api, image: dict[str, Any]) -> None:
    bench.press("b")
    view = bench.view()
    fingers.draw((40, 60), (120, 60), (120, 120))
    bench.wait_for(draft="mask", steps="1")
    assert bench.view() == view
    accept(bench)
    mask = decode(saved_on(api, image["id"])[0])
    assert mask[60, 80]
    assert mask[100, 120]
    assert not mask[100, 60]


def test_two_fingers_zoom_and_pan_and_leave_no_stroke(bench: WorkbenchPage, fingers: Fingers) -> None:
    bench.press("b")
    fingers.draw((40, 60), (80, 60))
    bench.wait_for(steps="1")
    scale, left, top = bench.view()
    box = bench.page.locator("#stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers.pinch(((x - 50, y), (x + 50, y)), ((x - 100, y + 30), (x + 100, y + 30)))
    bench.wait_for(steps="1")
    zoomed, zoomed_left, zoomed_top = bench.view()
    assert zoomed / scale == pytest.approx(2, rel=0.02)
    # What was between the fingers still is.
    held = [(x - box["x"] - left) / scale, (y - box["y"] - top) / scale]
    holds = [(x - box["x"] - zoomed_left) / zoomed, (y + 30 - box["y"] - zoomed_top) / zoomed]
    assert holds == pytest.approx(held, abs=2 / scale)
    bench.press("Control+z")
    bench.wait_for(draft="none", steps="0")


def test_a_stroke_that_has_gone_on_survives_a_second_finger(bench: WorkbenchPage, fingers: Fingers) -> None:
    bench.press("b")
    x, y = bench.to_screen(100, 80)
    fingers.pinch(((x, y), (x + 90, y)), ((x, y), (x + 120, y)), late=600)
    bench.wait_for(draft="mask", steps="1")


def test_beside_a_pen_fingers_pan_and_the_hand_does_nothing(bench: WorkbenchPage, fingers: Fingers) -> None:
    bench.press("b")
    scale, left, top = bench.view()
    fingers.pen("mousePressed", (40, 60))
    fingers.draw((120, 120), (160, 120))
    fingers.pen("mouseMoved", (80, 60))
    fingers.pen("mouseReleased", (80, 60))
    bench.wait_for(steps="1")
    assert bench.view() == (scale, left, top), "the hand that holds the pen"
    bench.page.wait_for_timeout(PALM_MS)
    fingers.draw((120, 120), (160, 130))
    assert bench.view() == pytest.approx((scale, left + 40 * scale, top + 10 * scale), abs=1)
    bench.wait_for(steps="1")
    fingers.pen("mousePressed", (40, 100))
    fingers.pen("mouseReleased", (40, 100))
    bench.wait_for(steps="2")


def test_a_finger_sets_points_too(bench: WorkbenchPage, fingers: Fingers, image: dict[str, Any]) -> None:
    fingers.draw((image["width"] // 2, image["height"] // 2))
    bench.wait_for(draft="mask")
    bench.wait_until_decoded()
