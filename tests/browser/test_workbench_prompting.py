"""Prompting beyond plain clicks: flipping signs, gathering prompts, candidates by size."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import accept, bench, click, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image"]  # fixtures


def answers(bench: WorkbenchPage) -> int:
    return int(bench.page.locator("body").get_attribute("data-answers") or 0)


def test_t_flips_the_next_clicks_or_the_point_under_the_pointer(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    inside, outside = middle(image), middle(image, 60, 40)
    click(bench, *inside)
    bench.press("t")
    click(bench, *outside)
    before = answers(bench)
    bench.page.mouse.move(*bench.to_screen(inside[0] + 30, inside[1]))
    bench.page.mouse.move(*bench.to_screen(*outside))  # now it is the point that is flipped
    bench.press("t")
    bench.wait_for(answers=str(before + 1))
    accept(bench)
    click(bench, *inside)  # a new object: clicks include again
    accept(bench)
    first, second = saved_on(api, image["id"])
    assert first["prompts"]["labels"] == [1, 1]
    assert second["prompts"]["labels"] == [1]


def test_prompts_clicked_with_ctrl_wait_for_its_release(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    bench.page.keyboard.down("Control")
    bench.click(*middle(image))
    bench.click(*middle(image, 20, 0))
    bench.drag(middle(image, -60, -60), middle(image, 60, 60))
    bench.drag(middle(image, -30, -30), middle(image, 40, 40))
    bench.wait_for(draft="none", answers="0")
    bench.page.keyboard.up("Control")
    bench.wait_for(draft="mask", answers="1")
    accept(bench)
    prompts = saved_on(api, image["id"])[0]["prompts"]
    assert prompts["labels"] == [1, 1]
    assert len(prompts["boxes"]) == 2
    bench.press("Control+z")
    bench.wait_for(draft="mask")
    bench.press("Control+z")
    bench.wait_for(draft="none")


def test_alt_and_the_wheel_go_through_the_masks_by_size(bench: WorkbenchPage, image: dict[str, Any]) -> None:
    click(bench, *middle(image))
    scale = bench.view()[0]
    cards = bench.page.locator(".wb-candidate")
    expect(cards).to_have_count(3)

    def notch(step: int) -> int:
        bench.page.mouse.wheel(0, step)
        bench.settle()
        return [card.get_attribute("aria-checked") for card in cards.all()].index("true")

    bench.page.keyboard.down("Alt")
    smallest = [notch(100) for _ in range(3)][-1]
    upwards = [smallest, notch(-100), notch(-100), notch(-100)]
    bench.page.keyboard.up("Alt")
    assert sorted(upwards[:3]) == [0, 1, 2]
    assert upwards[3] == upwards[2], "there is nothing larger"
    assert bench.view()[0] == scale, "the view stays"


def test_a_painted_mask_snaps_on_demand_or_stroke_by_stroke(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    bench.press("b")
    bench.drag(middle(image, -20, 0), middle(image, 20, 0))
    bench.wait_for(draft="mask")
    before = answers(bench)
    bench.page.get_by_role("button", name="Snap W").click()
    bench.wait_for(answers=str(before + 1))
    bench.wait_until_decoded()
    accept(bench)
    saved = saved_on(api, image["id"])[0]
    assert saved["source"] == "assisted"
    assert saved["prompts"]["labels"] == [1]
    assert saved["model_segmentation"] is None, "strokes that went to the model are part of its answer"
    bench.press("Shift+W")
    expect(bench.page.get_by_role("button", name="Snap every stroke")).to_have_attribute(
        "aria-pressed", "true"
    )
    bench.drag(middle(image, -20, 40), middle(image, 20, 40))
    bench.wait_for(answers=str(before + 2))
    bench.wait_until_decoded()
    bench.press("Control+z", "Control+z")  # the snap and the stroke are a step each
    bench.wait_for(draft="none")
