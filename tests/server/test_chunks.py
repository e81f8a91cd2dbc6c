"""Chunks: bulk embedding as few jobs, one bad picture costing the others nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from apiflask import APIFlask

from annotator import chunks, jobs
from annotator.database import db, writing
from annotator.errors import AnnotatorError
from annotator.jobs import Cancelled, Ticket
from annotator.models import Embedding, Image, Job, Project
from annotator.services import embeddings
from annotator.services.ingest import ingest
from annotator.services.projects import create_project
from annotator.storage import storage
from annotator.worker import Worker
from tests.server.pictures import picture


def ticket(items: list[Any], attempt: int = 1) -> Ticket:
    return Ticket(1, "embed_chunk", None, {"items": items}, None, attempt, "me")


def quiet(share: float, message: str = "") -> None:
    assert 0 <= share <= 1


@pytest.fixture
def bulk(app: APIFlask, tiny_model: str) -> int:
    """A project of five pictures whose single jobs were forgotten."""
    with app.app_context():
        project = create_project("Bulk")
        for number in range(5):
            ingest(project, io.BytesIO(picture(width=16 + number)), f"{number}.png", person=None)
        with writing() as session:
            session.query(Job).delete()
        return project.id


def test_every_item_is_done_in_order() -> None:
    seen: list[int] = []
    messages: list[str] = []
    found = chunks.work_through(
        ticket([1, 2, 3]), lambda _, text: messages.append(text), [1, 2, 3], seen.append, alone=seen.append
    )
    assert (seen, found) == ([1, 2, 3], {"done": 3, "handed_over": 0})
    assert messages[0] == "0 of 3 images"
    assert messages[2].startswith("2 of 3 images, ")
    assert messages[2].endswith(" left")


@pytest.mark.parametrize("error", [AnnotatorError("damaged", code="x"), RuntimeError("odd")])
def test_what_raises_gets_a_job_of_its_own(error: Exception) -> None:
    done: list[int] = []
    alone: list[int] = []

    def do(item: int) -> None:
        if item == 2:
            raise error
        done.append(item)

    found = chunks.work_through(ticket([1, 2, 3]), quiet, [1, 2, 3], do, alone=alone.append)
    assert (done, alone, found) == ([1, 3], [2], {"done": 2, "handed_over": 1})


def test_what_was_under_way_when_a_worker_disappeared_is_tried_apart() -> None:
    done: list[int] = []
    alone: list[int] = []
    found = chunks.work_through(ticket([1, 2, 3], attempt=2), quiet, [2, 3], done.append, alone=alone.append)
    assert (done, alone, found) == ([3], [2], {"done": 1, "handed_over": 1})


def test_a_request_to_stop_passes() -> None:
    def stop(item: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        chunks.work_through(ticket([1]), quiet, [1], stop, alone=stop)


def test_missing_embeddings_are_queued_in_chunks_and_once(app: APIFlask, bulk: int, admin: Any) -> None:
    with app.app_context():
        digest = embeddings.active_digest() or ""
        project = db.session.get_one(Project, bulk)
        assert embeddings.request_missing(project, digest) == 5
        assert embeddings.request_missing(project, digest) == 5
        [job] = db.session.query(Job)
        assert (job.kind, len(job.payload["items"])) == ("embed_chunk", 5)
    described = admin.get(f"/api/v1/projects/{bulk}").json["embeddings"]
    assert (described["ready"], described["pending"]) == (0, 5)
    listed = admin.get(f"/api/v1/projects/{bulk}/images").json["images"]
    assert {image["embedding"]["state"] for image in listed} == {"queued"}
    assert Worker(app).run_until_idle() == 1
    with app.app_context():
        assert db.session.query(Embedding).count() == 5
        assert db.session.query(Job).one().result == {"done": 5, "handed_over": 0}
    assert admin.get(f"/api/v1/projects/{bulk}").json["embeddings"]["ready"] == 5


def test_an_image_that_somebody_opens_does_not_wait_for_its_chunk(
    app: APIFlask, bulk: int, admin: Any
) -> None:
    with app.app_context():
        embeddings.request_missing(db.session.get_one(Project, bulk), embeddings.active_digest() or "")
        image_id = db.session.query(Image.id).order_by(Image.position.desc()).first()[0]
    state = admin.get(f"/api/v1/images/{image_id}").json["embedding"]
    assert (state["state"], state["queue_position"]) == ("queued", 1)
    Worker(app).run_once()
    assert admin.get(f"/api/v1/images/{image_id}").json["embedding"]["state"] == "ready"
    Worker(app).run_until_idle()
    with app.app_context():
        assert db.session.query(Embedding).count() == 5


def test_a_damaged_picture_says_so_and_the_others_are_done(app: APIFlask, bulk: int, admin: Any) -> None:
    with app.app_context():
        key = storage().keys("images")[0]
        storage().delete(key)
        embeddings.request_missing(db.session.get_one(Project, bulk), embeddings.active_digest() or "")
    Worker(app).run_until_idle()
    with app.app_context():
        assert db.session.query(Embedding).count() == 4
        assert {job.kind: job.state for job in db.session.query(Job)} == {
            "embed_chunk": "done",
            "embed": "failed",
        }
    described = admin.get(f"/api/v1/projects/{bulk}").json["embeddings"]
    assert (described["ready"], described["pending"], described["failed"]) == (4, 0, 1)
    states = [image["embedding"] for image in admin.get(f"/api/v1/projects/{bulk}/images").json["images"]]
    assert [key in (state["message"] or "") for state in states].count(True) == 1


def test_places_in_the_queue_count_urgent_jobs_first(app: APIFlask, bulk: int) -> None:
    with app.app_context():
        digest = embeddings.active_digest() or ""
        images = list(db.session.query(Image).order_by(Image.position))
        for image in images:
            embeddings.request(image, digest)
        jobs.enqueue("embed", {"image_sha256": "0" * 64}, priority=20)
        embeddings.bump(images[3], digest)
        places = [state.queue_position for state in embeddings.states(images, digest).values()]
        assert places == [3, 4, 5, 2, 6]
        one = embeddings.states([images[2]], digest)[images[2].id]
        assert one.queue_position == 5
