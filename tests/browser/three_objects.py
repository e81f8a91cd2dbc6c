"""Three objects on a clean photograph, and what tests of arranging do with them."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from pycocotools import mask as coco_mask

from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import Mask, decode, saved_on
from tools.real_server import Api

Box = tuple[int, int, int, int]
# x0, y0, x1, y1, half-open: A and B overlap, C lies apart and has two parts.
A, B, C, FAR = (60, 60, 160, 160), (120, 120, 220, 220), (260, 60, 300, 100), (340, 60, 360, 80)


def block(image: dict[str, Any], *boxes: Box) -> Mask:
    mask = np.zeros((image["height"], image["width"]), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def put(api: Api, image: dict[str, Any], z: int, category: int, *boxes: Box) -> str:
    mask = np.asfortranarray(block(image, *boxes).astype(np.uint8))
    identifier = str(uuid.uuid4())
    body = {
        "image_id": image["id"],
        "category_id": category,
        "segmentation": {
            "size": [image["height"], image["width"]],
            "counts": coco_mask.encode(mask)["counts"].decode(),
        },
        "source": "manual",
        "z": z,
    }
    made = api.call("PUT", f"/annotations/{identifier}", body, {"If-None-Match": "*"})
    assert made.status in (200, 201), made.body
    return identifier


@pytest.fixture
def three(
    page: Page, demo: dict[str, Any], api: Api, image: dict[str, Any], bench: WorkbenchPage
) -> dict[str, str]:
    """The objects A, B and C, bottom first, on the clean photograph; their ids by letter."""
    first, second = (category["id"] for category in demo["categories"][:2])
    ids = {
        "A": put(api, image, 1, first, A),
        "B": put(api, image, 2, second, B),
        "C": put(api, image, 3, first, C, FAR),
    }
    page.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="3")
    bench.press("v")
    return ids


def row(bench: WorkbenchPage, identifier: str) -> Any:
    return bench.page.locator(f'.wb-object[data-id="{identifier}"]')


def choose(bench: WorkbenchPage, *identifiers: str) -> None:
    for number, identifier in enumerate(identifiers):
        modifiers: Any = ["Control"] if number else []
        row(bench, identifier).locator(".wb-object-open").click(modifiers=modifiers)
        if number:
            bench.wait_for(chosen=str(number + 1))
        else:
            bench.wait_for(draft="saved")


def shift_click(bench: WorkbenchPage, x: int, y: int) -> None:
    bench.page.keyboard.down("Shift")
    bench.click(x, y)
    bench.page.keyboard.up("Shift")


def seen(bench: WorkbenchPage) -> np.ndarray:
    """The stage without its border, which shows where the keyboard is."""
    return bench.look()[8:-8, 8:-8]


def masks(api: Api, image: dict[str, Any]) -> dict[str, Mask]:
    return {annotation["id"]: decode(annotation) for annotation in saved_on(api, image["id"])}


def same(one: dict[str, Mask], other: dict[str, Mask]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
