"""The queue of embeddings as people see it: what is ready, what waits, how long it will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from annotator import jobs
from annotator.models import UNFINISHED, Embedding, Image, Job, Model, Project, db, writing
from annotator.storage import content_key

BACKGROUND, OPENED = 0, 10
"""Priorities: an uploaded image waits its turn, one that somebody looks at goes first."""

MAX_ATTEMPTS = 20
RECENT = 20
FIRST_GUESS_SECONDS = 5.0


@dataclass(frozen=True)
class EmbeddingState:
    """state: ready, queued, running, failed or none. `queue_position` counts from 1; times are in seconds."""

    state: str
    bytes: int | None = None
    message: str | None = None
    queue_position: int | None = None
    eta_seconds: float | None = None
    job_id: int | None = None


@dataclass(frozen=True)
class Summary:
    """How many of a project's images have an embedding, wait for it, or failed to get it."""

    ready: int
    pending: int
    failed: int
    eta_seconds: float | None


def embedding_key(image_sha256: str, model_digest: str) -> str:
    """Blob key of an embedding: one image, one model."""
    return content_key("embeddings", image_sha256, f".{model_digest[:16]}.safetensors")


def dedupe_key(image_sha256: str, model_digest: str) -> str:
    return f"embed:{image_sha256}:{model_digest}"


def active_digest() -> str | None:
    """Digest of the model that projects use unless they name one."""
    return db.session.scalar(select(Model.digest).where(Model.active))


def model_digest(project: Project) -> str | None:
    """Digest of the model whose embeddings the project uses; None while there is no model at all."""
    return project.model_digest or active_digest()


def request(
    image: Image, digest: str, *, priority: int = BACKGROUND, created_by: int | None = None
) -> Job | None:
    """Queue the image's embedding unless it exists; a waiting one moves to `priority`. Joins a `writing` block."""
    with writing():
        if _stored(image.sha256, digest) is not None:
            return None
        return jobs.enqueue(
            "embed",
            {"image_sha256": image.sha256, "model_digest": digest},
            project_id=image.project_id,
            dedupe_key=dedupe_key(image.sha256, digest),
            priority=priority,
            created_by=created_by,
            max_attempts=MAX_ATTEMPTS,
        )


def bump(image: Image, digest: str, *, created_by: int | None = None, again: bool = False) -> None:
    """Somebody looks at the image: its embedding goes first. A failed one is tried again only when asked (`again`)."""
    state = states([image], digest)[image.id]
    if state.state == "queued" and state.job_id is not None:
        job = db.session.get(Job, state.job_id)
        if job is not None and job.priority >= OPENED:
            return
    if state.state in ("none", "queued") or (state.state == "failed" and again):
        request(image, digest, priority=OPENED, created_by=created_by)


def request_missing(project: Project, digest: str, *, created_by: int | None = None) -> int:
    """Queue every embedding the project lacks; returns how many images lack one."""
    with_embedding = select(Embedding.image_sha256).where(Embedding.model_digest == digest)
    missing = db.session.scalars(
        select(Image)
        .where(Image.project_id == project.id, Image.sha256.not_in(with_embedding))
        .order_by(Image.position)
    ).all()
    with writing():
        for image in missing:
            request(image, digest, created_by=created_by)
    return len(missing)


def record(image_sha256: str, digest: str, *, size: int, seconds: float) -> None:
    """Note a stored embedding; noting it twice is harmless."""
    with writing() as session:
        if _stored(image_sha256, digest) is None:
            key = embedding_key(image_sha256, digest)
            session.add(
                Embedding(
                    image_sha256=image_sha256, model_digest=digest, blob_key=key, bytes=size, seconds=seconds
                )
            )


def find(image_sha256: str, digest: str) -> Embedding | None:
    """The stored embedding of an image, if it is there."""
    return _stored(image_sha256, digest)


def _stored(image_sha256: str, digest: str) -> Embedding | None:
    return db.session.scalar(
        select(Embedding).where(Embedding.image_sha256 == image_sha256, Embedding.model_digest == digest)
    )


def seconds_per_image(digest: str) -> float:
    """Mean time of the model's latest embeddings, in seconds; a guess before the first one."""
    latest = (
        select(Embedding.seconds)
        .where(Embedding.model_digest == digest)
        .order_by(Embedding.id.desc())
        .limit(RECENT)
        .subquery()
    )
    mean = db.session.scalar(select(func.avg(latest.c.seconds)))
    return FIRST_GUESS_SECONDS if mean is None else float(mean)


def states(images: Sequence[Image], digest: str | None) -> dict[int, EmbeddingState]:
    """Image id → state, in a handful of queries however many images there are."""
    if digest is None:
        missing = EmbeddingState("none", message="No model is installed yet")
        return {image.id: missing for image in images}
    hashes = {image.sha256 for image in images}
    found = db.session.execute(
        select(Embedding.image_sha256, Embedding.bytes).where(
            Embedding.model_digest == digest, Embedding.image_sha256.in_(hashes)
        )
    )
    ready = {row.image_sha256: EmbeddingState("ready", bytes=row.bytes) for row in found}
    waiting = _waiting(sorted(hashes - ready.keys()), digest)
    nothing = EmbeddingState("none", message="Not requested yet")
    return {image.id: ready.get(image.sha256) or waiting.get(image.sha256) or nothing for image in images}


def _waiting(hashes: Iterable[str], digest: str) -> dict[str, EmbeddingState]:
    """SHA-256 → state of those that have a job, the latest one counting."""
    by_key = {dedupe_key(sha256, digest): sha256 for sha256 in hashes}
    if not by_key:
        return {}
    latest = db.session.scalars(
        select(Job).where(
            Job.id.in_(select(func.max(Job.id)).where(Job.dedupe_key.in_(by_key)).group_by(Job.dedupe_key))
        )
    ).all()
    each = seconds_per_image(digest)
    places = _places() if any(job.state == "queued" for job in latest) else {}
    states = {}
    for job in latest:
        state = _of_job(job, places.get(job.id, 0), each)
        if state is not None:
            states[by_key[job.dedupe_key or ""]] = state
    return states


def _places() -> dict[int, int]:
    """Job id → place in the queue, 0 for the next one; what runs already counts as before it."""
    running = db.session.scalar(
        select(func.count()).select_from(Job).where(Job.kind == "embed", Job.state == "running")
    )
    queue = db.session.scalars(
        select(Job.id).where(Job.kind == "embed", Job.state == "queued").order_by(Job.priority.desc(), Job.id)
    )
    return {job_id: place for place, job_id in enumerate(queue, start=running or 0)}


def _of_job(job: Job, place: int, each: float) -> EmbeddingState | None:
    if job.state == "queued":
        eta = (place + 1) * each
        return EmbeddingState(
            "queued",
            message=f"{ordinal(place + 1)} in queue, about {duration(eta)}",
            queue_position=place + 1,
            eta_seconds=round(eta, 1),
            job_id=job.id,
        )
    if job.state == "running":
        left = max(each * (1 - job.progress), 0.5)
        return EmbeddingState(
            "running",
            message=f"Being computed, about {duration(left)}",
            queue_position=0,
            eta_seconds=round(left, 1),
            job_id=job.id,
        )
    if job.state in ("failed", "cancelled"):
        reason = (job.error or {}).get("message") or "It was cancelled."
        return EmbeddingState("failed", message=str(reason), job_id=job.id)
    return None


def summary(project: Project) -> Summary:
    """Counts over the whole project, by SQL."""
    digest = model_digest(project)
    total = (
        db.session.scalar(select(func.count()).select_from(Image).where(Image.project_id == project.id)) or 0
    )
    if digest is None:
        return Summary(ready=0, pending=0, failed=0, eta_seconds=None)
    ready = (
        db.session.scalar(
            select(func.count())
            .select_from(Image)
            .join(Embedding, Embedding.image_sha256 == Image.sha256)
            .where(Image.project_id == project.id, Embedding.model_digest == digest)
        )
        or 0
    )
    if ready == total:
        return Summary(ready=ready, pending=0, failed=0, eta_seconds=None)
    pending = _count_jobs(project.id, UNFINISHED, digest)
    failed = max(0, min(_count_jobs(project.id, ("failed",), digest), total - ready - pending))
    eta = round(pending * seconds_per_image(digest), 1) if pending else None
    return Summary(ready=ready, pending=pending, failed=failed, eta_seconds=eta)


def _count_jobs(project_id: int, job_states: Sequence[str], digest: str) -> int:
    query = select(func.count(func.distinct(Job.dedupe_key))).where(
        Job.project_id == project_id,
        Job.kind == "embed",
        Job.state.in_(job_states),
        Job.dedupe_key.endswith(digest, autoescape=True),
    )
    return db.session.scalar(query) or 0


def ordinal(number: int) -> str:
    """1 → "1st", 2 → "2nd", 11 → "11th"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def duration(seconds: float) -> str:
    """4 s, 90 s, 3 min, 2 h."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
