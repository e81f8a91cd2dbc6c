"""How long people wait in projects of any size: lists, filters, one image's annotations, a save; SQLite and PostgreSQL.

A hundred images and three thousand; with BENCH=full sizes grow by tens up to a hundred thousand images with five
million annotations. A real server over loopback answers every request. `python -m benchmarks.scale_plot` draws what the
last full run found.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import create_app
from benchmarks.run import Row
from benchmarks.save_latency import Connection
from benchmarks.scale_seeding import PER_IMAGE, Seeded, seed, short_mask
from tools import database_servers
from tools.real_server import Api, RealServer

TARGET_MS = 100.0
REPETITIONS = 40
SIZES = (100, 3_000)
FULL_SIZES = (100, 1_000, 10_000, 100_000)
QUICK_SIZES = (100,)
MEASURED = Path(__file__).parent / ".cache" / "scale.json"
FILTERS = ("unlabelled", "in_progress", "proposals", "rejected", "mine", "needs_me")
PRIME = 7919  # steps through the images in an order that no cache likes

Measured = dict[str, dict[str, dict[str, float]]]
"""Database → number of images → operation → p95 in milliseconds."""


def run(quick: bool) -> Iterator[Row]:
    """The largest size's p95 of every operation; a full run keeps all sizes in MEASURED for the plot."""
    full = os.environ.get("BENCH") == "full"
    sizes = QUICK_SIZES if quick else FULL_SIZES if full else SIZES
    found: Measured = {}
    for database in _databases():
        found[database] = {str(size): _measure_size(database, size) for size in sizes}
        yield from _rows(database, max(sizes), found[database])
        if full and not quick:
            MEASURED.parent.mkdir(exist_ok=True)
            MEASURED.write_text(json.dumps(found, indent=1))


def _databases() -> list[str]:
    return ["SQLite", "PostgreSQL"] if database_servers.find_postgresql() else ["SQLite"]


@contextmanager
def _database_url(database: str) -> Iterator[str]:
    if database == "SQLite":
        yield ""
    else:
        with database_servers.postgresql(durable=True) as url:
            yield url


def _measure_size(database: str, images: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder, _database_url(database) as url:
        instance = Path(folder) / "instance"
        settings = {"ANNOTATOR_DEMO": "false", "ANNOTATOR_EMBEDDED_WORKER": "false"}
        with RealServer(instance, settings | ({"DATABASE_URL": url} if url else {})) as server:
            app = create_app(instance, {"database_url": url} if url else {})
            with app.app_context():
                seeded = seed(images)
                _settle(database)
            connection = Connection(Api(server.base_url, server.link))
            try:
                times = {name: _p95(connection, ask) for name, ask in _operations(seeded).items()}
            finally:
                connection.close()
    print(f"  {database}, {images} images: worst {max(times.values()):.0f} ms", flush=True)
    return times


def _settle(database: str) -> None:
    """What a database in use has long done: the log merged; on PostgreSQL, the table statistics gathered."""
    from annotator.database import db

    connection = db.engine.raw_connection()
    try:
        if database == "SQLite":
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            connection.cursor().execute("VACUUM ANALYZE")
    finally:
        connection.close()
        db.engine.dispose()


Request = tuple[str, str, Any, dict[str, str]]


def _operations(seeded: Seeded) -> dict[str, Callable[[int], Request]]:
    """What is asked, by name; each takes the number of the repetition."""

    def get(path: str) -> Callable[[int], Request]:
        return lambda number: ("GET", path.format(image=_image(seeded, number)), None, {})

    listing = f"/projects/{seeded.project}/images?limit=50"
    saved: dict[int, str] = {}

    def create(number: int) -> Request:
        saved[number] = str(uuid.uuid4())
        return "PUT", f"/annotations/{saved[number]}", _body(seeded, number), {"If_None_Match": "*"}

    def change(number: int) -> Request:
        body = _body(seeded, number) | {"note": "changed"}
        return "PUT", f"/annotations/{saved[number]}", body, {"If_Match": '"1"'}

    return {
        "project list": get("/projects"),
        "image list, first page": get(listing),
        "image list, deep page": get(f"{listing}&cursor={seeded.images * 9 // 10}"),
        **{f"image list, {name}": get(f"{listing}&filter={name}") for name in FILTERS},
        "image list, done": get(f"{listing}&status=done"),
        "image list, part of a name": get(f"{listing}&q=photo-9e37"),
        "one image and its neighbours": get("/images/{image}?filter=needs_me"),
        "annotations of an image": get("/images/{image}/annotations"),
        "save a new object": create,
        "save a change": change,
    }


def _image(seeded: Seeded, number: int) -> int:
    return seeded.first_image + number * PRIME % seeded.images


def _body(seeded: Seeded, number: int) -> dict[str, Any]:
    return {
        "image_id": _image(seeded, number),
        "category_id": seeded.category,
        "segmentation": short_mask(number % 8).to_coco(),
        "source": "manual",
    }


def _p95(connection: Connection, ask: Callable[[int], Request]) -> float:
    times = []
    for number in range(REPETITIONS):
        method, path, body, headers = ask(number)
        milliseconds, status, answer = connection.timed(method, path, body, **headers)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        if path.endswith("/annotations") and len(answer["annotations"]) < PER_IMAGE:
            raise RuntimeError(f"{path} lists {len(answer['annotations'])} annotations")
        times.append(milliseconds)
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _rows(database: str, largest: int, by_size: dict[str, dict[str, float]]) -> list[Row]:
    note = f"{largest} images, {largest * PER_IMAGE} annotations, {REPETITIONS} times"
    smallest = by_size[min(by_size, key=int)]
    return [
        {
            "name": f"{database}: {name}, p95",
            "value": value,
            "unit": "ms",
            "target": TARGET_MS,
            "ok": value <= TARGET_MS,
            "note": f"{note}; {value / smallest[name]:.1f} × the smallest project's",
        }
        for name, value in by_size[str(largest)].items()
    ]
