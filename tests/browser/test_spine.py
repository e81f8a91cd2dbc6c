"""The main job, whole: sign in, open a photograph, click, correct, label, keep, reload, export.

One person's first quarter of an hour on the server that `make run` starts, in a real Chromium, with the
bundled model. What is on screen, in the database and in the exported file must be one and the same mask.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.browser.workbench_page import WorkbenchPage, differs
from tools.real_server import RealServer

PHOTO = "coffee"
COFFEE = (290, 150)
CUP = (225, 195)
# On the table beside the saucer: painted along, then wiped across in the middle.
STROKE = [(490, 360), (550, 360)]
WIPE = [(520, 340), (520, 380)]
CROSSING = (520, 360)


def decode(segmentation: dict[str, Any]) -> np.ndarray:
    """Compressed COCO RLE -> bool (H, W), by pycocotools."""
    return coco_mask.decode({**segmentation, "counts": segmentation["counts"].encode()}).astype(bool)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A first start of its own: nobody has signed in, nothing is annotated."""
    with RealServer(tmp_path / "instance") as fresh:
        yield fresh


def ask(page: Page, path: str) -> Any:
    """What the API says to the person at this page."""
    answer = page.request.get(f"/api/v1{path}")
    assert answer.ok, answer.text()
    return answer.json()


def the_annotation(page: Page, image_id: int) -> dict[str, Any]:
    annotations = ask(page, f"/images/{image_id}/annotations")["annotations"]
    assert len(annotations) == 1
    found: dict[str, Any] = annotations[0]
    return found


def sign_in(page: Page, server: RealServer) -> None:
    """With the one line that the server printed."""
    assert [line for line in server.lines if "/signin/" in line] == [
        line for line in server.lines if server.link in line
    ]
    page.goto(server.link)
    page.wait_for_url(f"{server.base_url}/")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")


def open_photo(page: Page) -> tuple[WorkbenchPage, dict[str, Any], dict[str, Any]]:
    """From the list of projects through the demo project to the photograph."""
    demo = ask(page, "/projects")["projects"][0]
    page.locator(f'a[data-project="{demo["id"]}"]').click()
    page.wait_for_url(f"**/projects/{demo['id']}")
    images = ask(page, f"/projects/{demo['id']}/images?q={PHOTO}")["images"]
    assert len(images) == 1, "the demo has one photograph of a cup of coffee"
    page.locator(f'a[href$="/images/{images[0]["id"]}"]').first.click()
    bench = WorkbenchPage(page)
    bench.wait_until_ready()
    return bench, demo, images[0]


def assert_shown(bench: WorkbenchPage, pristine: np.ndarray, shown: np.ndarray, mask: np.ndarray) -> None:
    """The overlay on screen covers the mask and nothing else; the outline's own width is left out."""
    changed = differs(bench.at_pixels(pristine, *mask.shape), bench.at_pixels(shown, *mask.shape))
    kernel = np.ones((7, 7), np.uint8)
    inside = cv2.erode(mask.astype(np.uint8), kernel).astype(bool)
    outside = ~cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
    assert inside.any()
    assert changed[inside].mean() > 0.97
    assert changed[outside].mean() < 0.001


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_photograph_to_coco_file(visitor: Page, server: RealServer, tmp_path: Path) -> None:
    sign_in(visitor, server)
    bench, demo, image = open_photo(visitor)
    assert visitor.evaluate("crossOriginIsolated") is True
    pristine = bench.look()

    # One click, a mask; the second click changes it.
    bench.click(*COFFEE)
    bench.wait_for(draft="mask")
    bench.wait_until_decoded()
    first = bench.look()
    x, y = COFFEE
    near = np.s_[y - 12 : y + 13, x - 12 : x + 13]
    shown = differs(bench.at_pixels(pristine, *size(image)), bench.at_pixels(first, *size(image)))
    assert shown[near].mean() > 0.5, "the mask covers what was clicked"
    assert visitor.evaluate("performance.getEntriesByName('click-to-paint').length") >= 1

    # Tab goes round the candidates.
    candidates = visitor.get_by_role("radiogroup", name="Masks the model offers").get_by_role("radio")
    expect(candidates).to_have_count(3)
    bench.press("Tab")
    expect(candidates.nth(1)).to_have_attribute("aria-checked", "true")
    assert differs(bench.look(), first).any()
    bench.press("Shift+Tab")
    expect(candidates.nth(0)).to_have_attribute("aria-checked", "true")
    assert not differs(bench.look(), first).any()

    bench.click(*CUP)
    bench.wait_until_decoded()
    second = bench.look()
    assert differs(second, first).any()

    # Brush, erase, undo both, redo both: every step is on screen exactly.
    bench.press("b")
    bench.drag(*STROKE)
    brushed = bench.look()
    assert differs(brushed, second).any()
    bench.press("e")
    bench.drag(*WIPE)
    erased = bench.look()
    assert differs(erased, brushed).any()
    bench.press("Control+z")
    assert np.array_equal(bench.look(), brushed)
    bench.press("Control+z")
    assert np.array_equal(bench.look(), second)
    bench.press("Control+Shift+z", "Control+Shift+z")
    assert np.array_equal(bench.look(), erased)

    # Label, keep, saved.
    bench.press("2")
    bench.press("Enter")
    bench.wait_for(draft="none", objects="1")
    bench.wait_until_saved()
    kept = bench.look()
    saved = the_annotation(visitor, image["id"])
    mask = decode(saved["segmentation"])
    assert saved["category_id"] == demo["categories"][1]["id"]
    assert saved["source"] == "assisted"
    assert saved["prompts"]["labels"] == [1, 1]
    assert mask.shape == size(image)
    assert mask[STROKE[0][1], STROKE[0][0]], "painted"
    assert not mask[CROSSING[1], CROSSING[0]], "wiped"
    assert int(mask.sum()) == saved["area"]
    assert_shown(bench, pristine, kept, mask)

    # Reload: the same mask, pixel for pixel, on screen and in the database; the server's restart changes nothing.
    visitor.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="1")
    assert np.array_equal(bench.look(), kept)
    server.restart()
    visitor.reload()
    bench.wait_until_ready()
    assert np.array_equal(bench.look(), kept)
    assert the_annotation(visitor, image["id"])["segmentation"] == saved["segmentation"]

    assert_exported(visitor, demo, image, saved, mask, tmp_path)


def size(image: dict[str, Any]) -> tuple[int, int]:
    return image["height"], image["width"]


def assert_exported(
    page: Page,
    demo: dict[str, Any],
    image: dict[str, Any],
    saved: dict[str, Any],
    mask: np.ndarray,
    folder: Path,
) -> None:
    """Export with the project page's button; pycocotools finds exactly this mask in the file."""
    page.goto(f"/projects/{demo['id']}")
    page.get_by_role("tab", name="Export").click()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    path = folder / "export.json"
    download.value.save_as(path)
    dataset = COCO(str(path))
    annotations = dataset.loadAnns(dataset.getAnnIds())
    assert len(annotations) == 1
    assert np.array_equal(dataset.annToMask(annotations[0]).astype(bool), mask)
    assert annotations[0]["iscrowd"] == 0
    assert annotations[0]["area"] == saved["area"]
    assert annotations[0]["bbox"] == saved["bbox"]
    assert dataset.loadImgs(annotations[0]["image_id"])[0]["file_name"] == image["name"]
    assert dataset.loadCats(annotations[0]["category_id"])[0]["name"] == demo["categories"][1]["name"]
    assert json.loads(path.read_text())["info"]
