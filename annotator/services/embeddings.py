"""The queue of embeddings as people see it: what is ready, what waits, how long it will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select

from annotator import chunks, jobs
from annotator.chunks import duration
from annotator.database import add_unless_there, db, writing
from annotator.lines import line
from annotator.models import UNFINISHED, Embedding, Image, Job, Model, Project
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
    """Queue every embedding the project lacks, in chunks; returns how many images lack one.

    Images that wait already are not queued again.
    """
    absent = lacking([project.id], digest)
    project_id, waiting = project.id, _queued(project.id, digest)
    missing = [sha256 for sha256 in absent if sha256 not in waiting]
    chunks.enqueue_chunks(
        "embed_chunk",
        missing,
        {"model_digest": digest},
        key=digest,
        project_id=project_id,
        created_by=created_by,
    )
    return len(absent)


def lacking(project_ids: Sequence[int], digest: str) -> list[str]:
    """SHA-256 of the projects' pictures that have no embedding by this model, each once, in the order of the images."""
    found = db.session.scalars(
        select(Image.sha256)
        .where(Image.project_id.in_(project_ids), ~_has_embedding(digest))
        .order_by(Image.project_id, Image.position)
    )
    return list(dict.fromkeys(found))


def without(hashes: Sequence[str], digest: str) -> list[str]:
    """Those of the pictures that have no embedding yet, in their order."""
    found = set(
        db.session.scalars(
            select(Embedding.image_sha256).where(
                Embedding.model_digest == digest, Embedding.image_sha256.in_(hashes)
            )
        )
    )
    return [sha256 for sha256 in hashes if sha256 not in found]


def _has_embedding(digest: str) -> ColumnElement[bool]:
    return exists().where(Embedding.image_sha256 == Image.sha256, Embedding.model_digest == digest)


def _queued(project_id: int, digest: str) -> set[str]:
    """SHA-256 of the project's pictures that an unfinished job will embed."""
    payloads = db.session.scalars(
        select(Job.payload).where(
            Job.project_id == project_id,
            Job.state.in_(UNFINISHED),
            Job.kind.in_(("embed", "embed_chunk")),
            Job.dedupe_key.endswith(digest, autoescape=True),
        )
    )
    return {sha256 for payload in payloads for sha256 in payload.get("items") or [payload["image_sha256"]]}


def record(image_sha256: str, digest: str, *, size: int, seconds: float) -> None:
    """Note a stored embedding; noting it twice, even at the same time, is harmless."""
    with writing() as session:
        if _stored(image_sha256, digest) is None:
            row = Embedding(
                image_sha256=image_sha256,
                model_digest=digest,
                blob_key=embedding_key(image_sha256, digest),
                bytes=size,
                seconds=seconds,
            )
            add_unless_there(session, row)


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
    lacking = [image for image in images if image.sha256 not in ready]
    waiting = _waiting(sorted({image.sha256 for image in lacking}), digest)
    alone = [image for image in lacking if image.sha256 not in waiting]
    in_bulk = projects_with_chunks({image.project_id for image in alone}, digest)
    nothing = EmbeddingState("none", message="Not requested yet")
    bulk = EmbeddingState("queued", message="Waiting with the project's other images")
    others = {image.sha256: bulk if image.project_id in in_bulk else nothing for image in alone}
    known = ready | waiting | others
    return {image.id: known[image.sha256] for image in images}


def projects_with_chunks(project_ids: Iterable[int], digest: str) -> set[int]:
    """Which of the projects have chunks of images that are still to be embedded."""
    ids = list(project_ids)
    if not ids:
        return set()
    return set(
        db.session.scalars(select(Job.project_id).where(_unfinished_chunks(digest), Job.project_id.in_(ids)))
    )


def _unfinished_chunks(digest: str) -> ColumnElement[bool]:
    mine = Job.dedupe_key.endswith(digest, autoescape=True)
    return and_(Job.kind == "embed_chunk", Job.state.in_(UNFINISHED), mine)


def _waiting(hashes: Iterable[str], digest: str) -> dict[str, EmbeddingState]:
    """SHA-256 → state of those that have a job of their own, the latest one counting."""
    by_key = {dedupe_key(sha256, digest): sha256 for sha256 in hashes}
    if not by_key:
        return {}
    latest = db.session.scalars(
        select(Job).where(
            Job.id.in_(select(func.max(Job.id)).where(Job.dedupe_key.in_(by_key)).group_by(Job.dedupe_key))
        )
    ).all()
    each = seconds_per_image(digest)
    places = _places([job for job in latest if job.state == "queued"])
    states = {}
    for job in latest:
        state = _of_job(job, places.get(job.id, 0), each)
        if state is not None:
            states[by_key[job.dedupe_key or ""]] = state
    return states


def _places(queued: Sequence[Job]) -> dict[int, int]:
    """Job id → place in the queue, 0 for the next one; what runs already counts as before it."""
    if not queued:
        return {}
    ordered = sorted(queued, key=lambda job: (-job.priority, job.id))
    waits = and_(Job.kind == "embed", Job.state == "queued")
    counts = [_count(Job.kind == "embed", Job.state == "running"), _count(waits, _before(ordered[0]))]
    # From each to the next: the queue is read once, however many are asked about.
    counts += [_count(waits, _before(job), ~_before(last)) for last, job in pairwise(ordered)]
    running, *steps = db.session.execute(select(*counts)).one()
    return {job.id: running + place for job, place in zip(ordered, accumulate(steps), strict=True)}


def _before(job: Job) -> ColumnElement[bool]:
    """Jobs that are taken earlier than this one."""
    return or_(Job.priority > job.priority, and_(Job.priority == job.priority, Job.id < job.id))


def _count(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(Job).where(*conditions).scalar_subquery()


def _of_job(job: Job, place: int, each: float) -> EmbeddingState | None:
    if job.state == "queued":
        eta = (place + 1) * each
        return EmbeddingState(
            "queued",
            message=line("Number {place} in the queue, about {left}", place=place + 1, left=duration(eta)),
            queue_position=place + 1,
            eta_seconds=round(eta, 1),
            job_id=job.id,
        )
    if job.state == "running":
        left = max(each * (1 - job.progress), 0.5)
        return EmbeddingState(
            "running",
            message=line("Being computed, about {left}", left=duration(left)),
            queue_position=0,
            eta_seconds=round(left, 1),
            job_id=job.id,
        )
    if job.state in ("failed", "cancelled"):
        reason = (job.error or {}).get("message") or "It was cancelled."
        return EmbeddingState("failed", message=str(reason), job_id=job.id)
    return None
