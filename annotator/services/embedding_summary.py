"""How far the embeddings of whole projects are, by SQL: for a list of projects as many queries as for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from annotator.database import db
from annotator.models import UNFINISHED, Job, Project, embedded
from annotator.services import embeddings


@dataclass(frozen=True)
class Summary:
    """How many of a project's images have an embedding, wait for it, or failed to get it."""

    ready: int = 0
    pending: int = 0
    failed: int = 0
    eta_seconds: float | None = None


def summaries(projects: Sequence[Project], images: Mapping[int, int]) -> dict[int, Summary]:
    """Project id → summary, `images` being how many each has; without any model nothing is ready nor waited for."""
    active = embeddings.active_digest()
    by_digest: dict[str, list[int]] = {}
    for project in projects:
        digest = project.model_digest or active
        if digest is not None:
            by_digest.setdefault(digest, []).append(project.id)
    found = {project.id: Summary() for project in projects}
    for digest, ids in by_digest.items():
        found |= _of_digest(digest, {id: images[id] for id in ids})
    return found


def _of_digest(digest: str, totals: Mapping[int, int]) -> dict[int, Summary]:
    ready = _counted(
        select(embedded.c.project_id, embedded.c.images).where(
            embedded.c.project_id.in_(list(totals)), embedded.c.model_digest == digest
        )
    )
    found = {id: Summary(ready=ready.get(id, 0)) for id in totals}
    lacking = {id: count - ready.get(id, 0) for id, count in totals.items() if count > ready.get(id, 0)}
    if not lacking:
        return found
    in_bulk = embeddings.projects_with_chunks(lacking, digest)
    waiting, failed = _with_jobs(lacking, UNFINISHED, digest), _with_jobs(lacking, ("failed",), digest)
    each = embeddings.seconds_per_image(digest)
    for id, missing in lacking.items():
        pending = missing if id in in_bulk else waiting.get(id, 0)
        found[id] = Summary(
            ready=ready.get(id, 0),
            pending=pending,
            failed=max(0, min(failed.get(id, 0), missing - pending)),
            eta_seconds=round(pending * each, 1) if pending else None,
        )
    return found


def _with_jobs(ids: Iterable[int], job_states: Sequence[str], digest: str) -> dict[int, int]:
    """Project id → images that have a job of their own in one of the states."""
    return _counted(
        select(Job.project_id, func.count(func.distinct(Job.dedupe_key)))
        .where(
            Job.project_id.in_(list(ids)),
            Job.kind == "embed",
            Job.state.in_(job_states),
            Job.dedupe_key.endswith(digest, autoescape=True),
        )
        .group_by(Job.project_id)
    )


def _counted(query: Select[Any]) -> dict[int, int]:
    return {row[0]: row[1] for row in db.session.execute(query)}
