"""A project of any size, made inside the database: the same statements on SQLite and on PostgreSQL.

A hundred thousand images with five million annotations take minutes instead of hours, because no row passes through
Python. What looks random is drawn from the row's number, so that every database gets the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, bindparam, text

from annotator import tallies
from annotator.database import UTCDateTime, db, now, writing
from annotator.masks import Rle, encode
from annotator.models import Category, Project, User
from annotator.services import embeddings

HEIGHT, WIDTH = 1500, 2250
PER_IMAGE = 50
SHAPES = 64
PEOPLE = 5
OTHER_PROJECTS = 20
NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT CAST(0 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
)
SCATTER = "(i * 2654435761) % 4294967296"  # a number below 2**32 that looks random and occurs once


@dataclass(frozen=True)
class Seeded:
    """What the measurements need to know of the large project."""

    project: int
    category: int
    first_image: int
    images: int


def short_mask(seed: int) -> Rle:
    """An ellipse of 10 to 60 pixels somewhere in a HEIGHT × WIDTH image: a run list of some hundred characters."""
    rng = np.random.default_rng(seed)
    cx, cy, a, b = rng.uniform(100, WIDTH - 100), rng.uniform(100, HEIGHT - 100), *rng.uniform(5, 30, 2)
    bitmap = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    ys, xs = np.ogrid[:HEIGHT, :WIDTH]
    bitmap[((xs - cx) / a) ** 2 + ((ys - cy) / b) ** 2 < 1] = 1
    return encode(bitmap)


def seed(images: int) -> Seeded:
    """Fill an empty database: a project of `images` images with 50 annotations each, and twenty small ones.

    Needs an application context and a registered model. Of ten images five are done, two half done, two have
    proposals only, one was skipped; nine of ten have their embedding.
    """
    digest = embeddings.active_digest()
    with writing() as session:
        people = [User(name=f"person-{number}") for number in range(PEOPLE)]
        projects = [Project(name=f"project-{number:02}") for number in range(OTHER_PROJECTS + 1)]
        session.add_all([*people, *projects])
        session.flush()
        categories = [Category(project_id=project.id, name="object", color="#0072bd") for project in projects]
        session.add_all(categories)
    with db.engine.connect() as connection:
        seeding = _Seeding(connection, people[0].id, digest or "")
        seeding.without_triggers()
        for project, category in zip(projects, categories, strict=True):
            large = project is projects[-1]
            first = seeding.project(project.id, category.id, images if large else 10)
        seeding.finish()
        connection.commit()
    return Seeded(projects[-1].id, categories[-1].id, first, images)


class _Seeding:
    """The statements, in the words of one database."""

    def __init__(self, connection: Connection, first_person: int, digest: str) -> None:
        self.connection, self.first_person, self.digest = connection, first_person, digest
        self.postgresql = connection.dialect.name == "postgresql"
        self.run(
            "CREATE TEMPORARY TABLE shape (k integer, rle text, area integer, x integer, y integer, w integer,"
            " h integer)"
        )
        for k in range(SHAPES):
            mask = short_mask(k)
            box = dict(zip("xywh", mask.bbox, strict=True))
            values = "VALUES (:k, :rle, :area, :x, :y, :w, :h)"
            self.run(f"INSERT INTO shape {values}", k=k, rle=mask.counts, area=mask.area, **box)

    def run(self, statement: str, **values: object) -> None:
        parameters = [bindparam("moment", type_=UTCDateTime)] if ":moment" in statement else []
        self.connection.execute(text(statement).bindparams(*parameters), values)

    def hexadecimal(self, number: str, digits: int) -> str:
        if self.postgresql:
            return f"lpad(to_hex(CAST({number} AS bigint)), {digits}, '0')"
        return f"printf('%0{digits}x', {number})"

    def json(self, value: str) -> str:
        return f"CAST({value} AS json)" if self.postgresql else value

    def without_triggers(self) -> None:
        for name in tallies.NAMES[self.connection.dialect.name]:
            self.run(f"DROP TRIGGER {name}")

    def project(self, project: int, category: int, images: int) -> int:
        """Images with their annotations, revisions and embeddings; returns the first image's id."""
        first = 1 + (self.connection.scalar(text("SELECT max(id) FROM image")) or 0)
        moment = now() - timedelta(days=1)  # nobody is at it just now
        self.images(project, first, images, moment)
        self.annotations(project, category, first, images * PER_IMAGE, moment)
        snapshot = self.json(
            """'{"segmentation": {"size": [1500, 2250], "counts": "' || replace(rle, '\\', '\\\\') || '"}}'"""
        )
        self.run(
            f"""INSERT INTO annotation_revision (annotation_id, revision, snapshot, created_at, updated_at)
SELECT id, 1, {snapshot}, :moment, :moment FROM annotation WHERE project_id = :project""",
            project=project,
            moment=moment,
        )
        self.run(
            """INSERT INTO embedding (image_sha256, model_digest, blob_key, bytes, seconds, created_at, updated_at)
SELECT sha256, :digest, 'embeddings/' || sha256, 2097152, 0.5, :moment, :moment
FROM image WHERE project_id = :project AND id % 10 > 0""",
            project=project,
            digest=self.digest,
            moment=moment,
        )
        return int(first)

    def images(self, project: int, first: int, count: int, moment: datetime) -> None:
        scattered = self.hexadecimal(SCATTER, 8)
        sha256 = f"{scattered} || {self.hexadecimal(str(project), 8)} || {self.hexadecimal('i', 48)}"
        self.run(
            f"""INSERT INTO image (id, project_id, name, sha256, source_sha256, width, height, mime, bytes, status,
skip_reason, position, exif, created_at, updated_at) {NUMBERS}
SELECT :first + i, :project, 'photo-' || {scattered} || '.jpg', {sha256}, {sha256}, {WIDTH}, {HEIGHT}, 'image/jpeg', 1,
CASE WHEN i % 10 < 5 THEN 'done' WHEN i % 10 < 7 THEN 'in_progress' WHEN i % 10 < 9 THEN 'new' ELSE 'skipped' END,
'', i, {self.json("'{}'")}, :moment, :moment FROM n""",
            project=project,
            first=first,
            count=count,
            moment=moment,
        )

    def annotations(self, project: int, category: int, first: int, count: int, moment: datetime) -> None:
        number = self.hexadecimal(f"i + {first * PER_IMAGE}", 12)
        person = f"{self.first_person} + image.id % {PEOPLE}"
        self.run(
            f"""INSERT INTO annotation (id, project_id, image_id, category_id, state, revision, rle, height, width,
area, bbox_x, bbox_y, bbox_w, bbox_h, source, predicted_iou, stability_score, active_ms, z, note, attributes,
created_by, updated_by, created_at, updated_at) {NUMBERS}
SELECT {self.hexadecimal(SCATTER, 8)} || '-0000-4000-8000-' || {number}, :project, image.id, :category,
CASE WHEN image.status = 'new' OR (image.status = 'in_progress' AND i % 2 = 0) THEN 'proposal'
WHEN i % 1000 = 0 THEN 'rejected' ELSE 'accepted' END,
1, shape.rle, {HEIGHT}, {WIDTH}, shape.area, shape.x, shape.y, shape.w, shape.h, 'assisted', 0.93, 0.96, 5000, 0, '',
{self.json("'{}'")}, {person}, {person}, :moment, :moment
FROM n JOIN image ON image.id = :first + i / {PER_IMAGE} JOIN shape ON shape.k = i % {SHAPES}""",
            project=project,
            category=category,
            first=first,
            count=count,
            moment=moment,
        )

    def finish(self) -> None:
        for statement in tallies.RECOUNT:
            self.run(statement)
        for statement in tallies.TRIGGERS[self.connection.dialect.name]:
            self.run(statement)
        if self.postgresql:  # the ids were given, not drawn from the table's counter
            self.run("SELECT setval(pg_get_serial_sequence('image', 'id'), (SELECT max(id) FROM image))")
