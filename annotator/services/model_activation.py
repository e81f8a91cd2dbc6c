"""Changing the model that answers, and going back: people decide, embeddings follow in the background."""

from __future__ import annotations

from sqlalchemy import select

from annotator.database import db, writing
from annotator.errors import Conflict
from annotator.models import Model, Project, TrainingRun
from annotator.services import embeddings, models, training_runs
from annotator.services.projects import update_project


def activate_everywhere(name_or_digest: str, *, created_by: int | None = None) -> Model:
    """Use a model in all projects that name none, and queue the embeddings they lack. Raises NotFound."""
    model = models.use_model(name_or_digest)
    followers = select(Project).where(Project.model_digest.is_(None), Project.archived_at.is_(None))
    for project in db.session.scalars(followers).all():
        embeddings.request_missing(project, model.digest, created_by=created_by)
    return model


def activate_in(project_id: int, digest: str, *, created_by: int | None = None) -> None:
    """Use a model in one project. Until an image has its new embedding, the one before serves it."""
    project = update_project(project_id, {"model_digest": digest})
    embeddings.request_missing(project, digest, created_by=created_by)


def projects_of_their_own() -> list[Project]:
    """Projects that name their model and so do not follow the active one."""
    return list(
        db.session.scalars(
            select(Project)
            .where(Project.model_digest.is_not(None), Project.archived_at.is_(None))
            .order_by(Project.name)
        )
    )


def decide(run_id: int, decision: str, *, created_by: int | None) -> TrainingRun:
    """Put the new model of a finished run to use ("activated"), or keep or go back to the old one ("kept").

    May be changed at any time. Raises Conflict while the run has made no model.
    """
    run = training_runs.get(run_id)
    if run.target != "model" or run.digest is None:
        raise Conflict("This run has made no model to decide on.", code="run_not_finished")
    project = db.session.get_one(Project, run.project_id)
    used = embeddings.model_digest(project)
    project_id, new, old = project.id, run.digest, run.base_digest
    if decision == "activated" and used != new:
        activate_in(project_id, new, created_by=created_by)
    elif decision == "kept" and used == new:
        activate_in(project_id, old, created_by=created_by)
    with writing() as session:
        row = session.get_one(TrainingRun, run_id)
        row.decision = decision
    return row
