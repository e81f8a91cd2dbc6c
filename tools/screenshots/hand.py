"""What a hand does on the workbench, as data: places are fractions of the photograph, sizes of brushes diameters in its
pixels, as the tool rail shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Page, expect

from tools.screenshots.camera import View, view_of
from tools.screenshots.documentation import settle

Kind = Literal["include", "exclude", "box", "brush", "erase"]
Spot = tuple[float, float]

NAMES: dict[Kind, tuple[str, str]] = {
    "include": ("point", "points"),
    "exclude": ("excluding point", "excluding points"),
    "box": ("box", "boxes"),
    "brush": ("brush stroke", "brush strokes"),
    "erase": ("eraser stroke", "eraser strokes"),
}


@dataclass(frozen=True)
class Act:
    """One press of the button: a click, a box from corner to corner, or a stroke through the spots."""

    kind: Kind
    spots: tuple[Spot, ...]
    size: float = 0.0


def include(x: float, y: float) -> Act:
    return Act("include", ((x, y),))


def exclude(x: float, y: float) -> Act:
    return Act("exclude", ((x, y),))


def box(x0: float, y0: float, x1: float, y1: float) -> Act:
    return Act("box", ((x0, y0), (x1, y1)))


def brush(size: float, *spots: Spot) -> Act:
    return Act("brush", spots, size)


def erase(size: float, *spots: Spot) -> Act:
    return Act("erase", spots, size)


def in_words(acts: tuple[Act, ...]) -> str:
    """How often each thing was done: "1 box, 2 points"."""
    counts = Counter(act.kind for act in acts)
    return ", ".join(f"{count} {NAMES[kind][count > 1]}" for kind, count in counts.items())


@dataclass(frozen=True)
class Hand:
    """At an image that is open, with the point tool."""

    page: Page
    image: dict[str, Any]

    def make(self, acts: tuple[Act, ...]) -> None:
        """One object, from its first prompt to Enter."""
        body = self.page.locator("body")
        before = int(body.get_attribute("data-objects") or 0)
        for act in acts:
            self._do(act)
        self.page.keyboard.press("Enter")
        expect(body).to_have_attribute("data-objects", str(before + 1))
        expect(body).to_have_attribute("data-draft", "none")

    def _do(self, act: Act) -> None:
        view = view_of(self.page, self.image)
        if act.kind in ("include", "exclude"):
            self.page.mouse.click(
                *view.at(*act.spots[0]), button="left" if act.kind == "include" else "right"
            )
        elif act.kind == "box":
            self._drag(view, act.spots)
        else:
            self._take("b" if act.kind == "brush" else "e", act.size)
            self._drag(view, act.spots)
            self.page.keyboard.press("s")
        settle(self.page)

    def _drag(self, view: View, spots: tuple[Spot, ...]) -> None:
        mouse = self.page.mouse
        mouse.move(*view.at(*spots[0]))
        mouse.down()
        for spot in spots[1:]:
            mouse.move(*view.at(*spot), steps=8)
        mouse.up()

    def _take(self, key: str, size: float) -> None:
        """The brush or eraser, with the size's keys pressed until it is about as large as asked."""
        self.page.keyboard.press(key)
        number = self.page.locator(".wb-brush-number")
        while float(number.inner_text()) > size * 1.15:
            self.page.keyboard.press("[")
        while float(number.inner_text()) < size / 1.15:
            self.page.keyboard.press("]")
