"""The worker: real embeddings, and that killing it loses nothing."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.database import db
from annotator.jobs import Ticket
from annotator.models import Embedding, Job
from annotator.sam.embedding_file import unpack_embedding
from annotator.services import embeddings
from annotator.services.projects import create_project, find_project
from annotator.storage import storage
from annotator.worker import EmbeddedWorker, Worker
from tests.server.kills import run_script
from tests.server.pictures import picture


def add_image(app: APIFlask, data: bytes | None = None) -> int:
    from annotator.services.ingest import ingest

    with app.app_context():
        try:
            project = find_project("Worker")
        except Exception:
            project = create_project("Worker")
        return ingest(project, io.BytesIO(data or picture()), "a.png", person=None).image.id


def test_an_uploaded_image_gets_its_embedding(app: APIFlask, admin: Any, tiny_model: str) -> None:
    image_id = add_image(app)
    before = admin.get(f"/api/v1/images/{image_id}").json
    assert before["embedding"]["state"] == "queued"
    missing = admin.get(f"/api/v1/images/{image_id}/embeddings/{tiny_model}")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "embedding_missing")
    assert Worker(app).run_until_idle() == 1
    after = admin.get(f"/api/v1/images/{image_id}").json
    assert after["embedding"]["state"] == "ready"
    answer = admin.get(after["embedding"]["url"])
    assert len(answer.data) == after["embedding"]["bytes"]
    assert "immutable" in answer.headers["Cache-Control"]
    file = unpack_embedding(answer.data)
    assert file.model_digest == tiny_model
    assert file.image_sha256 == after["sha256"]
    assert file.original_size == (24, 40)
    assert file.embedding.dtype == np.float16
    assert np.isfinite(file.embedding.astype(np.float32)).all()
    project = admin.get(f"/api/v1/projects/{after['project_id']}").json
    assert project["embeddings"] == {"ready": 1, "pending": 0, "failed": 0, "eta_seconds": None}


def test_doing_it_again_changes_nothing(app: APIFlask, tiny_model: str) -> None:
    add_image(app)
    worker = Worker(app)
    worker.run_until_idle()
    with app.app_context():
        payload = dict(db.session.query(Job).one().payload)
        jobs.enqueue("embed", payload)
    worker.run_until_idle()
    with app.app_context():
        assert db.session.query(Embedding).count() == 1
        assert [job.state for job in db.session.query(Job)] == ["done", "done"]


def test_an_image_deleted_meanwhile_is_no_error(app: APIFlask, tiny_model: str) -> None:
    from annotator.services.images import delete_image

    image_id = add_image(app)
    with app.app_context():
        delete_image(image_id)
    Worker(app).run_until_idle()
    with app.app_context():
        assert db.session.query(Job).one().state == "done"
        assert db.session.query(Embedding).count() == 0


def test_a_lost_file_fails_with_a_reason_and_can_be_retried(
    app: APIFlask, admin: Any, tiny_model: str
) -> None:
    image_id = add_image(app)
    with app.app_context():
        [key] = storage().keys("images")
        data = storage().read(key)
        storage().delete(key)
    Worker(app).run_until_idle()
    state = admin.get(f"/api/v1/images/{image_id}").json["embedding"]
    assert state["state"] == "failed"
    assert key in state["message"]
    with app.app_context():
        storage().put(key, data)
    assert admin.post(f"/api/v1/images/{image_id}/embed").json["embedding"]["state"] == "queued"
    Worker(app).run_until_idle()
    assert admin.get(f"/api/v1/images/{image_id}").json["embedding"]["state"] == "ready"


@pytest.mark.slow
def test_a_worker_killed_ten_times_in_an_embedding_loses_nothing(app: APIFlask, tiny_model: str) -> None:
    add_image(app)
    instance = app.extensions["annotator_settings"].instance
    seen = json.loads(run_script("server/killed_workers.py", instance, seconds=230))
    assert seen["kills"] == 10
    assert set(seen["states"]) == {"running"}
    assert seen["job"] == {"state": "done", "attempts": 11, "error": None}
    assert len(seen["embeddings"]) == 1
    assert seen["keys"] == seen["embeddings"]
    with app.app_context():
        data = storage().read(seen["keys"][0])
        row = db.session.query(Embedding).one()
    assert row.bytes == len(data)
    assert unpack_embedding(data).original_size == (24, 40)
    # Whenever a blob was visible, it was whole.
    assert {size for sizes in seen["blob_sizes"] for size in sizes} == {len(data)}


def run_job(app: APIFlask, handler: Callable[[Ticket, Any], Any], **settings: Any) -> dict[str, Any]:
    """Queue one job, let `handler` do it, and return what became of it."""
    with app.app_context():
        job_id = jobs.enqueue("train", {"x": 1}).id
    Worker(app, {"train": handler}).run_until_idle()
    with app.app_context():
        job = db.session.get_one(Job, job_id)
        return {"state": job.state, "error": job.error, "attempts": job.attempts, "result": job.result}


def test_unexpected_errors_are_tried_three_times(app: APIFlask) -> None:
    def fail(ticket: Ticket, report: Any) -> None:
        raise RuntimeError("the disk is on fire")

    job = run_job(app, fail)
    assert (job["state"], job["attempts"]) == ("failed", 3)
    assert job["error"] == {"code": "unexpected", "message": "RuntimeError: the disk is on fire"}


def test_a_job_that_succeeds_later_keeps_no_error(app: APIFlask) -> None:
    def sometimes(ticket: Ticket, report: Any) -> dict[str, int]:
        if ticket.attempt < 3:
            raise RuntimeError
        return {"attempt": ticket.attempt}

    assert run_job(app, sometimes) == {
        "state": "done",
        "error": None,
        "attempts": 3,
        "result": {"attempt": 3},
    }


@pytest.fixture
def restless(tmp_path: Path, make_app: Any) -> APIFlask:
    """An application whose leases are short."""
    app: APIFlask = make_app(
        tmp_path / "restless", heartbeat_seconds=0.05, lease_seconds=1.0, worker_poll_seconds=0.1
    )
    return app


def test_a_long_job_keeps_its_lease_and_shows_progress(restless: APIFlask) -> None:
    seen = []

    def slow(ticket: Ticket, report: Any) -> None:
        report(0.5, "Half way")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.05)
            with restless.app_context():
                jobs.reap()
                job = db.session.get_one(Job, ticket.id)
                seen.append((job.state, job.progress, job.message))
                db.session.remove()
            if len(seen) > 30 and seen[-1][1] == 0.5:
                return

    assert run_job(restless, slow)["attempts"] == 1
    assert seen[-1] == ("running", 0.5, "Half way")


def test_cancelling_a_running_job(restless: APIFlask) -> None:
    def endless(ticket: Ticket, report: Any) -> None:
        with restless.app_context():
            jobs.cancel(ticket.id)
            db.session.remove()
        for _ in range(400):
            report(0.1, "")
            time.sleep(0.05)

    assert run_job(restless, endless)["state"] == "cancelled"


def test_a_worker_that_lost_its_lease_writes_nothing(restless: APIFlask) -> None:
    def stolen(ticket: Ticket, report: Any) -> dict[str, int] | None:
        if ticket.attempt == 1:
            with restless.app_context():
                job = db.session.get_one(Job, ticket.id)
                job.lease_owner = "somebody else"
                db.session.commit()
                db.session.remove()
            return {"attempt": 1}
        return None

    with restless.app_context():
        job_id = jobs.enqueue("train", {}).id
    Worker(restless, {"train": stolen}).run_once()
    with restless.app_context():
        job = db.session.get_one(Job, job_id)
        assert (job.state, job.lease_owner, job.result) == ("running", "somebody else", None)


def test_the_embedded_worker_stops_gracefully_and_gives_the_job_back(restless: APIFlask) -> None:
    begun = threading.Event()

    def endless(ticket: Ticket, report: Any) -> None:
        begun.set()
        for _ in range(400):
            report(0.1, "")
            time.sleep(0.05)

    with restless.app_context():
        job_id = jobs.enqueue("train", {}).id
    embedded = EmbeddedWorker(restless, {"train": endless}).start()
    assert begun.wait(20)
    embedded.stop(20)
    with restless.app_context():
        job = db.session.get_one(Job, job_id)
        assert (job.state, job.attempts, job.lease_owner) == ("queued", 0, None)


def test_only_one_embedded_worker_per_instance(restless: APIFlask) -> None:
    running: list[str] = []
    overlap = threading.Event()

    def handler(ticket: Ticket, report: Any) -> None:
        running.append(ticket.owner)
        if len(set(running)) > 1:
            overlap.set()

    workers = [EmbeddedWorker(restless, {"train": handler}).start() for _ in range(2)]
    with restless.app_context():
        for _ in range(10):
            jobs.enqueue("train", {})
    deadline = time.monotonic() + 20
    while len(running) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    for embedded in workers:
        embedded.stop(20)
    assert len(running) == 10
    assert not overlap.is_set()


def test_waking_is_immediate(tmp_path: Path, make_app: Any) -> None:
    patient = make_app(tmp_path / "patient", worker_poll_seconds=60)
    done = threading.Event()
    embedded = EmbeddedWorker(patient, {"train": lambda ticket, report: done.set()}).start()
    time.sleep(0.3)
    with patient.app_context():
        jobs.enqueue("train", {})
    assert done.wait(10)
    embedded.stop(20)


def test_the_message_says_when(app: APIFlask) -> None:
    assert [embeddings.duration(s) for s in (0.2, 4, 99, 150, 7200)] == ["1 s", "4 s", "99 s", "2 min", "2 h"]


def test_a_long_job_holds_up_nothing_else_in_the_serving_process(restless: APIFlask) -> None:
    embedded_meanwhile = threading.Event()

    def endless(ticket: Ticket, report: Any) -> None:
        while True:
            report(0.1, "")
            time.sleep(0.05)

    with restless.app_context():
        jobs.enqueue("train", {})
        jobs.enqueue("embed", {})
    handlers: dict[str, Any] = {"train": endless, "embed": lambda ticket, report: embedded_meanwhile.set()}
    embedded = EmbeddedWorker(restless, handlers).start()
    assert embedded_meanwhile.wait(20)
    embedded.stop(20)


def test_embeddings_in_whole_numbers(tmp_path: Path, make_app: Any, tiny_weights: Path) -> None:
    from annotator.services.models import register_model

    small = make_app(tmp_path / "small", embedding_form="int8")
    with small.app_context():
        register_model(tiny_weights, name="tiny", source="trained")
    add_image(small)
    Worker(small).run_until_idle()
    with small.app_context():
        row = db.session.query(Embedding).one()
        data = storage().read(row.blob_key)
    values = unpack_embedding(data).embedding
    assert len(data) == row.bytes
    assert values.size < len(data) < 1.5 * values.size + 1500
    assert np.isfinite(values.astype(np.float32)).all()
