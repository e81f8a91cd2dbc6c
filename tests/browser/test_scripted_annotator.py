"""The scripted annotator can still use the workbench: its clicks, strokes and saves are those of a person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from annotator.evaluation.clicks import iou
from benchmarks import scripted_annotator
from benchmarks.scripted_page import Hands
from benchmarks.workbench_page import PROBE, opened
from tests.browser.workbench_steps import decode, image, saved_on
from tools.real_server import Api

__all__ = ["image"]


def test_an_object_is_clicked_painted_and_saved(
    page: Page, api: Api, demo: dict[str, Any], image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted_annotator, "MOST_CLICKS", 3)
    monkeypatch.setattr(scripted_annotator, "MOST_STROKES", 30)
    monkeypatch.setattr(scripted_annotator, "BRUSH_GOAL", 0.9)
    page.add_init_script("localStorage.setItem('annotator.preview', 'off')")
    page.add_init_script(path=PROBE)
    opened(page, demo["id"], image["id"])
    hands = Hands(page, seed=0)
    # No model finds this shape: clicks and strokes are all needed.
    rows, columns = np.mgrid[: image["height"], : image["width"]]
    wanted = (rows - 140) ** 2 / 60**2 + (columns - 220) ** 2 / 100**2 < 1

    work, shown = scripted_annotator.annotate(hands, wanted, hand_over=1)
    hands.finish(save=True)

    assert len(work.click_ms) == len(work.ious) == 3
    assert min(work.click_ms) > 0
    assert work.clicks_before_brush == 1  # the later clicks were taken back
    assert 1 <= len(work.strokes) <= 30
    assert work.final > scripted_annotator.BRUSH_GOAL > work.ious[0]
    assert work.final == iou(shown, wanted)
    [saved] = saved_on(api, image["id"])
    assert np.array_equal(decode(saved), shown)
