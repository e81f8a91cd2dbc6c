"""Counts that the database keeps beside each image follow every kind of write."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import delete, insert, select, text, update

from annotator import tallies
from annotator.database import db, now, writing
from annotator.models import Annotation, Embedding, Image, Project, User, contribution, embedded

pytestmark = pytest.mark.databases


@pytest.fixture
def images(app: APIFlask) -> list[int]:
    """Ids of two images in a project; two people exist."""
    with app.app_context(), writing() as session:
        project = Project(name="Tallies")
        session.add_all([project, User(name="ann"), User(name="bob")])
        session.flush()
        common = {"project_id": project.id, "width": 9, "height": 9, "mime": "image/png", "bytes": 1}
        rows = [
            Image(name=f"{n}.png", sha256=f"{n:064x}", source_sha256=f"{n:064x}", position=n, **common)
            for n in range(2)
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def annotation(image_id: int, id: str, **values: Any) -> dict[str, Any]:
    box = {"bbox_x": 0, "bbox_y": 0, "bbox_w": 1, "bbox_h": 1, "area": 1, "rle": "01", "source": "manual"}
    return {"id": id, "image_id": image_id, "project_id": 1, "height": 9, "width": 9, **box, **values}


def counted(image_id: int) -> tuple[int, int, int]:
    db.session.expire_all()
    image = db.session.get_one(Image, image_id)
    return image.accepted_count, image.proposal_count, image.rejected_count


def run(statement: Any, rows: list[dict[str, Any]] | None = None) -> None:
    with writing() as session:
        session.execute(statement, rows) if rows else session.execute(statement)


def test_counts_follow_inserts_changes_and_deletions(app: APIFlask, images: list[int]) -> None:
    first, second = images
    with app.app_context():
        rows = [annotation(first, f"a{n}", state="accepted") for n in range(3)]
        rows += [annotation(second, "b", state="proposal"), annotation(second, "c", state="rejected")]
        run(insert(Annotation), rows)
        assert [counted(image) for image in images] == [(3, 0, 0), (0, 1, 1)]
        run(update(Annotation).where(Annotation.id == "b").values(state="accepted"))
        run(update(Annotation).where(Annotation.id == "a0").values(deleted_at=now()))
        assert [counted(image) for image in images] == [(2, 0, 0), (1, 0, 1)]
        run(update(Annotation).where(Annotation.id == "a0").values(deleted_at=None, state="proposal"))
        run(update(Annotation).values(note="seen"))
        assert counted(first) == (2, 1, 0)
        run(delete(Annotation).where(Annotation.id.in_(["a0", "a1"])))
        assert counted(first) == (1, 0, 0)
        run(delete(Image).where(Image.id == second))
        assert db.session.scalars(select(Annotation.id)).all() == ["a2"]


def embedding(number: int, model: str = "m") -> dict[str, Any]:
    return {
        "image_sha256": f"{number:064x}",
        "model_digest": model,
        "blob_key": "k",
        "bytes": 1,
        "seconds": 0.1,
    }


def ready() -> dict[tuple[int, str], int]:
    return {(row.project_id, row.model_digest): row.images for row in db.session.execute(select(embedded))}


def test_embedded_images_follow_pictures_that_projects_share(app: APIFlask, images: list[int]) -> None:
    with app.app_context():
        with writing() as session:
            session.add(Project(name="Same pictures"))
        shared = {"project_id": 2, "width": 9, "height": 9, "mime": "image/png", "bytes": 1, "position": 0}
        run(insert(Embedding), [embedding(0), embedding(1), embedding(7), embedding(0, "other")])
        assert ready() == {(1, "m"): 2, (1, "other"): 1}
        run(insert(Image), [{**shared, "name": "a", "sha256": f"{0:064x}", "source_sha256": "a"}])
        assert ready() == {(1, "m"): 2, (1, "other"): 1, (2, "m"): 1, (2, "other"): 1}
        run(delete(Embedding).where(Embedding.model_digest == "m", Embedding.image_sha256 == f"{0:064x}"))
        assert ready() == {(1, "m"): 1, (1, "other"): 1, (2, "m"): 0, (2, "other"): 1}
        run(delete(Image).where(Image.id == images[1]))
        assert ready()[1, "m"] == 0
        run(insert(Embedding), [embedding(0)])
        kept = ready()
        assert kept == {(1, "m"): 1, (1, "other"): 1, (2, "m"): 1, (2, "other"): 1}
        run(delete(embedded))
        tallies.recount(db.engine)
        assert ready() == kept
        run(delete(Project).where(Project.id == 2))
        assert ready() == {(1, "m"): 1, (1, "other"): 1}


def test_a_picture_and_its_embedding_stored_in_the_same_moment_both_count(
    app: APIFlask, images: list[int]
) -> None:
    begun, stored = threading.Event(), threading.Event()

    def store_embedding() -> None:
        with app.app_context(), writing() as session:
            session.execute(insert(Embedding), [embedding(5)])
            begun.set()
            stored.wait(timeout=0.5)

    thread = threading.Thread(target=store_embedding)
    thread.start()
    assert begun.wait(timeout=10)
    row = {"project_id": 1, "width": 9, "height": 9, "mime": "image/png", "bytes": 1, "position": 5}
    with app.app_context():
        run(insert(Image), [{**row, "name": "5", "sha256": f"{5:064x}", "source_sha256": "5"}])
        stored.set()
        thread.join()
        db.session.rollback()
        assert ready() == {(1, "m"): 1}


def test_who_worked_on_what(app: APIFlask, images: list[int]) -> None:
    first, second = images
    with app.app_context():
        run(
            insert(Annotation),
            [annotation(first, "a", updated_by=1), annotation(second, "b", updated_by=None)],
        )
        later = now() + timedelta(hours=1)
        run(update(Annotation).where(Annotation.id == "b").values(revision=2, updated_by=2, updated_at=later))
        found = db.session.execute(select(contribution).order_by(contribution.c.image_id)).all()
        assert [(row.user_id, row.image_id) for row in found] == [(1, first), (2, second)]
        assert found[1].last_at == later


def test_counting_again_gives_the_same(app: APIFlask, images: list[int]) -> None:
    first, second = images
    with app.app_context():
        rows = [
            annotation(first, "a", state="accepted", updated_by=1),
            annotation(second, "b", state="proposal"),
        ]
        run(insert(Annotation), rows)
        run(text("UPDATE image SET accepted_count = 7, proposal_count = 7, rejected_count = 7"))
        run(delete(contribution))
        tallies.recount(db.engine)
        assert [counted(image) for image in images] == [(1, 0, 0), (0, 1, 0)]
        assert db.session.execute(select(contribution.c.user_id, contribution.c.image_id)).all() == [
            (1, first)
        ]
