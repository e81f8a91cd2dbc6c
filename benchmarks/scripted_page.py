"""The hands of the scripted annotator: clicks, strokes, zoom and keys in the real page, and a look at its mask."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from playwright.sync_api import Page

from annotator.evaluation.clicks import Bitmap, Click
from annotator.masks import decode, parse_rle
from benchmarks.scripted_strokes import Stroke
from benchmarks.workbench_page import QuietWorkbench, begin, end

APART = 14
"""A click this near to an earlier one on screen would take hold of its point, CSS pixels."""

FILLED = 0.8
"""Share of the stage's width or height that an object fills when somebody paints on it."""

MARGIN = 4
MAX_SCALE = 16.0
WHEEL_NOTCH = 100

# The page's own editor, to read the mask that it shows; nothing is called that changes it.
FIND_EDITOR = """async () => {
  const loaded = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/js/editor.js"));
  const { Editor } = await import(loaded.name);
  const { activity } = Editor.prototype;
  Editor.prototype.activity = function (...values) {
    window.shownEditor = this;
    return activity.apply(this, values);
  };
}"""
READ_MASK = """() => {
  const { draft, image } = window.shownEditor;
  return { size: [image.height, image.width], counts: draft && !draft.isBlank ? draft.counts : null };
}"""


class Hands:
    """One image on the workbench; `object` work starts and ends with no draft."""

    def __init__(self, page: Page, seed: int) -> None:
        self.page = page
        self.bench = QuietWorkbench(page)
        self._random = np.random.default_rng(seed)
        self._clicked: list[tuple[float, float]] = []
        page.evaluate(FIND_EDITOR)
        page.mouse.move(*self.bench.to_screen(0, 0))
        page.wait_for_timeout(100)

    def click(self, click: Click) -> float:
        """Include or exclude a pixel; milliseconds until the mask is on screen."""
        self._see((click.x, click.y))
        while self._is_near_another(click):
            self._wheel_in(click.x, click.y)
        body = self.page.locator("body")
        answers = int(body.get_attribute("data-answers") or 0)
        self.page.mouse.move(*self.bench.to_screen(click.x, click.y))
        begin(self.page, "state", {"answers": str(answers + 1)})
        self.page.mouse.click(
            *self.bench.to_screen(click.x, click.y), button="left" if click.inside else "right"
        )
        taken = end(self.page)
        self.bench.wait_for(decoding="false")
        self._clicked.append((click.x, click.y))
        return taken

    def _see(self, *points: tuple[float, float]) -> None:
        """Show the whole image when one of the points is outside of the view."""
        stage = self.bench._stage_box()
        for x, y in (self.bench.to_screen(*point) for point in points):
            inside_x = MARGIN < x - stage["x"] < stage["width"] - MARGIN
            inside_y = MARGIN < y - stage["y"] < stage["height"] - MARGIN
            if not (inside_x and inside_y):
                self.bench.press("f")
                return

    def _is_near_another(self, click: Click) -> bool:
        scale = self.bench.view()[0]
        near = (np.hypot(x - click.x, y - click.y) * scale < APART for x, y in self._clicked)
        return scale < MAX_SCALE and any(near)

    def can_click(self, click: Click) -> bool:
        """Not on a pixel that was clicked before: that would take its point away."""
        return (click.x, click.y) not in self._clicked

    def undo(self, times: int) -> None:
        steps = int(self.page.locator("body").get_attribute("data-steps") or 0)
        for _ in range(times):
            self.page.keyboard.press("Control+z")
        self.bench.wait_for(steps=str(steps - times), decoding="false")

    def look_closer(self, wanted: Bitmap) -> None:
        """Zoom until the object fills the stage, as one does to paint."""
        rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
        left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
        stage = self.bench._stage_box()
        x, y = (left + right) / 2, (top + bottom) / 2
        screen_x, screen_y = self.bench.to_screen(x, y)
        room_x = min(screen_x - stage["x"], stage["x"] + stage["width"] - screen_x)
        room_y = min(screen_y - stage["y"], stage["y"] + stage["height"] - screen_y)
        largest = FILLED * min(2 * room_x / (right - left), 2 * room_y / (bottom - top))
        while self.bench.view()[0] * 1.15 < min(largest, MAX_SCALE):
            self._wheel_in(x, y)

    def _wheel_in(self, x: float, y: float) -> None:
        stage = self.page.locator("#stage")
        before = stage.get_attribute("data-scale") or ""
        self.page.mouse.move(*self.bench.to_screen(x, y))
        self.page.mouse.wheel(0, -WHEEL_NOTCH)
        self.bench.wait_for_another_scale(before)

    def paint(self, stroke: Stroke) -> tuple[float, float, int]:
        """Paint the stroke with a hand that trembles by one screen pixel.

        Returns milliseconds, CSS pixels travelled, and how often tool or size were changed.
        """
        self._see(*stroke.points)
        changes = self._take(stroke)
        points = [self.bench.to_screen(x, y) for x, y in stroke.points]
        trembling = np.array(points) + self._random.normal(0, 1, (len(points), 2))
        started = time.perf_counter()
        self.page.mouse.move(*trembling[0])
        self.page.mouse.down()
        for x, y in trembling[1:]:
            self.page.mouse.move(x, y)
        self.page.mouse.up()
        self.bench.settle()
        taken = (time.perf_counter() - started) * 1000
        travel = float(np.hypot(*np.diff(trembling, axis=0).T).sum())
        return taken, travel, changes

    def _take(self, stroke: Stroke) -> int:
        """The tool and the size nearest to what is wanted; how many keys that took."""
        tool = "eraser" if stroke.erase else "brush"
        presses = 0
        if self.page.locator("body").get_attribute("data-tool") != tool:
            self.page.keyboard.press("e" if stroke.erase else "b")
            self.bench.wait_for(tool=tool)
            presses += 1
        while (ratio := stroke.radius / self._radius()) > 1.1 or ratio < 1 / 1.1:
            before = self._radius()
            self.page.keyboard.press("]" if ratio > 1 else "[")
            presses += 1
            if (stroke.radius - before) * (stroke.radius - self._radius()) <= 0:
                break
        return presses

    def _radius(self) -> float:
        radius: float = self.page.evaluate("() => Number(localStorage.getItem('annotator.brush') ?? 12)")
        return radius

    def mask(self) -> Bitmap:
        """What is shown as the draft: bool (H, W)."""
        shown: dict[str, Any] = self.page.evaluate(READ_MASK)
        if shown["counts"] is None:
            return np.zeros(shown["size"], bool)
        return decode(parse_rle(shown)).astype(bool)

    def finish(self, *, save: bool) -> None:
        """Save the object, or give it up; back to clicks on the whole image."""
        self.bench.press("Enter" if save else "Escape")
        self.bench.wait_for(draft="none")
        self.bench.wait_until_saved()
        self.bench.press("s", "f")
        self._clicked = []
