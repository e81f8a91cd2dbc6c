"""Brush and eraser in the hand: size, swapped by Ctrl and the right button, a pen's pressure and its other end."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import CDPSession, expect

from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import Mask, accept, bench, decode, image, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures

DEFAULT_RADIUS = 12
SAMPLE = """(samples) => {
  const stage = document.querySelector("#stage");
  const options = { bubbles: true, cancelable: true, pointerId: 77, pointerType: "pen", isPrimary: true };
  stage.setPointerCapture = () => {}; // there is no such pointer to capture
  for (const sample of samples) stage.dispatchEvent(new PointerEvent(sample.type, { ...options, ...sample }));
  delete stage.setPointerCapture;
}"""


@pytest.fixture
def cdp(bench: WorkbenchPage) -> CDPSession:
    return bench.page.context.new_cdp_session(bench.page)


def diameter(bench: WorkbenchPage) -> int:
    return int(bench.page.locator(".wb-brush-number").inner_text())


def notch(bench: WorkbenchPage, step: int, key: str = "Alt") -> None:
    bench.page.keyboard.down(key)
    bench.page.mouse.wheel(0, step)
    bench.settle()
    bench.page.keyboard.up(key)


def saved_mask(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> Mask:
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    return decode(annotation)


def draw_with_pen(
    bench: WorkbenchPage, cdp: CDPSession, points: list[tuple[int, int, float]], button: str = "left"
) -> None:
    """A stroke of the pen through x, y (image pixels) with a pressure."""
    for number, (x, y, pressure) in enumerate(points):
        left, top = bench.to_screen(x, y)
        event = {"x": left, "y": top, "button": button, "pointerType": "pen", "force": pressure}
        kind = "mouseMoved" if number else "mousePressed"
        buttons = {"left": 1, "right": 2}[button]
        cdp.send("Input.dispatchMouseEvent", {**event, "type": kind, "buttons": buttons, "clickCount": 1})
    cdp.send("Input.dispatchMouseEvent", {**event, "type": "mouseReleased", "buttons": 0, "clickCount": 1})
    bench.settle()


def test_the_size_changes_by_key_and_wheel_and_is_remembered(bench: WorkbenchPage) -> None:
    bench.press("b")
    scale = bench.view()[0]
    sizes = [diameter(bench)]
    bench.press("]", "]")
    sizes.append(diameter(bench))
    bench.page.mouse.move(*bench.to_screen(60, 60))
    notch(bench, -100)
    sizes.append(diameter(bench))
    assert sizes == sorted(set(sizes)), "larger each time"
    notch(bench, 100)
    assert diameter(bench) == sizes[1]
    assert bench.view()[0] == scale, "the view stays"
    bench.page.reload()
    bench.wait_until_ready()
    bench.press("e")
    assert diameter(bench) == sizes[1], "brush and eraser share one size, kept over a reload"
    bench.page.mouse.move(*bench.to_screen(60, 60))
    notch(bench, -100, "Control")
    assert bench.view()[0] > scale, "with Ctrl the wheel zooms, as a pinch on a trackpad does"


def test_the_cursor_is_a_ring_of_true_size(bench: WorkbenchPage) -> None:
    bare = bench.look()
    bench.press("b")
    x, y = 100, 80
    bench.page.mouse.move(*bench.to_screen(x, y))
    bench.settle()
    box = bench.page.locator("#stage").bounding_box()
    assert box is not None
    ring = differs(_screenshot(bench), bare)
    rows, columns = np.nonzero(ring)
    scale, left, top = bench.view()
    wide = 2 * DEFAULT_RADIUS * scale
    assert abs(np.ptp(columns) - wide) < 5
    assert abs(np.ptp(rows) - wide) < 5
    assert abs(columns.mean() - (left + (x + 0.5) * scale)) < 2
    assert abs(rows.mean() - (top + (y + 0.5) * scale)) < 2


def _screenshot(bench: WorkbenchPage) -> np.ndarray:
    shot = bench.page.locator("#stage").screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def test_ctrl_and_the_right_button_swap_brush_and_eraser(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    bench.press("b")
    bench.drag((40, 60), (200, 60))
    bench.page.keyboard.down("Control")
    bench.drag((80, 40), (80, 80))
    bench.page.keyboard.up("Control")
    bench.page.mouse.move(*bench.to_screen(140, 40))
    bench.page.mouse.down(button="right")
    bench.page.mouse.move(*bench.to_screen(140, 80), steps=4)
    bench.page.mouse.up(button="right")
    bench.press("e")
    bench.page.keyboard.down("Control")
    bench.drag((60, 120), (120, 120))
    bench.page.keyboard.up("Control")
    bench.wait_for(steps="4")
    mask = saved_mask(bench, api, image)
    assert [bool(mask[60, x]) for x in (50, 80, 110, 140, 190)] == [True, False, True, False, True]
    assert mask[120, 90]


def test_pen_pressure_changes_the_width_where_the_person_wants_it(
    bench: WorkbenchPage, cdp: CDPSession, api: Api, image: dict[str, Any]
) -> None:
    bench.press("b")
    toggle = bench.page.get_by_role("button", name="Pen pressure changes the brush")
    expect(toggle).to_be_hidden()
    draw_with_pen(bench, cdp, [(60, 60, 0.0), (130, 60, 0.5), (200, 60, 1.0)])
    expect(toggle).to_have_attribute("aria-pressed", "true")
    bench.press("Shift+B")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    draw_with_pen(bench, cdp, [(60, 140, 0.1), (200, 140, 0.1)])
    mask = saved_mask(bench, api, image)
    pressed = mask[40:90].sum(axis=0)[[60, 95, 130, 165, 200]]
    assert (np.diff(pressed) > 0).all(), f"the line widens without steps: {pressed}"
    assert np.abs(pressed[[0, -1]] - 2 * DEFAULT_RADIUS * np.array([0.2, 1])).max() <= 3
    assert mask[:, 130][115:170].sum() in (2 * DEFAULT_RADIUS, 2 * DEFAULT_RADIUS + 1)
    bench.page.reload()
    bench.wait_until_ready()
    bench.press("b")
    draw_with_pen(bench, cdp, [(60, 60, 0.1), (62, 60, 0.1)])
    expect(toggle).to_have_attribute("aria-pressed", "false")


def test_a_pens_barrel_button_and_its_other_end_erase(
    bench: WorkbenchPage, cdp: CDPSession, api: Api, image: dict[str, Any]
) -> None:
    bench.press("b")
    bench.drag((40, 60), (200, 60))
    draw_with_pen(bench, cdp, [(80, 40, 1), (80, 80, 1)], button="right")
    bench.wait_for(steps="2")
    path = [bench.to_screen(140, y) for y in (40, 60, 80)]
    eraser_end = {"buttons": 32, "pressure": 1.0}
    kinds = ["pointerdown", "pointermove", "pointermove", "pointerup"]
    samples = [
        {"type": kind, "clientX": x, "clientY": y, "button": 5 if kind != "pointermove" else -1, **eraser_end}
        for kind, (x, y) in zip(kinds, [*path, path[-1]], strict=True)
    ]
    bench.page.evaluate(SAMPLE, samples)
    bench.wait_for(steps="3")
    mask = saved_mask(bench, api, image)
    assert [bool(mask[60, x]) for x in (50, 80, 110, 140, 190)] == [True, False, True, False, True]


def test_erasing_where_nothing_is_leaves_no_step(bench: WorkbenchPage) -> None:
    bench.press("e")
    bench.drag((40, 60), (200, 60))
    bench.wait_for(draft="none", steps="0")
    bench.press("b")
    bench.drag((40, 60), (80, 60))
    bench.press("e")
    bench.drag((140, 60), (200, 60))
    bench.wait_for(draft="mask", steps="1")
