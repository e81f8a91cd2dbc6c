"""Saving an annotation: the PUT as the browser sends it, to a real server over loopback, with a full database.

SQLite with write-ahead log and synchronous FULL: a save is on the disk before it is answered.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app import create_app
from benchmarks.run import Row
from benchmarks.seeding import PER_IMAGE, database_bytes, object_mask, seed_project
from tools.real_server import Api, RealServer

TARGET_MS = 100.0
ANNOTATIONS, QUICK_ANNOTATIONS, FULL_ANNOTATIONS = 20_000, 2_000, 100_000
SAVES, QUICK_SAVES, FULL_SAVES = 100, 30, 300


class Connection:
    """One kept-alive connection, as a browser holds it."""

    def __init__(self, api: Api) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(api.base_url).netloc, timeout=60)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in api.cookies)
        token = api.get("/me").body["csrf_token"]
        self._headers = {"Cookie": cookies, "X-CSRFToken": token, "Content-Type": "application/json"}

    def timed(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[float, int, Any]:
        """Milliseconds from building the request to the parsed answer, its status, and the answer."""
        started = time.perf_counter()
        data = None if body is None else json.dumps(body)
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, "/api/v1" + path, data, {**self._headers, **extra})
        answer = self._connection.getresponse()
        parsed = json.loads(answer.read() or b"null")
        return (time.perf_counter() - started) * 1000, answer.status, parsed

    def close(self) -> None:
        self._connection.close()


def run(quick: bool) -> Iterator[Row]:
    """Round trips in milliseconds: create, update, and the list of an image with 100 objects."""
    full = os.environ.get("BENCH") == "full"
    size = QUICK_ANNOTATIONS if quick else FULL_ANNOTATIONS if full else ANNOTATIONS
    saves = QUICK_SAVES if quick else FULL_SAVES if full else SAVES
    with tempfile.TemporaryDirectory(prefix="bench-save-") as folder:
        instance = Path(folder) / "instance"
        with RealServer(instance, {"ANNOTATOR_DEMO": "false"}) as server:
            app = create_app(instance)
            with app.app_context():
                project, images, category = seed_project("large", size)
                megabytes = database_bytes(instance) / 1e6
            note = f"{size} annotations and as many revisions stored ({megabytes:.0f} MB)"
            connection = Connection(Api(server.base_url, server.link))
            try:
                for name, values in _measure(connection, images, category, saves).items():
                    yield from _rows(name, values, note)
                values = _during_export(connection, project, images, category, saves)
                yield from _rows("save while an export runs", values, note)
            finally:
                connection.close()


def _measure(connection: Connection, images: list[int], category: int, saves: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {
        "save a new object": [],
        "save a change": [],
        "list an image's objects": [],
    }
    for number in range(saves):
        image, id = images[number * 7919 % len(images)], str(uuid.uuid4())
        body = _body(image, category, number)
        created = connection.timed("PUT", f"/annotations/{id}", body, If_None_Match="*")
        changed = connection.timed(
            "PUT", f"/annotations/{id}", _body(image, category, number + 1), If_Match='"1"'
        )
        listed = connection.timed("GET", f"/images/{image}/annotations")
        if (created[1], changed[1], listed[1]) != (201, 200, 200) or len(
            listed[2]["annotations"]
        ) <= PER_IMAGE:
            raise RuntimeError(f"the server refused: {created[1:]}, {changed[1:]}, {listed[1]}")
        for values, answer in zip(times.values(), (created, changed, listed), strict=True):
            values.append(answer[0])
    return times


def _during_export(
    connection: Connection, project: int, images: list[int], category: int, saves: int
) -> list[float]:
    """The same save while the worker inside the serving process writes and verifies every mask."""
    job = connection.timed("POST", f"/projects/{project}/exports", {"format": "coco"})[2]["id"]
    times = []
    for number in range(saves):
        if connection.timed("GET", f"/jobs/{job}")[2]["state"] not in ("queued", "running"):
            break
        body = _body(images[number * 7919 % len(images)], category, number)
        times.append(connection.timed("PUT", f"/annotations/{uuid.uuid4()}", body)[0])
    connection.timed("POST", f"/jobs/{job}/cancel", {})
    return times


def _body(image: int, category: int, number: int) -> dict[str, Any]:
    mask, model_mask = object_mask(number % 20), object_mask((number + 1) % 20)
    return {
        "image_id": image,
        "category_id": category,
        "segmentation": mask.to_coco(),
        "source": "assisted",
        "prompts": {"points": [[100.5, 200.5]], "labels": [1], "boxes": []},
        "candidate": 2,
        "predicted_iou": 0.93,
        "model_segmentation": model_mask.to_coco(),
        "active_ms": 4000 + number,
    }


def _rows(name: str, times: list[float], note: str) -> Iterator[Row]:
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20, method="inclusive")[-1]
    target = TARGET_MS if name.startswith("save a ") else None
    ok = None if target is None else p95 <= target
    note = f"p50 {p50:.1f} ms, {len(times)} times, {note}"
    yield {"name": f"{name}, p95", "value": p95, "unit": "ms", "target": target, "ok": ok, "note": note}
