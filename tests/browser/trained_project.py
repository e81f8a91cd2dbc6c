"""A project on whose training page everything can be seen: a finished run, a comparison, masks to look at again."""

from __future__ import annotations

import io
import json
import math
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Playwright

from annotator.masks import encode
from tools.real_server import Api

WIDTH, HEIGHT, IMAGES = 120, 80, 4
NEW_DIGEST = "ab" * 32
COLUMNS = ("1", "3", "5", "box")


def make(playwright: Playwright, api: Api, instance: Path, name: str) -> int:
    """Its id. The run and its model are written into the database: training takes longer than a test may."""
    project_id: int = api.post("/projects", {"name": name}).body["id"]
    categories = [
        api.post(f"/projects/{project_id}/categories", {"name": each}).body for each in ("leaf", "fruit")
    ]
    images = _upload(playwright, api, project_id)
    masks = [_annotate(api, image, categories[at % 2]["id"], at) for at, image in enumerate(images)]
    with sqlite3.connect(instance / "annotator.db", timeout=30) as database:
        _write_run(database, project_id, name, masks)
    return project_id


def _disc(at: int) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x - 40 - 10 * at) ** 2 + (y - 40) ** 2 < 24**2).astype(np.uint8)


def _upload(playwright: Playwright, api: Api, project_id: int) -> list[dict[str, Any]]:
    headers = {"X-CSRFToken": api.get("/me").body["csrf_token"], "Referer": api.base_url + "/"}
    requests = playwright.request.new_context(
        base_url=api.base_url, storage_state=api.storage_state(), extra_http_headers=headers, timeout=60_000
    )
    images = []
    for at in range(IMAGES):
        pixels = np.full((HEIGHT, WIDTH, 3), (60, 120 + 20 * at, 70), np.uint8)
        pixels[_disc(at) > 0] = (200, 90, 40 + 30 * at)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        file: Any = {"name": f"plant-{at}.png", "mimeType": "image/png", "buffer": content.getvalue()}
        answer = requests.post(f"/api/v1/projects/{project_id}/images", multipart={"files": file})
        assert answer.ok, answer.text()
        images += answer.json()["images"]
    requests.dispose()
    return images


def _annotate(api: Api, image: dict[str, Any], category_id: int, at: int) -> tuple[int, str]:
    """(image id, annotation id) of an accepted disc."""
    body = {
        "image_id": image["id"],
        "category_id": category_id,
        "segmentation": encode(_disc(at)).to_coco(),
        "source": "manual",
    }
    annotation_id = str(uuid.uuid4())
    answer = api.call("PUT", f"/annotations/{annotation_id}", body, {"If-None-Match": "*"})
    assert answer.status == 201, answer.body
    return image["id"], annotation_id


def _write_run(
    database: sqlite3.Connection, project_id: int, name: str, masks: list[tuple[int, str]]
) -> None:
    base = database.execute("SELECT digest FROM model WHERE active").fetchone()[0]
    columns = [row[1] for row in database.execute("PRAGMA table_info(model)")]
    changed = {"digest": ":digest", "name": ":name", "active": "0", "source": "'trained'"}
    database.execute(
        f"INSERT OR IGNORE INTO model ({', '.join(columns)}) "
        f"SELECT {', '.join(changed.get(column, column) for column in columns)} FROM model WHERE digest = :base",
        {"digest": NEW_DIGEST, "name": f"{name} 1", "base": base},
    )
    moment = "2026-01-02 03:04:05.000000"
    values = {
        "project_id": project_id,
        "target": "model",
        "state": "done",
        "message": "Done",
        "base_digest": base,
        "digest": NEW_DIGEST,
        "settings": json.dumps({"minutes": 15}),
        "data": json.dumps(
            {"images": 240, "masks": 1310, "held_images": 61, "held_masks": 344, "categories": {"leaf": 900}}
        ),
        "curve": json.dumps(_curve()),
        "evaluation": json.dumps(_evaluation()),
        "created_at": moment,
        "updated_at": moment,
    }
    run_id = database.execute(
        f"INSERT INTO training_run ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    ).lastrowid
    database.executemany(
        "INSERT INTO look_again (run_id, project_id, image_id, annotation_id, revision, iou, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
        [
            (run_id, project_id, image_id, annotation_id, 0.2 + 0.1 * at, moment, moment)
            for at, (image_id, annotation_id) in enumerate(masks)
        ],
    )


def _curve() -> list[dict[str, float]]:
    points: list[dict[str, float]] = []
    for at in range(121):
        share = at / 120
        point = {"step": 10 * at, "minutes": 15 * share, "progress": share}
        points.append(point | {"loss": 1.4 + 1.6 * math.exp(-4 * share) + 0.12 * math.sin(9 * at)})
        if at % 12 == 0:
            gain = 1 - math.exp(-3 * share)
            looks = {"val_iou_point": 0.52 + 0.17 * gain, "val_iou_3": 0.68 + 0.11 * gain}
            points.append(point | looks | {"val_iou_box": 0.74 + 0.08 * gain})
    return points


def _evaluation() -> dict[str, Any]:
    rows = []
    for category, objects, gain in (("", 344, 0.15), ("fruit", 120, 0.02), ("leaf", 224, 0.22)):
        row: dict[str, Any] = {
            "category": category,
            "objects": objects,
            "old": {},
            "new": {},
            "difference": {},
        }
        for number, column in enumerate(COLUMNS):
            before, change = 0.52 + 0.08 * number, gain / (1 + number)
            row["old"][column] = _estimate(before, 0.02)
            row["new"][column] = _estimate(before + change, 0.02)
            row["difference"][column] = _estimate(change, 0.015)
        rows.append(row)
    return {"columns": list(COLUMNS), "objects": 344, "images": 61, "rows": rows}


def _estimate(mean: float, half: float) -> dict[str, Any]:
    return {"mean": round(mean, 4), "interval": [round(mean - half, 4), round(mean + half, 4)]}
