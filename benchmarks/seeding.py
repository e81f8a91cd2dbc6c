"""A database as large as a real project's, made in seconds: rows inserted directly, masks of plausible outline."""

from __future__ import annotations

import functools
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert
from sqlalchemy.orm import Session

from annotator.database import db, now, writing
from annotator.masks import Rle, encode
from annotator.models import Annotation, AnnotationRevision, Category, Image, Project

HEIGHT, WIDTH = 1500, 2250
PER_IMAGE = 100
SHAPES = 64
BATCH = 2000


@functools.cache
def object_mask(seed: int) -> Rle:
    """One object in a HEIGHT × WIDTH image: a wobbly outline some 100 to 400 pixels wide, with a hole."""
    rng = np.random.default_rng(seed)
    radius = float(rng.integers(50, 200))
    cx, cy = rng.uniform(radius * 1.5, WIDTH - radius * 1.5), rng.uniform(radius * 1.5, HEIGHT - radius * 1.5)
    ys, xs = np.ogrid[:HEIGHT, :WIDTH]
    angle = np.arctan2(ys - cy, xs - cx)
    distance = np.hypot(xs - cx, ys - cy)
    edge = radius * (1 + 0.2 * np.sin(5 * angle + seed) + 0.05 * np.sin(31 * angle))
    return encode((distance < edge) & (distance > radius / 5))


def seed_project(name: str, annotations: int) -> tuple[int, list[int], int]:
    """Insert a project with so many annotations, 100 an image, each with its first revision.

    Needs an application context. Returns project id, image ids and a category id.
    """
    shapes = [object_mask(seed) for seed in range(SHAPES)]
    with writing() as session:
        project = Project(name=name)
        session.add(project)
        session.flush()
        category = Category(project_id=project.id, name="object", color="#0072bd")
        images = [_image(project.id, number) for number in range(max(1, annotations // PER_IMAGE))]
        session.add_all([category, *images])
        session.flush()
        ids, moment = [image.id for image in images], now()
        for start in range(0, annotations, BATCH):
            numbers = range(start, min(start + BATCH, annotations))
            rows = [
                _row(project.id, category.id, ids[n % len(ids)], shapes[n % SHAPES], n, moment)
                for n in numbers
            ]
            _insert(session, rows)
        return project.id, ids, category.id


def _image(project_id: int, number: int) -> Image:
    sha256 = f"{project_id:08x}{number:056x}"
    return Image(
        project_id=project_id,
        name=f"photo-{number:05}.jpg",
        sha256=sha256,
        source_sha256=sha256,
        width=WIDTH,
        height=HEIGHT,
        mime="image/jpeg",
        bytes=1,
        position=number,
    )


def _row(
    project_id: int, category_id: int, image_id: int, mask: Rle, number: int, moment: datetime
) -> dict[str, Any]:
    x, y, width, height = mask.bbox
    return {
        "id": str(uuid.uuid4()),
        "project_id": project_id,
        "image_id": image_id,
        "category_id": category_id,
        "state": "accepted",
        "revision": 1,
        "rle": mask.counts,
        "height": HEIGHT,
        "width": WIDTH,
        "area": mask.area,
        "bbox_x": x,
        "bbox_y": y,
        "bbox_w": width,
        "bbox_h": height,
        "source": "assisted",
        "prompts": {"points": [[x + width / 4, y + height / 4]], "labels": [1], "boxes": []},
        "candidate": number % 3 + 1,
        "predicted_iou": 0.93,
        "stability_score": 0.96,
        "active_ms": 5000,
        "z": 0,
        "note": "",
        "attributes": {},
        "created_at": moment,
        "updated_at": moment,
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    session.execute(insert(Annotation), rows)
    snapshots = [
        {
            "annotation_id": row["id"],
            "revision": 1,
            # The size of a real snapshot; nothing here restores one.
            "snapshot": {"id": row["id"], "segmentation": {"size": [HEIGHT, WIDTH], "counts": row["rle"]}},
        }
        for row in rows
    ]
    session.execute(insert(AnnotationRevision), snapshots)


def database_bytes(instance: Path) -> int:
    """Size of the SQLite database after its log has been merged, so that runs start alike."""
    connection = db.engine.raw_connection()
    try:
        # Outside of a transaction, which SQLAlchemy's own connections always begin.
        busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.close()
    if busy:
        raise RuntimeError("the log of the database could not be merged")
    return (instance / "annotator.db").stat().st_size
