"""Deciding on proposals in the workbench: one by one, all above a score, by clicks, offline, after a reload."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from tests.browser.axe import serious_findings
from tests.browser.proposed import DOUBTFUL, LARGE, SURE, propose, proposed, states
from tests.browser.three_objects import block, seen
from tests.browser.workbench_page import WorkbenchPage, differs
from tests.browser.workbench_steps import accept, bench, click, decode, image, middle, saved_on
from tools.real_server import Api

__all__ = ["bench", "image", "proposed"]  # fixtures


def test_proposals_are_decided_on_by_keys_and_undone(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], proposed: dict[str, str]
) -> None:
    page = bench.page
    rows = page.locator(".wb-proposals .wb-object")
    expect(rows.locator(".wb-score")).to_have_text(["0.95", "0.91", "0.72"])
    expect(page.locator(".wb-section-objects .wb-object")).to_have_count(0)
    bench.press(".")
    bench.wait_for(draft="saved")
    expect(rows.nth(0)).to_have_class("wb-object is-selected")
    expect(page.locator(".wb-section-draft")).to_contain_text("Selected proposal")
    expect(page.locator(".wb-origin")).to_contain_text("0.95")
    bench.press("Enter")
    bench.wait_for(objects="1", proposals="2", draft="saved")  # the next one is open
    bench.press("Shift+X")
    bench.wait_for(objects="1", proposals="1")
    bench.press(",", "Escape")
    bench.wait_until_saved()
    assert states(api, image) == {
        proposed["sure"]: "accepted",
        proposed["large"]: "rejected",
        proposed["doubtful"]: "proposal",
    }
    [accepted] = [each for each in saved_on(api, image["id"]) if each["state"] == "accepted"]
    assert (accepted["source"], accepted["category_id"] is not None) == ("proposal", True)
    assert np.array_equal(decode(accepted), block(image, SURE[0]))

    bench.wait_for(kept="2")
    page.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="1", proposals="1")
    bench.press("Control+z", "Control+z")
    bench.wait_for(objects="0", proposals="3")
    bench.wait_until_saved()
    assert set(states(api, image).values()) == {"proposal"}
    page.get_by_role("button", name="Largest").click()
    expect(rows.locator(".wb-score")).to_have_text(["0.91", "0.95", "0.72"])


def test_all_above_a_score_are_seen_first_and_are_one_step(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], proposed: dict[str, str]
) -> None:
    page = bench.page
    plain = seen(bench)
    bench.press("Shift+A")
    slider = page.get_by_role("slider", name="Lowest score to accept")
    expect(slider).to_be_focused()
    slider.fill("0.9")
    expect(page.locator(".wb-above")).to_contain_text("2 of 3 would be accepted")
    tried = seen(bench)
    changed = differs(tried, plain)
    assert changed.any(), "the image shows which"
    assert serious_findings(page) == {}
    page.emulate_media(color_scheme="light")
    slider.press("Escape")
    expect(page.locator(".wb-above")).not_to_contain_text("would be accepted")
    assert set(states(api, image).values()) == {"proposal"}

    bench.press("Shift+A")
    slider.fill("0.9")
    page.get_by_role("button", name="Accept 2", exact=True).click()
    bench.wait_for(objects="2", proposals="1", steps="1")
    bench.wait_until_saved()
    taken = states(api, image)
    assert [taken[proposed[name]] for name in ("sure", "large", "doubtful")] == [
        "accepted",
        "accepted",
        "proposal",
    ]
    bench.press("Control+z")
    bench.wait_for(objects="0", proposals="3", steps="0")
    bench.wait_until_saved()
    assert set(states(api, image).values()) == {"proposal"}


def test_a_proposal_is_fixed_by_a_click_and_what_a_person_adds_is_told_apart(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], proposed: dict[str, str]
) -> None:
    page = bench.page
    bench.press(".", ".")
    x0, y0, x1, y1 = LARGE[0]
    expect(page.locator(".wb-proposals .is-selected .wb-score")).to_have_text("0.91")
    click(bench, (x0 + x1) // 2 + 20, (y0 + y1) // 2 + 10)
    bench.wait_for(draft="mask")
    bench.press("Enter")
    bench.wait_for(objects="1", proposals="2")
    bench.press("Escape")
    click(bench, *middle(image, 100, 80))
    accept(bench)
    bench.wait_for(objects="2")
    by_id = {each["id"]: each for each in saved_on(api, image["id"])}
    fixed = by_id[proposed["large"]]
    assert fixed["state"] == "accepted"
    assert len(fixed["prompts"]["points"]) == 2, "its own point and the person's"
    assert not np.array_equal(decode(fixed), block(image, LARGE[0]))
    badges = page.locator(".wb-section-objects .wb-origin-badge:visible")
    expect(badges).to_have_text(["added"])
    page.locator(f'.wb-object[data-id="{fixed["id"]}"] .wb-object-open').click()
    expect(page.locator(".wb-origin")).to_contain_text("IoU with the proposal")


def test_proposals_are_decided_on_without_the_server(
    bench: WorkbenchPage, api: Api, image: dict[str, Any], proposed: dict[str, str]
) -> None:
    page = bench.page
    page.context.set_offline(True)
    bench.press(".", "Enter", "Shift+X")
    bench.wait_for(objects="1", proposals="1", steps="2")
    page.context.set_offline(False)
    bench.wait_until_saved()
    assert sorted(states(api, image).values()) == ["accepted", "proposal", "rejected"]
    page.get_by_text("Rejected", exact=False).first.click()
    page.locator(".wb-rejected").get_by_role("button", name="Bring").click()
    bench.wait_for(proposals="2")
    bench.wait_until_saved()
    assert states(api, image)[proposed["large"]] == "proposal"


def test_what_was_perhaps_missed_is_shown_and_accepted(
    bench: WorkbenchPage, api: Api, image: dict[str, Any]
) -> None:
    page = bench.page
    missed = propose(api, image, 1, DOUBTFUL[0], 0.97, state="missed")
    other = propose(api, image, 2, SURE[0], 0.96, state="missed")
    plain = seen(bench)
    bench.press("Shift+M")
    bench.wait_for(proposals="2", objects="0")
    assert differs(seen(bench), plain).any()
    row = page.locator(f'.wb-proposals .wb-object[data-id="{missed}"]')
    expect(row).to_contain_text("Perhaps missed")
    row.get_by_role("button", name="Accept").click()
    bench.wait_for(proposals="1", objects="1")
    page.locator(f'.wb-object[data-id="{other}"]').get_by_role("button", name="Dismiss").click()
    bench.wait_for(proposals="0")
    bench.wait_until_saved()
    assert states(api, image) == {missed: "accepted", other: "rejected"}
    bench.press("Control+z", "Control+z")
    bench.wait_for(proposals="2", objects="0")
    bench.press("Shift+M")
    bench.wait_for(proposals="0")
    expect(page.locator(".toast")).to_have_count(0, timeout=20_000)
    assert not differs(seen(bench), plain).any()
    bench.wait_until_saved()
    for region in (missed, other):
        assert api.get(f"/annotations/{region}").body["state"] == "missed"
