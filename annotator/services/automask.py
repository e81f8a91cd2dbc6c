"""Automatic masks as jobs: a run over many images, a preview of one, a look for what was missed.

A run is one job with an item for every image. An image's proposals, its item's result and the run's totals are written
in one transaction, so a run that was interrupted anywhere goes on with the first image that has no result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select

from annotator import jobs
from annotator.database import db, now, writing
from annotator.errors import Conflict, InvalidInput
from annotator.models import UNFINISHED, Image, Job, JobItem, Project
from annotator.services import embeddings, projects

KIND = "automask"
WAITED_FOR, BACKGROUND = 15, -10
"""Priorities: a preview goes before embeddings that nobody waits for, a run after everything else."""

MAX_ATTEMPTS = 1000
"""Lost workers a run survives; an image that costs three of them is given up."""

PREVIEWS_KEPT = timedelta(hours=1)
NOT_FOUND_SHOWN = 10


def queue_run(
    project: Project,
    parameters: dict[str, Any],
    *,
    where: ColumnElement[bool],
    preset: str | None = None,
    purpose: str = "proposals",
    created_by: int | None = None,
) -> Job:
    """Queue automatic masks for the project's images that meet the condition; the run under way if it is the same.

    With the purpose "detector" they come from the boxes of the detector of the training run `parameters["run_id"]`.

    Raises InvalidInput when there is no model or no image, Conflict while another run of the project is unfinished.
    """
    payload = _payload(project, parameters, purpose=purpose, preset=preset)
    chosen = select(Image.id).where(Image.project_id == project.id, where)
    with writing() as session:
        projects.in_turn(project.id)
        payload["images"] = session.scalar(select(func.count()).select_from(chosen.subquery()))
        if not payload["images"]:
            raise InvalidInput("There is no image to propose masks for.", code="no_images")
        key = f"{KIND}:{project.id}"
        under_way = session.scalar(select(Job).where(Job.dedupe_key == key, Job.state.in_(UNFINISHED)))
        if under_way is not None:
            if under_way.payload == payload:
                return under_way
            raise Conflict(
                f"Automatic masks are being made already, by job {under_way.id}. Wait for it, or cancel it first.",
                code="automask_running",
                extra={"job_id": under_way.id},
            )
        return _enqueue(project, payload, chosen, key, BACKGROUND, created_by)


def queue_missed(image: Image, project: Project, parameters: dict[str, Any], *, created_by: int) -> Job:
    """Queue the search for objects of the image that nobody annotated; the one under way if there is one."""
    payload = _payload(project, parameters, purpose="missed") | {"image_id": image.id, "images": 1}
    chosen = select(Image.id).where(Image.id == image.id)
    return _enqueue(project, payload, chosen, missed_key(image.id), WAITED_FOR, created_by)


def missed_key(image_id: int) -> str:
    """Deduplication key of the search for missed objects."""
    return f"{KIND}-missed:{image_id}"


def queue_preview(image: Image, project: Project, parameters: dict[str, Any], *, created_by: int) -> Job:
    """Queue a preview, which stores nothing but its result. Earlier ones of the person on the image are cancelled."""
    payload = _payload(project, parameters, purpose="preview") | {"image_id": image.id}
    mine = f"{KIND}-preview:{image.id}:{created_by}:"
    key = mine + hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]
    with writing() as session:
        earlier = session.scalars(
            select(Job).where(
                Job.dedupe_key.startswith(mine), Job.dedupe_key != key, Job.state.in_(UNFINISHED)
            )
        )
        for job in earlier:
            jobs.cancel(job.id)
        old = Job.finished_at < now() - PREVIEWS_KEPT
        session.execute(
            delete(Job).where(Job.kind == KIND, Job.dedupe_key.startswith(f"{KIND}-preview:"), old)
        )
        return jobs.enqueue(
            KIND,
            payload,
            project_id=project.id,
            dedupe_key=key,
            priority=WAITED_FOR,
            created_by=created_by,
        )


def _payload(
    project: Project, parameters: dict[str, Any], *, purpose: str, preset: str | None = None
) -> dict[str, Any]:
    digest = embeddings.model_digest(project)
    if digest is None:
        raise InvalidInput("No model is installed yet; see `flask model list`.", code="no_model")
    return {"purpose": purpose, "model_digest": digest, "preset": preset, "parameters": parameters}


def _enqueue(
    project: Project, payload: dict[str, Any], chosen: Any, key: str, priority: int, created_by: int | None
) -> Job:
    with writing() as session:
        job = jobs.enqueue(
            KIND,
            payload,
            project_id=project.id,
            dedupe_key=key,
            priority=priority,
            created_by=created_by,
            max_attempts=MAX_ATTEMPTS,
        )
        if session.scalar(select(JobItem.item_id).where(JobItem.job_id == job.id).limit(1)) is None:
            items = chosen.add_columns(
                literal(job.id), literal(0), literal(job.created_at), literal(job.created_at)
            )
            names = ["item_id", "job_id", "attempts", "created_at", "updated_at"]
            session.execute(insert(JobItem).from_select(names, items, include_defaults=False))
    return job


def images_named(project: Project, image_ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition for these images. Raises InvalidInput naming those that the project does not have."""
    wanted = set(image_ids)
    mine = select(Image.id).where(Image.project_id == project.id, Image.id.in_(wanted))
    found = set(db.session.scalars(mine))
    if wanted - found:
        shown = ", ".join(map(str, sorted(wanted - found)[:NOT_FOUND_SHOWN]))
        raise InvalidInput(
            f"image_ids: the project has no image {shown}.", code="image_not_found", field="image_ids"
        )
    return Image.id.in_(wanted)


def unfinished_images() -> ColumnElement[bool]:
    """What a run takes unless told otherwise: every image that people have not finished."""
    return Image.status.in_(("new", "in_progress"))
