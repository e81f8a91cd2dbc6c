"""The workbench as a person uses it: aim at image pixels, press keys, look at the screen."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import FloatRect, Page, expect

READY_MS = 60_000
STATE_MS = 20_000


class WorkbenchPage:
    """A page that shows the workbench. Points are image pixels (x, y); pictures are uint8 (H, W, 3) of the stage."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait_until_ready(self) -> None:
        """The first click is possible: the page is there and the image's embedding is in the decoder."""
        expect(self.page.locator("body[data-ready=true][data-embedding=ready]")).to_be_attached(
            timeout=READY_MS
        )

    def wait_for(self, **state: str) -> None:
        """Wait for the state that the page tells on <body>, for example draft="mask"."""
        for name, value in state.items():
            attribute = f"data-{name.replace('_', '-')}"
            expect(self.page.locator("body")).to_have_attribute(attribute, value, timeout=STATE_MS)

    def wait_until_decoded(self) -> None:
        self.wait_for(decoding="false")
        self.settle()

    def wait_until_saved(self) -> None:
        self.wait_for(save_state="saved", pending="0")

    def settle(self) -> None:
        """Two frames: whatever was invalidated is painted."""
        self.page.evaluate(
            "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        )

    def view(self) -> tuple[float, float, float]:
        """scale, x, y: CSS pixels an image pixel, and where the image's corner is on the stage."""
        data: dict[str, str] = self.page.eval_on_selector("#stage", "(stage) => ({...stage.dataset})")
        return float(data["scale"]), float(data["x"]), float(data["y"])

    def _stage_box(self) -> FloatRect:
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        return box

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Where the middle of image pixel (x, y) is in the window, CSS pixels."""
        scale, left, top = self.view()
        box = self._stage_box()
        return box["x"] + left + (x + 0.5) * scale, box["y"] + top + (y + 0.5) * scale

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.to_screen(x, y), **options)

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, move through the others, release at the last."""
        self.page.mouse.move(*self.to_screen(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.to_screen(*point), steps=8)
        self.page.mouse.up()
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def look(self) -> np.ndarray:
        """The stage as it is on screen, the pointer and the ring of the keyboard out of the way: uint8 (H, W, 3)."""
        self.page.evaluate("() => document.activeElement?.blur()")
        box = self._stage_box()
        self.page.mouse.move(box["x"] + box["width"] + 40, box["y"] + box["height"] - 40)
        self.settle()
        shot = self.page.locator("#stage").screenshot(animations="disabled")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def look_until(self, height: int, width: int, is_so: Callable[[np.ndarray], bool]) -> np.ndarray:
        """The screen's colours at the image's pixels once they are so, or as they last were: (height, width, 3)."""
        deadline = time.monotonic() + STATE_MS / 1000
        while (
            not is_so(colours := self.at_pixels(self.look(), height, width)) and time.monotonic() < deadline
        ):
            pass
        return colours

    def at_pixels(self, picture: np.ndarray, height: int, width: int) -> np.ndarray:
        """The screen's colours at the middles of all image pixels: picture (h, w, 3) -> (height, width, 3)."""
        scale, left, top = self.view()
        rows = np.floor(top + (np.arange(height) + 0.5) * scale).astype(int)
        columns = np.floor(left + (np.arange(width) + 0.5) * scale).astype(int)
        return picture[rows][:, columns]


def differs(one: np.ndarray, other: np.ndarray, threshold: int = 12) -> np.ndarray:
    """Where two pictures differ visibly: (H, W, 3) twice -> bool (H, W)."""
    return np.abs(one.astype(int) - other).sum(axis=-1) > threshold
