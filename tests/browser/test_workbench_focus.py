"""Where the keyboard is: a ring around the photograph for those who came there by Tab, and for nobody else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import bench, click, image, middle

__all__ = ["bench", "image"]  # fixtures

RING = 6  # CSS pixels on both sides of the stage's edge that a ring may take


def focused(bench: WorkbenchPage) -> str:
    """The id of the focused element."""
    found: str = bench.page.evaluate("() => document.activeElement.id")
    return found


def ring(bench: WorkbenchPage) -> int:
    """Pixels along the stage's right and lower edge in the colour of focus."""
    box = bench._stage_box()
    right, bottom = int(box["x"] + box["width"]), int(box["y"] + box["height"])
    bench.settle()
    shot = Image.open(io.BytesIO(bench.page.screenshot(animations="disabled"))).convert("RGB")
    seen = np.asarray(shot).astype(int)
    accent = np.array(
        bench.page.evaluate(
            """() => {
              const probe = document.body.appendChild(document.createElement("i"));
              probe.style.color = "var(--accent)";
              const numbers = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
              probe.remove();
              return numbers;
            }"""
        )
    )
    edges = (
        seen[int(box["y"]) + 40 : bottom - 40, right - RING : right + RING],
        seen[bottom - RING : bottom + RING, int(box["x"]) + 40 : right - 40],
    )
    return sum(int((np.abs(edge - accent).sum(axis=-1) < 12).sum()) for edge in edges)


def tab_to_image(bench: WorkbenchPage) -> None:
    for _ in range(60):
        bench.page.keyboard.press("Tab")
        if focused(bench) == "stage":
            return
    raise AssertionError("Tab never reached the image")


def test_no_ring_shows_while_tab_goes_through_the_candidates(
    bench: WorkbenchPage, image: dict[str, Any]
) -> None:
    click(bench, *middle(image))
    assert focused(bench) == "stage"
    bench.press("Tab")
    assert bench.page.evaluate("() => document.activeElement.matches(':focus-visible')"), "proves nothing"
    assert focused(bench) == "stage"
    assert ring(bench) == 0


def test_the_ring_shows_who_came_by_tab_until_the_mouse_is_used(
    bench: WorkbenchPage, image: dict[str, Any]
) -> None:
    assert ring(bench) == 0
    tab_to_image(bench)
    assert ring(bench) > 1000
    bench.press("ArrowRight", "ArrowDown")
    assert ring(bench) > 1000
    click(bench, *middle(image))
    bench.press("Tab")
    assert ring(bench) == 0


def test_a_dialog_that_closes_brings_no_ring(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    click(bench, *middle(image))
    bench.press("?")
    bench.page.get_by_role("dialog", name="Keyboard and mouse").wait_for()
    bench.press("Tab", "Tab", "Escape")
    bench.page.get_by_role("dialog", name="Keyboard and mouse").wait_for(state="hidden")
    assert ring(bench) == 0
