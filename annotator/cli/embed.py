"""`flask embed`: queue the embeddings that projects lack, and compute them if asked."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from annotator.errors import NotFound
from annotator.models import UNFINISHED, Job, Project, db
from annotator.services import embeddings
from annotator.services.projects import find_project

KINDS = ("embed", "embed_chunk")


@click.command("embed")
@click.argument("project", required=False)
@click.option(
    "--now", "at_once", is_flag=True, help="Compute them here instead of leaving them to the worker."
)
@with_appcontext
def embed(project: str | None, at_once: bool) -> None:
    """Queue every missing embedding of PROJECT, or of all projects."""
    projects = [find_project(project)] if project else list(_all_projects())
    queued = 0
    for row in projects:
        digest = embeddings.model_digest(row)
        if digest is None:
            raise NotFound("No model is installed; see `flask model list`.", code="no_model")
        queued += embeddings.request_missing(row, digest)
    click.echo(f"{queued} images of {len(projects)} projects lack their embedding.")
    if at_once:
        _compute()


def _all_projects() -> list[Project]:
    return list(
        db.session.scalars(select(Project).where(Project.archived_at.is_(None)).order_by(Project.name))
    )


def _compute() -> None:
    from tqdm import tqdm

    from annotator.handlers import HANDLERS
    from annotator.worker import Worker

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    worker = Worker(app, {kind: HANDLERS[kind] for kind in KINDS})
    waiting = select(func.count(Job.id)).where(Job.kind.in_(KINDS), Job.state.in_(UNFINISHED))
    total = db.session.scalar(waiting) or 0
    db.session.remove()
    with tqdm(total=total, unit="job", disable=None) as bar:
        while worker.run_once():
            bar.update()
    failed = db.session.scalar(select(func.count(Job.id)).where(Job.kind.in_(KINDS), Job.state == "failed"))
    if failed:
        raise click.ClickException(
            f"{failed} embeddings failed; `flask doctor` and the project page say why."
        )
