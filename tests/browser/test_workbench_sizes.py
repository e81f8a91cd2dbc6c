"""The same work on photographs of 0.3, 12 and 50 megapixels: what is painted and cleaned up ends as exact pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.browser.sized_photographs import Box, Sized, sized, uploaded
from tests.browser.workbench_page import differs
from tests.browser.workbench_steps import Mask, click, decode, saved_on

__all__ = ["sized", "uploaded"]  # fixtures

Point = tuple[float, float]

GOOD = 0.7
"""IoU with a plain drawn shape that any usable model reaches from a rough line."""


def capsule(shape: tuple[int, int], a: Point, b: Point, radius: float) -> Mask:
    """Pixels whose centre is within `radius` of the segment a–b; shape (H, W)."""
    (ax, ay), (bx, by) = a, b
    x0, x1 = int(min(ax, bx) - radius) - 1, int(max(ax, bx) + radius) + 2
    y0, y1 = int(min(ay, by) - radius) - 1, int(max(ay, by) + radius) + 2
    assert min(x0, y0) >= 0
    assert x1 < shape[1]
    assert y1 < shape[0]
    ys, xs = np.mgrid[y0:y1, x0:x1]
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = np.clip(((xs - ax) * (bx - ax) + (ys - ay) * (by - ay)) / length, 0, 1)
    mask = np.zeros(shape, bool)
    mask[y0:y1, x0:x1] = np.hypot(xs - ax - along * (bx - ax), ys - ay - along * (by - ay)) <= radius
    return mask


def stroke(shape: tuple[int, int], path: list[Point], radius: float) -> tuple[Mask, Mask]:
    """The discs along the path: surely painted, and possibly (their edges, where rounding decides)."""
    surely, possibly = (
        np.logical_or.reduce([capsule(shape, a, b, radius + slack) for a, b in pairwise(path)])
        for slack in (-1e-3, 1e-3)
    )
    return surely, possibly


def rectangle(shape: tuple[int, int], box: Box) -> Mask:
    """Pixels x0 < x <= x1, y0 < y <= y1: what a polygon with corners on their far sides fills."""
    mask = np.zeros(shape, bool)
    mask[box[1] + 1 : box[3] + 1, box[0] + 1 : box[2] + 1] = True
    return mask


def polygon(shape: tuple[int, int], corners: list[Point]) -> Mask:
    """Pixels inside the polygon, its edge included."""
    canvas = Image.new("1", shape[::-1])
    ImageDraw.Draw(canvas).polygon(corners, fill=1)
    return np.asarray(canvas)


def outline(sized: Sized, box: Box) -> None:
    """Draw a polygon with its corners between pixels."""
    x0, y0, x1, y1 = (side + 0.5 for side in box)
    for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)):
        sized.bench.click(*corner)
    sized.bench.press("Enter")


def on_screen(sized: Sized, box: Box) -> tuple[slice, slice]:
    """Rows and columns of the stage well inside a box of the image."""
    scale, left, top = sized.bench.view()
    room = 4
    columns = slice(int(left + box[0] * scale) + room, int(left + box[2] * scale) - room)
    rows = slice(int(top + box[1] * scale) + room, int(top + box[3] * scale) - room)
    return rows, columns


def set_radius(sized: Sized, radius: float) -> None:
    sized.bench.page.evaluate("(radius) => localStorage.setItem('annotator.brush', String(radius))", radius)
    sized.bench.page.reload()
    sized.bench.wait_until_ready()


def test_prompts_candidates_and_undo(sized: Sized) -> None:
    bench, photograph = sized.bench, sized.photograph
    bench.press("s")
    x0, y0, x1, y1 = photograph.coin
    centre = (x0 + x1) // 2, (y0 + y1) // 2
    click(bench, *centre)
    candidates = bench.page.get_by_role("radiogroup", name="Masks the model offers").get_by_role("radio")
    expect(candidates).to_have_count(3)
    bench.press("Tab")
    expect(candidates.nth(1)).to_have_attribute("aria-checked", "true")
    bench.press("Control+z", "Control+z")
    bench.wait_for(draft="none")
    answers = int(bench.page.locator("body").get_attribute("data-answers") or 0)
    margin = round(photograph.height * 0.01)
    bench.drag((x0 - margin, y0 - margin), (x1 + margin, y1 + margin))
    bench.wait_for(answers=str(answers + 1))
    click(bench, *centre)
    annotation = sized.accept()
    mask, coin = decode(annotation), photograph.coin_mask()
    assert annotation["prompts"]["points"] == [list(centre)]
    assert annotation["prompts"]["boxes"] == [[x0 - margin, y0 - margin, x1 + margin, y1 + margin]]
    assert iou(mask, coin) > 0.7


@contextmanager
def answer(sized: Sized) -> Iterator[None]:
    """What is asked of the model in here is one step, answered and painted afterwards."""
    steps = int(sized.bench.page.locator("body").get_attribute("data-steps") or 0)
    yield
    sized.bench.wait_for(steps=str(steps + 1))
    sized.bench.wait_until_decoded()


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_lines_and_rough_strokes_become_the_object(sized: Sized) -> None:
    """What the model makes of a line is measured against the coin, and must be far nearer to it than the line was."""
    bench, photograph = sized.bench, sized.photograph
    coin = photograph.coin_mask()
    x0, y0, x1, y1 = photograph.coin
    (x, y), radius = ((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0) / 2
    rough = [(x - 0.6 * radius, y), (x, y + 0.5 * radius), (x + 0.6 * radius, y)]
    ring = [
        (x + 1.2 * radius * cos(turn / 6 * pi), y + 1.2 * radius * sin(turn / 6 * pi)) for turn in range(13)
    ]
    bench.press("y")
    with answer(sized):
        bench.drag(*rough)
    scribbled = sized.accept()
    assert len(scribbled["prompts"]["points"]) >= 2
    assert set(scribbled["prompts"]["labels"]) == {1}
    assert iou(decode(scribbled), coin) > GOOD
    with answer(sized):
        bench.drag(*ring)
    surrounded = sized.accept()
    assert len(surrounded["prompts"]["boxes"]) == 1
    assert iou(decode(surrounded), coin) > max(GOOD, iou(polygon(photograph.shape, ring), coin))
    set_radius(sized, radius / 4)
    bench.press("b")
    bench.drag(*rough)
    steps = int(bench.page.locator("body").get_attribute("data-steps") or 0)
    with answer(sized):
        bench.press("w")
    bench.press("w")
    bench.wait_for(steps=str(steps))
    with answer(sized):
        bench.press("w")
    snapped = sized.accept()
    assert snapped["model_segmentation"] is None, "strokes that went to the model are part of its answer"
    painted, _ = stroke(photograph.shape, rough, radius / 4)
    assert iou(painted, coin) < 0.4, "too much was painted: snapping proves nothing"
    assert iou(decode(snapped), coin) > GOOD


def test_a_stroke_is_the_discs_along_its_path(sized: Sized) -> None:
    bench, photograph = sized.bench, sized.photograph
    radius = round(photograph.height * 0.02) + 0.5
    set_radius(sized, radius)
    path: list[Point] = [photograph.at(0.1, 0.7), photograph.at(0.5, 0.9), photograph.at(0.55, 0.7)]
    wiped: list[Point] = [photograph.at(0.3, 0.65), photograph.at(0.3, 0.95)]
    bench.press("b")
    bench.page.mouse.move(*bench.to_screen(*path[0]))
    bench.page.mouse.down()
    for point in path[1:]:  # one fast movement each: there are no events on the way
        bench.page.mouse.move(*bench.to_screen(*point))
    bench.page.mouse.up()
    bench.page.keyboard.down("Control")
    bench.drag(*wiped)
    bench.page.keyboard.up("Control")
    bench.press("Control+z", "Control+z", "Control+Shift+z", "Control+Shift+z")
    mask = sized.accept_mask()
    surely, possibly = stroke(photograph.shape, path, radius)
    gone, perhaps_gone = stroke(photograph.shape, wiped, radius)
    assert not (surely & ~perhaps_gone & ~mask).any()
    assert not (mask & ~(possibly & ~gone)).any()


def test_polygons_and_clean_ups_are_exact(sized: Sized) -> None:
    bench, photograph = sized.bench, sized.photograph
    body: Box = (*photograph.at(0.1, 0.1), *photograph.at(0.5, 0.6))
    hole: Box = (*photograph.at(0.2, 0.2), *photograph.at(0.25, 0.3))
    speck: Box = (*photograph.at(0.7, 0.7), *photograph.at(0.73, 0.75))
    bench.press("p")
    outline(sized, body)
    bench.page.keyboard.down("Control")
    bench.page.mouse.move(*bench.to_screen(hole[0] + 0.5, hole[1] + 0.5))
    outline(sized, hole)
    bench.page.keyboard.up("Control")
    outline(sized, speck)
    card = bench.page.get_by_role("dialog", name="Clean up the mask")
    before = int(bench.page.locator("body").get_attribute("data-steps") or 0)
    for choice, steps in (("Fill holes", before + 1), ("Keep largest", before + 2)):
        bench.press("c")
        card.get_by_role("button", name=choice).click()
        if choice == "Fill holes":
            card.get_by_role("slider").fill("60")  # holes of any size
        bench.press("Enter")
        bench.wait_for(steps=str(steps))
    annotation = sized.accept()
    assert (decode(annotation) == rectangle(photograph.shape, body)).all()
    bench.press("Control+z", "Control+z", "Control+z")  # accepting, and both clean-ups
    mask = sized.accept_mask()
    expected = rectangle(photograph.shape, body) & ~rectangle(photograph.shape, hole)
    assert (mask == (expected | rectangle(photograph.shape, speck))).all()


def test_what_is_saved_is_seen_hidden_and_there_after_a_reload(sized: Sized) -> None:
    bench, photograph = sized.bench, sized.photograph
    spot: Box = (*photograph.at(0.9, 0.8), *photograph.at(0.95, 0.9))
    inside = on_screen(sized, spot)
    bare = bench.look()
    bench.press("p")
    outline(sized, spot)
    annotation = sized.accept()
    shown = bench.look()
    assert differs(shown, bare)[inside].all()
    bench.press("h")
    assert not differs(bench.look(), bare)[inside].any()
    bench.press("h", "o")
    outlined = bench.look()
    assert not differs(outlined, bare)[inside].any()
    assert differs(outlined, bare).any()
    bench.press("o")
    bench.page.reload()
    bench.wait_until_ready()
    assert (bench.look() == shown).all()
    [kept] = [each for each in saved_on(sized.api, sized.image["id"]) if each["id"] == annotation["id"]]
    assert kept["segmentation"] == annotation["segmentation"]
    assert (decode(kept) == rectangle(photograph.shape, spot)).all()
