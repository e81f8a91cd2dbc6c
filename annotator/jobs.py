"""Background work as rows: what is to be done, who holds it, how far it is.

The row is the truth. A worker takes a job by leasing its row and renews the lease with a heartbeat; when the lease
runs out (the worker was killed, the machine lost power) anybody gives the job back to the queue. Delivery is at least
once, so handlers are idempotent. The wake-up channel (`Wake`) only shortens the wait; a lost message costs one
polling interval.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.engine import CursorResult

from annotator.database import add_unless_there, after_commit, db, now, writing
from annotator.errors import AnnotatorError, Conflict
from annotator.lines import line, parts_of
from annotator.models import JOB_KINDS, UNFINISHED, Job

ERROR_ATTEMPTS = 3
"""A handler that raises unexpectedly is tried so often; lost workers count against `Job.max_attempts` instead."""


class Stop(Exception):
    """A handler is asked to end here; it lets this pass."""


class LeaseLost(Stop):
    """The job was given to another worker; stop without writing anything."""


class Cancelled(Stop):
    """Somebody cancelled the job while it ran."""


class Interrupted(Stop):
    """The worker is shutting down; the job goes back to the queue."""


@dataclass(frozen=True)
class Ticket:
    """A leased job as its handler sees it: plain values, no session."""

    id: int
    kind: str
    project_id: int | None
    payload: dict[str, Any]
    created_by: int | None
    attempt: int
    owner: str


Report = Callable[[float, str], None]
"""What handlers call between steps with a share of 0–1 and a `line` for people; raises Stop when they should end."""

Handler = Callable[[Ticket, Report], dict[str, Any] | None]
"""Does one job; what it returns becomes the job's result."""


class Wake:
    """Tells waiting workers that a job was queued: an event in this process, a huey queue between processes."""

    LOOK_SECONDS = 0.25
    """How often a waiting worker looks into the queue."""

    UNREAD = 64
    """So many messages wait at most: more workers than that need not be woken at once."""

    def __init__(self, url: str) -> None:
        self._event = threading.Event()
        self._queue = _huey(url).storage if url else None

    def send(self, job_id: int) -> None:
        self._event.set()
        if self._queue is not None and self._queue.queue_size() < self.UNREAD:
            self._queue.enqueue(str(job_id).encode())

    def wait(self, seconds: float) -> None:
        """Return when a job may be waiting, at the latest after `seconds`."""
        step = threading.TIMEOUT_MAX if self._queue is None else self.LOOK_SECONDS
        waited = 0.0
        while waited < seconds:
            if self._event.wait(min(step, seconds - waited)):
                break
            if self._queue is not None and self._queue.dequeue() is not None:
                break
            waited += step
        self._event.clear()

    def close(self) -> None:
        """Give back the connection to the queue."""
        if self._queue is not None:
            self._queue.close()


def _huey(url: str) -> Any:
    import huey

    if url.startswith("sqlite:///"):
        return huey.SqliteHuey(name="annotator", filename=url.removeprefix("sqlite:///"))
    if url.startswith(("redis://", "rediss://", "unix://")):
        return huey.RedisHuey(name="annotator", url=url, blocking=False)
    if url.startswith(("postgres://", "postgresql://", "postgresql+psycopg://")):
        dsn = "postgresql://" + url.partition("://")[2]
        return huey.PostgresHuey(name="annotator", dsn=dsn, blocking=False)
    raise AnnotatorError(
        f"QUEUE_URL = {url!r} is not understood; use sqlite:///path, redis://… or postgresql://…",
        code="bad_setting",
    )


def wake() -> Wake:
    """The wake-up channel of the running application."""
    return cast(Wake, current_app.extensions["annotator_wake"])


def enqueue(
    kind: str,
    payload: dict[str, Any],
    *,
    project_id: int | None = None,
    dedupe_key: str | None = None,
    priority: int = 0,
    created_by: int | None = None,
    max_attempts: int = 3,
) -> Job:
    """Queue a job, or return the unfinished one with the same `dedupe_key`, its priority raised if need be.

    Joins the caller's `writing` block, so the job exists exactly when what it is about does; workers are woken after
    the commit.
    """
    if kind not in JOB_KINDS:
        raise ValueError(f"unknown job kind {kind!r}")
    with writing() as session:
        job = _unfinished(dedupe_key)
        if job is None:
            new = Job(
                kind=kind,
                payload=payload,
                project_id=project_id,
                dedupe_key=dedupe_key,
                priority=priority,
                created_by=created_by,
                max_attempts=max_attempts,
            )
            job = new if add_unless_there(session, new) else _unfinished(dedupe_key)
        if job is None:
            raise Conflict("What this job is about was deleted meanwhile.", code="gone")
        job.priority = max(job.priority, priority)
        session.flush()
        job_id, channel = job.id, wake()
        after_commit(lambda: channel.send(job_id))
    return job


def _unfinished(dedupe_key: str | None) -> Job | None:
    if dedupe_key is None:
        return None
    return db.session.scalar(select(Job).where(Job.dedupe_key == dedupe_key, Job.state.in_(UNFINISHED)))


def claim(owner: str, *, kinds: Sequence[str] | None = None) -> Ticket | None:
    """Lease the most urgent queued job (highest priority, then oldest) to `owner`; None when there is nothing to do."""
    wanted = [Job.state == "queued"]
    if kinds is not None:
        wanted.append(Job.kind.in_(kinds))
    idle = not db.session.scalar(select(or_(exists().where(*wanted), exists().where(_expired()))))
    db.session.rollback()
    if idle:
        return None
    with writing() as session:
        reap()
        query = select(Job).where(*wanted).order_by(Job.priority.desc(), Job.id).limit(1)
        job = session.scalar(query.with_for_update(skip_locked=True))
        if job is None:
            return None
        return take(job, owner)


def take(job: Job, owner: str) -> Ticket:
    """Lease this queued job to `owner` inside a `writing` block; in the one that queued it nobody else can be first."""
    job.state = "running"
    job.attempts += 1
    job.lease_owner = owner
    job.heartbeat_at = job.started_at = now()
    job.lease_until = now() + _lease()
    job.error = None
    return Ticket(job.id, job.kind, job.project_id, dict(job.payload), job.created_by, job.attempts, owner)


def reap() -> int:
    """Give jobs whose lease ran out back to the queue, or fail those that were lost too often. Returns their number."""
    with writing() as session:
        lost = session.scalars(select(Job).where(_expired()).with_for_update(skip_locked=True)).all()
        for job in lost:
            job.lease_owner = job.lease_until = None
            if job.cancel_requested:
                _close(job, "cancelled", line("Cancelled"))
            elif job.attempts >= job.max_attempts:
                job.error = {
                    "code": "worker_lost",
                    "message": f"Its worker disappeared {job.attempts} times; the machine may need more memory.",
                }
                _close(job, "failed", line("Failed"))
            else:
                job.state = "queued"
                _say(job, line("Queued again: its worker disappeared"))
    return len(lost)


def heartbeat(ticket: Ticket, progress: float, message: str) -> None:
    """Renew the lease and publish the progress. Raises LeaseLost or Cancelled."""
    with writing() as session:
        changed = cast(
            "CursorResult[Any]",
            session.execute(
                update(Job)
                .where(_held(ticket))
                .values(
                    heartbeat_at=now(),
                    lease_until=now() + _lease(),
                    progress=min(max(progress, 0.0), 1.0),
                    message=message,
                    message_parts=parts_of(message),
                )
            ),
        )
        if changed.rowcount == 0:
            raise LeaseLost
        stop = session.scalar(select(Job.cancel_requested).where(Job.id == ticket.id))
    if stop:
        raise Cancelled


def finish(ticket: Ticket, result: dict[str, Any] | None) -> None:
    """Mark the job done. Raises LeaseLost when it is no longer this worker's."""
    with writing():
        job = _leased(ticket)
        job.result, job.progress = result, 1.0
        _close(job, "done", line("Done"))


def fail(ticket: Ticket, error: Exception) -> None:
    """Record the failure; expected errors are final, unexpected ones are tried again a few times."""
    with writing():
        job = _leased(ticket)
        if isinstance(error, AnnotatorError):
            job.error = {"code": error.code, "message": error.message}
        else:
            job.error = {"code": "unexpected", "message": f"{type(error).__name__}: {error}"[:500]}
        final = isinstance(error, AnnotatorError) or job.attempts >= ERROR_ATTEMPTS
        if final:
            _close(job, "failed", line("Failed"))
        else:
            job.state, job.lease_owner, job.lease_until = "queued", None, None
            _say(job, line("Queued again after an error"))


def end_cancelled(ticket: Ticket) -> None:
    """Close a job whose handler stopped because it was cancelled."""
    with writing():
        _close(_leased(ticket), "cancelled", line("Cancelled"))


def release(ticket: Ticket) -> None:
    """Give an unfinished job back at once (the worker is shutting down); the attempt does not count."""
    with writing():
        job = _leased(ticket)
        job.state, job.lease_owner, job.lease_until = "queued", None, None
        job.attempts -= 1
        _say(job, line("Queued again: its worker was stopped"))


def cancel(job_id: int) -> None:
    """Cancel a queued job at once, a running one at its next heartbeat. A finished job is a Conflict."""
    with writing() as session:
        job = session.get_one(Job, job_id)
        if job.state not in UNFINISHED:
            raise Conflict(f"this job is already {job.state}", code="job_finished")
        job.cancel_requested = True
        if job.state == "queued":
            _close(job, "cancelled", line("Cancelled"))


def retry(job_id: int) -> None:
    """Queue a failed or cancelled job again. Anything else is a Conflict."""
    with writing() as session:
        job = session.get_one(Job, job_id)
        if job.state not in ("failed", "cancelled"):
            raise Conflict(
                f"only failed or cancelled jobs can be retried; this one is {job.state}",
                code="job_not_failed",
            )
        twin = job.dedupe_key and session.scalar(
            select(Job.id).where(Job.dedupe_key == job.dedupe_key, Job.state.in_(UNFINISHED))
        )
        if twin:
            raise Conflict(f"the same work is already waiting as job {twin}", code="job_exists")
        job.state, job.error, job.progress = "queued", None, 0.0
        _say(job, "")
        job.attempts, job.cancel_requested, job.finished_at = 0, False, None
        channel = wake()
        after_commit(lambda: channel.send(job_id))


def _lease() -> timedelta:
    return timedelta(seconds=current_app.extensions["annotator_settings"].lease_seconds)


def _expired() -> ColumnElement[bool]:
    return and_(Job.state == "running", Job.lease_until < now())


def _held(ticket: Ticket) -> ColumnElement[bool]:
    # The attempt is part of the claim: the same worker may hold the same job twice in a row.
    return and_(
        Job.id == ticket.id,
        Job.state == "running",
        Job.lease_owner == ticket.owner,
        Job.attempts == ticket.attempt,
    )


def _leased(ticket: Ticket) -> Job:
    job = db.session.scalar(select(Job).where(_held(ticket)).with_for_update())
    if job is None:
        raise LeaseLost
    return job


def _say(job: Job, message: str) -> None:
    job.message, job.message_parts = message, parts_of(message)


def _close(job: Job, state: str, message: str) -> None:
    job.state, job.finished_at = state, now()
    _say(job, message)
    job.lease_owner = job.lease_until = None
