"""Prompts, candidates, brush and eraser, undo: what ends up in the database is exactly what was done on screen."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, accept, bench, click, decode, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


def capsule(shape: tuple[int, ...], a: tuple[float, float], b: tuple[float, float], radius: float) -> Mask:
    """Pixels whose centre is within `radius` of the segment a–b; (x, y) points, shape (H, W)."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    (ax, ay), (bx, by) = a, b
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = np.clip(((xs - ax) * (bx - ax) + (ys - ay) * (by - ay)) / length, 0, 1) if length else 0
    distance: Mask = np.hypot(xs - ax - along * (bx - ax), ys - ay - along * (by - ay))
    return distance <= radius


def test_clicks_refine_and_are_stored(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    x, y = middle(image)
    click(bench, x, y)
    candidates = bench.page.get_by_role("radiogroup", name="Masks the model offers").get_by_role("radio")
    expect(candidates).to_have_count(3)
    click(bench, x + 20, y + 5)
    click(bench, x - 60, y - 40, button="right")
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert annotation["prompts"] == {
        "points": [[x, y], [x + 20, y + 5], [x - 60, y - 40]],
        "labels": [1, 1, 0],
        "boxes": [],
    }
    assert annotation["candidate"] == 0
    assert annotation["source"] == "assisted"
    assert 0 <= annotation["predicted_iou"] <= 1.1
    assert annotation["model_digest"]
    assert annotation["model_segmentation"] is None
    assert decode(annotation).any()


def test_a_drag_is_a_box_and_modifiers_exclude(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    x, y = middle(image)
    bench.drag((x - 50, y - 40), (x + 50, y + 40))
    bench.wait_for(draft="mask")
    bench.wait_until_decoded()
    bench.page.keyboard.down("Alt")
    click(bench, x - 45, y + 30)
    bench.page.keyboard.up("Alt")
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert annotation["prompts"]["boxes"] == [[x - 50, y - 40, x + 50, y + 40]]
    assert annotation["prompts"]["labels"] == [0]


def test_points_are_dragged_and_removed(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    x, y = middle(image)
    click(bench, x, y)
    click(bench, x + 40, y)
    bench.drag((x + 40, y), (x + 30, y + 25))
    bench.wait_until_decoded()
    click(bench, x, y)
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert annotation["prompts"]["points"] == [[x + 30, y + 25]]


def test_tab_changes_the_candidate_that_is_saved(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    click(bench, *middle(image))
    bench.press("Tab")
    bench.press("Tab")
    bench.press("Shift+Tab")
    scores = bench.page.locator(".wb-candidate").all_inner_texts()
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    assert f"{annotation['predicted_iou']:.2f}" == scores[1].split()[-1]
    assert annotation["candidate"] in (1, 2, 3)


def test_brush_and_eraser_are_pixel_exact(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    radius = 12
    shape = (image["height"], image["width"])
    click(bench, *middle(image))
    paint, wipe = ((30, 30), (90, 50)), ((60, 20), (60, 60))
    bench.press("b")
    bench.drag(*paint)
    bench.press("e")
    bench.drag(*wipe)
    bench.press("Control+z", "Control+z", "Control+Shift+z", "Control+Shift+z")
    accept(bench)
    [annotation] = saved_on(api, image["id"])
    model = decode(annotation, "model_segmentation")
    expected = (model | capsule(shape, *paint, radius)) & ~capsule(shape, *wipe, radius)
    edge = sum(
        abs(capsule(shape, *path, radius + 1e-6).astype(int) - capsule(shape, *path, radius - 1e-6))
        for path in (paint, wipe)
    )
    wrong = (decode(annotation) != expected) & (edge == 0)
    assert not wrong.any(), f"{wrong.sum()} pixels are wrong"
    assert annotation["area"] == int(decode(annotation).sum())


def test_undo_takes_everything_back_in_order(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    click(bench, *middle(image))
    accept(bench)
    [plain] = saved_on(api, image["id"])
    bench.press("Control+z")
    bench.wait_for(objects="0", draft="mask")
    bench.press("b")
    bench.drag((30, 30), (90, 50))
    bench.press("Control+z")
    accept(bench)
    [again] = saved_on(api, image["id"])
    assert again["segmentation"] == plain["segmentation"]
    bench.press("Control+z", "Control+z")
    bench.wait_for(draft="none", objects="0")
    bench.wait_until_saved()
    assert saved_on(api, image["id"]) == []


def test_a_saved_object_takes_one_more_click(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    x, y = middle(image)
    click(bench, x, y)
    accept(bench)
    [first] = saved_on(api, image["id"])
    bench.page.reload()
    bench.wait_until_ready()
    bench.page.locator(".wb-object-open").click()
    bench.wait_for(draft="saved")
    click(bench, x + 30, y + 20)
    accept(bench)
    [second] = saved_on(api, image["id"])
    assert second["id"] == first["id"]
    assert second["revision"] == first["revision"] + 1
    assert second["prompts"]["points"] == [[x, y], [x + 30, y + 20]]


def test_digits_label_the_draft_and_the_selected_object(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], demo: dict[str, Any]
) -> None:
    categories = [category["id"] for category in demo["categories"]]
    click(bench, *middle(image))
    bench.press("2")
    accept(bench)
    assert saved_on(api, image["id"])[0]["category_id"] == categories[1]
    bench.press("v")
    inside = np.argwhere(decode(saved_on(api, image["id"])[0]))
    row, column = inside[len(inside) // 2]
    bench.click(int(column), int(row))
    bench.wait_for(draft="saved")
    bench.press("1")
    bench.wait_until_saved()
    assert saved_on(api, image["id"])[0]["category_id"] == categories[0]
    bench.press("Control+z")
    bench.wait_until_saved()
    assert saved_on(api, image["id"])[0]["category_id"] == categories[1]


def test_delete_and_undo(bench: WorkbenchPage, api: Api, image: dict[str, Any]) -> None:
    click(bench, *middle(image))
    accept(bench)
    [before] = saved_on(api, image["id"])
    bench.page.locator(".wb-object-open").click()
    bench.wait_for(draft="saved")
    bench.press("Delete")
    bench.wait_for(objects="0")
    bench.wait_until_saved()
    assert saved_on(api, image["id"]) == []
    bench.press("Control+z")
    bench.wait_for(objects="1")
    bench.wait_until_saved()
    [after] = saved_on(api, image["id"])
    assert after["segmentation"] == before["segmentation"]
    assert after["prompts"] == before["prompts"]
