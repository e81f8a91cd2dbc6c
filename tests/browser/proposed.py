"""A clean photograph with proposals on it, and what tests of proposals do with them."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from pycocotools import mask as coco_mask

from tests.browser.three_objects import Box, block
from tests.browser.workbench_page import WorkbenchPage
from tests.browser.workbench_steps import saved_on
from tools.real_server import Api

# x0, y0, x1, y1, half-open, and the predicted IoU.
SURE: tuple[Box, float] = ((60, 60, 120, 120), 0.95)
LARGE: tuple[Box, float] = ((160, 60, 320, 200), 0.91)
DOUBTFUL: tuple[Box, float] = ((60, 180, 110, 230), 0.72)


def propose(api: Api, image: dict[str, Any], z: int, box: Box, score: float, state: str = "proposal") -> str:
    """Put a proposal on the image as a run of automatic masks does; its id."""
    mask = np.asfortranarray(block(image, box).astype(np.uint8))
    identifier = str(uuid.uuid4())
    body = {
        "image_id": image["id"],
        "category_id": None,
        "state": state,
        "segmentation": {
            "size": [image["height"], image["width"]],
            "counts": coco_mask.encode(mask)["counts"].decode(),
        },
        "source": "proposal",
        "prompts": {
            "points": [[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]],
            "labels": [1],
            "boxes": [],
        },
        "predicted_iou": score,
        "stability_score": 0.97,
        "z": z,
    }
    made = api.call("PUT", f"/annotations/{identifier}", body, {"If-None-Match": "*"})
    assert made.status == 201, made.body
    return identifier


@pytest.fixture
def proposed(api: Api, image: dict[str, Any], bench: WorkbenchPage, page: Page) -> dict[str, str]:
    """Three proposals, surest first, on the clean photograph; their ids by name."""
    named = {"sure": SURE, "large": LARGE, "doubtful": DOUBTFUL}
    ids = {
        name: propose(api, image, z, box, score) for z, (name, (box, score)) in enumerate(named.items(), 1)
    }
    page.reload()
    bench.wait_until_ready()
    bench.wait_for(objects="0", proposals="3")
    return ids


def states(api: Api, image: dict[str, Any]) -> dict[str, str]:
    """What the server has: states by id."""
    return {annotation["id"]: annotation["state"] for annotation in saved_on(api, image["id"])}
