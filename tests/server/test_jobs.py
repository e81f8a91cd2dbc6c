"""Job rows: one winner per job, leases, deduplication, order."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.database import db, now, writing
from annotator.errors import AnnotatorError, Conflict
from annotator.jobs import LeaseLost, Wake
from annotator.models import Job

pytestmark = pytest.mark.databases


def states() -> list[str]:
    db.session.expire_all()
    return [job.state for job in db.session.query(Job).order_by(Job.id)]


def expire(job_id: int) -> None:
    with writing() as session:
        session.get_one(Job, job_id).lease_until = now() - timedelta(seconds=1)


def test_order_is_priority_then_age(app: APIFlask) -> None:
    with app.app_context():
        first = jobs.enqueue("train", {"n": 1}).id
        second = jobs.enqueue("train", {"n": 2}).id
        urgent = jobs.enqueue("embed", {"n": 3}, priority=10).id
        taken = [jobs.claim("w") for _ in range(4)]
        assert [ticket and ticket.id for ticket in taken] == [urgent, first, second, None]
        assert taken[0] is not None
        assert taken[0].payload == {"n": 3}


def test_the_same_work_is_queued_once(app: APIFlask) -> None:
    with app.app_context():
        first = jobs.enqueue("embed", {"n": 1}, dedupe_key="k")
        again = jobs.enqueue("embed", {"n": 1}, dedupe_key="k", priority=5)
        assert (again.id, again.priority) == (first.id, 5)
        ticket = jobs.claim("w")
        assert ticket is not None
        assert jobs.enqueue("embed", {"n": 1}, dedupe_key="k").id == first.id  # running counts too
        jobs.finish(ticket, None)
        assert jobs.enqueue("embed", {"n": 1}, dedupe_key="k").id != first.id


def test_many_workers_never_take_the_same_job(app: APIFlask) -> None:
    with app.app_context():
        for number in range(20):
            jobs.enqueue("train", {"n": number})
    taken: list[int] = []
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with app.app_context():
                while (ticket := jobs.claim(name)) is not None:
                    taken.append(ticket.id)
                    jobs.finish(ticket, {"by": name})
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sorted(taken) == list(range(1, 21))
    with app.app_context():
        assert states() == ["done"] * 20


def test_an_expired_lease_is_taken_over_and_the_old_holder_is_told(app: APIFlask) -> None:
    with app.app_context():
        jobs.enqueue("train", {})
        slow = jobs.claim("slow")
        assert slow is not None
        assert jobs.claim("quick") is None  # the lease holds
        expire(slow.id)
        quick = jobs.claim("quick")
        assert quick is not None
        assert (quick.id, quick.attempt) == (slow.id, 2)
        for late in (
            lambda: jobs.heartbeat(slow, 0.5, ""),
            lambda: jobs.finish(slow, {"by": "slow"}),
            lambda: jobs.fail(slow, RuntimeError("x")),
            lambda: jobs.release(slow),
        ):
            with pytest.raises(LeaseLost):
                late()
        jobs.finish(quick, {"by": "quick"})
        assert db.session.get_one(Job, slow.id).result == {"by": "quick"}


def test_a_worker_does_not_confuse_two_leases_of_its_own(app: APIFlask) -> None:
    with app.app_context():
        jobs.enqueue("train", {})
        first = jobs.claim("same")
        assert first is not None
        expire(first.id)
        second = jobs.claim("same")
        assert second is not None
        with pytest.raises(LeaseLost):
            jobs.finish(first, None)


def test_a_job_that_kills_its_workers_is_given_up(app: APIFlask) -> None:
    with app.app_context():
        job_id = jobs.enqueue("train", {}, max_attempts=3).id
        for _ in range(3):
            assert jobs.claim("w") is not None
            expire(job_id)
        assert jobs.claim("w") is None
        job = db.session.get_one(Job, job_id)
        assert job.state == "failed"
        assert job.error is not None
        assert job.error["code"] == "worker_lost"
        assert job.finished_at is not None


def test_expected_errors_are_final(app: APIFlask) -> None:
    with app.app_context():
        jobs.enqueue("train", {})
        ticket = jobs.claim("w")
        assert ticket is not None
        jobs.fail(ticket, AnnotatorError("No space is left.", code="disk_full"))
        assert states() == ["failed"]
        assert db.session.query(Job).one().error == {"code": "disk_full", "message": "No space is left."}


def test_cancel_and_retry(app: APIFlask) -> None:
    with app.app_context():
        job_id = jobs.enqueue("train", {}, dedupe_key="k").id
        jobs.cancel(job_id)
        assert states() == ["cancelled"]
        assert jobs.claim("w") is None
        with pytest.raises(Conflict, match="already cancelled"):
            jobs.cancel(job_id)
        twin = jobs.enqueue("train", {}, dedupe_key="k").id
        with pytest.raises(Conflict, match=f"job {twin}"):
            jobs.retry(job_id)
        jobs.cancel(twin)
        jobs.retry(job_id)
        assert states() == ["queued", "cancelled"]
        with pytest.raises(Conflict, match="only failed or cancelled"):
            jobs.retry(job_id)


def test_a_cancelled_job_whose_worker_died_stays_cancelled(app: APIFlask) -> None:
    with app.app_context():
        job_id = jobs.enqueue("train", {}).id
        assert jobs.claim("w") is not None
        jobs.cancel(job_id)
        assert states() == ["running"]
        expire(job_id)
        assert jobs.claim("w") is None
        assert states() == ["cancelled"]


def test_a_job_exists_exactly_when_its_transaction_did(app: APIFlask) -> None:
    with app.app_context():

        def broken() -> None:
            with writing():
                jobs.enqueue("train", {})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            broken()
        assert states() == []


@pytest.mark.parametrize("shared", [False, True])
def test_waking(tmp_path: Path, shared: bool) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}" if shared else ""
    sender = Wake(url)
    receiver = Wake(url) if shared else sender
    timer = threading.Timer(0.1, sender.send, [1])
    timer.start()
    waited = threading.Event()

    def wait() -> None:
        receiver.wait(30)
        waited.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert waited.wait(10)
    thread.join()
    timer.join()


def test_an_unknown_queue_is_refused() -> None:
    with pytest.raises(AnnotatorError, match="QUEUE_URL"):
        Wake("amqp://localhost")


def test_the_api(app: APIFlask, admin: Any, make_client: Any) -> None:
    project = admin.post("/api/v1/projects", json={"name": "Mine"}).json["id"]
    with app.app_context():
        here = jobs.enqueue("train", {}, project_id=project).id
        everywhere = jobs.enqueue("train", {}).id
    listed = admin.get("/api/v1/jobs").json["jobs"]
    assert [job["id"] for job in listed] == [everywhere, here]
    assert [job["id"] for job in admin.get(f"/api/v1/jobs?project_id={project}").json["jobs"]] == [here]
    assert admin.get("/api/v1/jobs?state=running").json["jobs"] == []
    assert admin.post(f"/api/v1/jobs/{here}/cancel").json["state"] == "cancelled"
    assert admin.post(f"/api/v1/jobs/{here}/cancel").status_code == 409
    assert admin.post(f"/api/v1/jobs/{here}/retry").json["state"] == "queued"
    stranger = make_client("ann")
    assert stranger.get("/api/v1/jobs").json["jobs"] == []
    assert stranger.get(f"/api/v1/jobs?project_id={project}").status_code == 404
    for job_id in (here, everywhere):
        assert stranger.get(f"/api/v1/jobs/{job_id}").status_code == 404
        assert stranger.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 404
