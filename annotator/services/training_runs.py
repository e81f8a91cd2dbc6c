"""Training runs of a project: what was asked for, how far they are, what came out, what people decided.

A run's job does the work; the row is what people look at, during it and for as long as the project lives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import exists, func, select

from annotator import jobs
from annotator.database import db, now, writing
from annotator.errors import Conflict, InvalidInput, NotFound
from annotator.lines import parts_of
from annotator.models import UNFINISHED, Annotation, Image, Job, Model, Project, TrainingRun
from annotator.services import projects

CURVE_POINTS = 400
LOSS = "loss0"
KEPT = ("step", "minutes", "progress", LOSS, "val_iou_point", "val_iou_3", "val_iou_box")
SILENCE = timedelta(minutes=30)
CLOSED = ("done", "failed", "cancelled")
MAX_ATTEMPTS = 10
"""Times a worker may be lost in a run; each continues where the one before it saved."""


def create(
    project: Project,
    *,
    target: str,
    base: Model,
    settings: dict[str, Any],
    created_by: int | None,
    queued: bool = True,
) -> TrainingRun:
    """Write a run down and queue its job; without `queued` the caller does the work at once.

    Raises Conflict while another run of the same target is under way in the project, and InvalidInput when fewer than
    two of its images have accepted masks.
    """
    project_id, base_digest = project.id, base.digest
    with writing() as session:
        projects.in_turn(project_id)
        _check_nothing_runs(project_id, target)
        _check_data(project_id, settings)
        run = TrainingRun(
            project_id=project_id,
            target=target,
            base_digest=base_digest,
            settings=settings,
            created_by=created_by,
        )
        session.add(run)
        session.flush()
        if queued:
            job = jobs.enqueue(
                "train",
                {"run_id": run.id},
                project_id=project_id,
                dedupe_key=f"train:{run.id}",
                created_by=created_by,
                max_attempts=MAX_ATTEMPTS,
            )
            run.job_id = job.id
    return run


def queue_evaluation(run_id: int) -> None:
    """Queue the comparison of a trained model with the one before; from now on it is the run's job."""
    with writing() as session:
        run = session.get_one(TrainingRun, run_id)
        job = jobs.enqueue(
            "evaluate",
            {"run_id": run_id},
            project_id=run.project_id,
            dedupe_key=f"evaluate:{run_id}",
            created_by=run.created_by,
        )
        run.job_id = job.id


def _check_nothing_runs(project_id: int, target: str) -> None:
    for run in listing(project_id):
        if run.target == target and state_of(run) in UNFINISHED:
            raise Conflict(
                f"Run {run.id} is still under way. Wait for it, or cancel it first.", code="run_under_way"
            )


def _check_data(project_id: int, settings: dict[str, Any]) -> None:
    count = labelled_images(project_id)
    if count < 2 and not settings.get("data"):
        raise InvalidInput(
            f"{count} images of this project have accepted masks; training needs at least two, "
            "since one is held back to judge by.",
            code="too_few_images",
        )


def labelled_images(project_id: int) -> int:
    """How many images of the project have accepted masks."""
    accepted = exists().where(
        Annotation.image_id == Image.id, Annotation.state == "accepted", Annotation.deleted_at.is_(None)
    )
    return (
        db.session.scalar(
            select(func.count(func.distinct(Image.sha256))).where(Image.project_id == project_id, accepted)
        )
        or 0
    )


def listing(project_id: int) -> list[TrainingRun]:
    """The project's runs, newest first."""
    return list(
        db.session.scalars(
            select(TrainingRun).where(TrainingRun.project_id == project_id).order_by(TrainingRun.id.desc())
        )
    )


def get(run_id: int) -> TrainingRun:
    """One run; raises NotFound."""
    run = db.session.get(TrainingRun, run_id)
    if run is None:
        raise NotFound(f"There is no training run {run_id}.", code="run_not_found")
    return run


def state_of(run: TrainingRun) -> str:
    """queued, running, evaluating, done, failed or cancelled: what the run's job says, which knows of lost workers.

    A run of the command line has no job; when nothing is heard of it for SILENCE, it is taken for dead.
    """
    if run.state in CLOSED:
        return run.state
    if run.job_id is None:
        return "failed" if now() - run.updated_at > SILENCE else run.state
    state = db.session.scalar(select(Job.state).where(Job.id == run.job_id))
    if state in ("failed", "cancelled"):
        return state
    return "queued" if state == "queued" and run.state == "running" else run.state


def error_of(run: TrainingRun) -> str | None:
    """Why a run failed, for people."""
    job = db.session.get(Job, run.job_id) if run.job_id is not None else None
    return str(job.error["message"]) if job is not None and job.error else None


def folder(run_id: int) -> Path:
    """Where a run keeps its data and its saved state."""
    return Path(current_app.extensions["annotator_settings"].instance) / "training" / f"run-{run_id}"


def set_state(run_id: int, state: str, message: str = "") -> None:
    """Move a run on; the times of its beginning and end follow."""
    with writing() as session:
        run = session.get_one(TrainingRun, run_id)
        run.state, run.message, run.message_parts = state, message, parts_of(message)
        run.started_at = run.started_at or (now() if state == "running" else None)
        run.finished_at = now() if state in CLOSED else None


def note(run_id: int, **values: Any) -> None:
    """Set columns of a run."""
    with writing() as session:
        run = session.get_one(TrainingRun, run_id)
        for name, value in values.items():
            setattr(run, name, value)


def read_curve(log: Path) -> list[dict[str, float]]:
    """Points of a log for the page, at most CURVE_POINTS: minutes, and either loss or the IoUs of a look."""
    if not log.is_file():
        return []
    points = []
    for text in log.read_text().splitlines():
        line = json.loads(text)
        kept = {name: line[name] for name in KEPT if name in line}
        if LOSS in kept:
            kept["loss"] = kept.pop(LOSS)
        points.append(kept)
    return thinned(points)


def thinned(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """All looks, and so many of the losses between them that no more than CURVE_POINTS remain."""
    losses = sum("loss" in point for point in points)
    stride = max(1, -(-losses // CURVE_POINTS))
    kept, seen = [], 0
    for point in points:
        if "loss" in point:
            seen += 1
            if (losses - seen) % stride:
                continue
        kept.append(point)
    return kept


def model_name(project: Project, run_id: int) -> str:
    """What the model of a run is called."""
    return f"{project.name[:80]} {run_id}"
