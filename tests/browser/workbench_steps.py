"""What several workbench tests do: open a clean photograph, click, accept, look into the database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from pycocotools import mask as coco_mask

from annotator.services.annotation_input import AnnotationInput
from tests.browser.workbench_page import WorkbenchPage
from tools.real_server import Api

Mask = np.ndarray


def decode(annotation: dict[str, Any], field: str = "segmentation") -> Mask:
    """An annotation's mask, bool (H, W), by pycocotools."""
    rle = annotation[field]
    return coco_mask.decode({**rle, "counts": rle["counts"].encode()}).astype(bool)


def sendable(annotation: dict[str, Any]) -> dict[str, Any]:
    """Of an annotation as the server tells it, what a client may send back."""
    return {name: annotation[name] for name in AnnotationInput.model_fields}


def saved_on(api: Api, image_id: int) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = api.get(f"/images/{image_id}/annotations").body["annotations"]
    return annotations


@pytest.fixture
def image(demo: dict[str, Any], api: Api) -> dict[str, Any]:
    """The first demo photograph, without annotations."""
    found: dict[str, Any] = api.get(f"/projects/{demo['id']}/images").body["images"][0]
    for annotation in saved_on(api, found["id"]):
        headers = {"If-Match": f'"{annotation["revision"]}"'}
        assert api.call("DELETE", f"/annotations/{annotation['id']}", headers=headers).status == 204
    return found


@pytest.fixture
def bench(page: Page, demo: dict[str, Any], image: dict[str, Any]) -> WorkbenchPage:
    """The workbench on that photograph, ready for clicks."""
    # Off, whatever this machine measures: a preview would show in the pictures that tests compare.
    off = "localStorage.getItem('annotator.preview') ?? localStorage.setItem('annotator.preview', 'off')"
    page.add_init_script(off)
    page.goto(f"/projects/{demo['id']}/images/{image['id']}")
    opened = WorkbenchPage(page)
    opened.wait_until_ready()
    return opened


def middle(image: dict[str, Any], dx: int = 0, dy: int = 0) -> tuple[int, int]:
    return image["width"] // 2 + dx, image["height"] // 2 + dy


def click(bench: WorkbenchPage, x: int, y: int, **options: Any) -> None:
    """Click and wait for the model's answer to this very click."""
    before = int(bench.page.locator("body").get_attribute("data-answers") or 0)
    bench.click(x, y, **options)
    bench.wait_for(answers=str(before + 1))
    bench.wait_until_decoded()


def accept(bench: WorkbenchPage) -> None:
    bench.press("Enter")
    bench.wait_for(draft="none")
    bench.wait_until_saved()


def accept_new(bench: WorkbenchPage, api: Api, image_id: int) -> dict[str, Any]:
    """Accept the draft of a new object and give the annotation that it became."""
    before = {annotation["id"] for annotation in saved_on(api, image_id)}
    accept(bench)
    [new] = [each for each in saved_on(api, image_id) if each["id"] not in before]
    return new
