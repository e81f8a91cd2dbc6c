"""Training runs: start one, follow it, compare the new model with the old, decide, look again at doubtful masks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import Field, model_validator

from annotator import jobs
from annotator.database import db
from annotator.errors import InvalidInput, NotFound
from annotator.models import Model, Project, TrainingRun
from annotator.services import (
    automask,
    detectors,
    embeddings,
    look_again,
    model_activation,
    training_runs,
)
from annotator.web import access
from annotator.web.jobs import describe as describe_job
from annotator.web.language import translate_line, translate_message
from annotator.web.schemas import Digest, Input

blueprint = APIBlueprint("training", __name__, url_prefix="/api/v1", tag="Training")


class RunIn(Input):
    """What to train and for how long: minutes or optimiser steps. `from_digest` defaults to the project's model."""

    target: Literal["model", "detector"] = "model"
    from_digest: Digest | None = None
    minutes: Annotated[float, Field(gt=0, le=14 * 24 * 60)] | None = None
    steps: Annotated[int, Field(gt=0, le=10_000_000)] | None = None
    device: Literal["cpu", "cuda"] | None = None

    @model_validator(mode="after")
    def _one_length(self) -> RunIn:
        if (self.minutes is None) == (self.steps is None):
            raise ValueError("give either minutes or steps")
        return self


class DecisionIn(Input):
    decision: Literal["activated", "kept"]


class DetectIn(Input):
    image_ids: (
        Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Field(min_length=1, max_length=100_000)]
        | None
    ) = None


class LookAgainQuery(Input):
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class LookAgainPatch(Input):
    dismissed: bool


def describe(run: TrainingRun, used: str | None) -> dict[str, Any]:
    """The API form of a run; `used` is the digest of the model that the project uses."""
    error = training_runs.error_of(run)
    return {
        "id": run.id,
        "project_id": run.project_id,
        "job_id": run.job_id,
        "target": run.target,
        "state": training_runs.state_of(run),
        "message": translate_line(run.message, run.message_parts) or None,
        "error": error and translate_message(error),
        "base": _model(run.base_digest),
        "model": _model(run.digest) if run.target == "model" and run.digest else None,
        "in_use": run.digest is not None and run.digest == used,
        "settings": run.settings,
        "data": run.data,
        "curve": run.curve,
        "evaluation": run.evaluation,
        "decision": run.decision,
        "created_by": run.created_by,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def _model(digest: str) -> dict[str, Any]:
    row = db.session.get(Model, digest)
    return {"digest": digest, "name": row.name if row else digest[:12]}


def _answer(run: TrainingRun) -> dict[str, Any]:
    return describe(run, embeddings.model_digest(db.session.get_one(Project, run.project_id)))


def _get(run_id: int, role: str | None = None) -> TrainingRun:
    """A run of a project the caller belongs to. Raises NotFound, or Forbidden for those who do not manage it."""
    access.user()
    run = training_runs.get(run_id)
    if access.role_in(run.project_id) is None:
        raise NotFound(f"There is no training run {run_id}.", code="run_not_found")
    access.get_project(run.project_id, role=role)
    return run


@blueprint.get("/projects/<int:project_id>/training-runs")
def listing(project_id: int) -> dict[str, Any]:
    """The project's runs, newest first, and how many of its images and masks there are to train on."""
    project = access.get_project(project_id)
    used = embeddings.model_digest(project)
    return {
        "runs": [describe(run, used) for run in training_runs.listing(project.id)],
        "labelled_images": training_runs.labelled_images(project.id),
        "look_again": look_again.count(project.id),
    }


@blueprint.post("/projects/<int:project_id>/training-runs")
@blueprint.input(RunIn)
@blueprint.doc(responses={201: "The run, queued.", 409: "Another run is under way."})
def start(project_id: int, json_data: RunIn) -> tuple[dict[str, Any], int]:
    """Train a model or a detector on the project's accepted masks (managers)."""
    project = access.get_project(project_id, role="manager")
    run = training_runs.create(
        project,
        target=json_data.target,
        base=_base(project, json_data.from_digest),
        settings=json_data.model_dump(include={"minutes", "steps", "device"}, exclude_none=True),
        created_by=access.user().id,
    )
    return _answer(run), 201


def _base(project: Project, digest: str | None) -> Model:
    row = db.session.get(Model, digest or embeddings.model_digest(project) or "")
    if row is None:
        raise InvalidInput(
            "There is no such model to go on from.", code="model_not_found", field="from_digest"
        )
    return row


@blueprint.get("/training-runs/<int:run_id>")
def one(run_id: int) -> dict[str, Any]:
    """A run with its curve and, once there is one, the comparison of the new model with the old."""
    return _answer(_get(run_id))


@blueprint.post("/training-runs/<int:run_id>/cancel")
def cancel(run_id: int) -> dict[str, Any]:
    """Stop a run (managers). What it learned so far is kept, so that it can go on."""
    jobs.cancel(_job_of(_get(run_id, role="manager")))
    return _answer(_get(run_id))


@blueprint.post("/training-runs/<int:run_id>/resume")
def resume(run_id: int) -> dict[str, Any]:
    """Go on with a cancelled or failed run where it saved (managers)."""
    run = _get(run_id, role="manager")
    jobs.retry(_job_of(run))
    training_runs.set_state(run_id, "evaluating" if run.digest else "queued")
    return _answer(_get(run_id))


def _job_of(run: TrainingRun) -> int:
    """Raises InvalidInput for a run of the command line, which no worker does."""
    if run.job_id is None:
        raise InvalidInput("This run was started on the command line; stop it or go on there.", code="no_job")
    return run.job_id


@blueprint.put("/training-runs/<int:run_id>/decision")
@blueprint.input(DecisionIn)
def decide(run_id: int, json_data: DecisionIn) -> dict[str, Any]:
    """Use the new model in the project, or keep or go back to the old one (managers). May be changed at any time."""
    run = _get(run_id, role="manager")
    return _answer(model_activation.decide(run.id, json_data.decision, created_by=access.user().id))


@blueprint.post("/projects/<int:project_id>/detect")
@blueprint.input(DetectIn)
@blueprint.doc(
    responses={
        202: "A job; `result` tells how far it is.",
        409: "There is no detector for the model in use, or automatic masks are being made already.",
    }
)
def detect(project_id: int, json_data: DetectIn) -> tuple[dict[str, Any], int]:
    """Propose the masks of what the project's detector finds (managers), on all images that are neither done nor
    skipped or on those named. Proposals that nobody has touched are replaced."""
    project = access.get_project(project_id, role="manager")
    run = detectors.latest(project)
    named = json_data.image_ids
    where = automask.unfinished_images() if named is None else automask.images_named(project, named)
    job = automask.queue_run(
        project, {"run_id": run.id}, where=where, purpose="detector", created_by=access.user().id
    )
    return describe_job(job), 202


@blueprint.get("/projects/<int:project_id>/look-again")
@blueprint.input(LookAgainQuery, location="query")
def doubtful(project_id: int, query_data: LookAgainQuery) -> dict[str, Any]:
    """Accepted masks that the latest trained model sees otherwise, those that agree least first."""
    project = access.get_project(project_id)
    return {
        "items": look_again.queue(project.id, limit=query_data.limit),
        "total": look_again.count(project.id),
    }


@blueprint.patch("/look-again/<int:item_id>")
@blueprint.input(LookAgainPatch)
def dismiss(item_id: int, json_data: LookAgainPatch) -> dict[str, Any]:
    """Say that a mask is right as it is, or take that back."""
    access.user()
    item = look_again.get(item_id)
    if access.role_in(item.project_id) is None:
        raise NotFound("There is no such entry.", code="entry_not_found")
    look_again.dismiss(item.id, json_data.dismissed)
    return {"id": item_id, "dismissed": json_data.dismissed}
