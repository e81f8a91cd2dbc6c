"""`flask embed`: queue the embeddings that projects lack, and compute them if asked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from annotator.cli.engine import RAY, cluster, engine_options
from annotator.database import db
from annotator.errors import NotFound
from annotator.models import UNFINISHED, Job, Project
from annotator.services import embeddings
from annotator.services.projects import find_project

if TYPE_CHECKING:
    from annotator.handlers.on_ray import Cluster

KINDS = ("embed", "embed_chunk")


@click.command("embed")
@click.argument("project", required=False)
@click.option(
    "--now", "at_once", is_flag=True, help="Compute them here instead of leaving them to the worker."
)
@engine_options
@with_appcontext
def embed(
    project: str | None,
    at_once: bool,
    engine: str,
    ray_address: str,
    ray_processes: int | None,
    ray_gpus: float,
) -> None:
    """Queue every missing embedding of PROJECT, or of all projects; with `--engine ray` compute them at once."""
    projects = [find_project(project)] if project else list(_all_projects())
    if engine == RAY:
        _on_ray(projects, cluster(ray_address, ray_processes, ray_gpus))
        return
    queued = sum(embeddings.request_missing(row, _digest(row)) for row in projects)
    click.echo(f"{queued} images of {len(projects)} projects lack their embedding.")
    if at_once:
        _compute()


def _digest(project: Project) -> str:
    digest = embeddings.model_digest(project)
    if digest is None:
        raise NotFound("No model is installed; see `flask model list`.", code="no_model")
    return digest


def _on_ray(projects: list[Project], on: Cluster) -> None:
    """Compute what is missing as a Ray Data job; what was stored before it was interrupted stays."""
    from tqdm import tqdm

    from annotator.handlers import on_ray

    done, failed = 0, []
    missing = {digest: embeddings.lacking(group, digest) for digest, group in _by_model(projects).items()}
    db.session.remove()
    with tqdm(total=sum(map(len, missing.values())), unit="image", disable=None) as bar:
        for digest, hashes in missing.items():
            for sha256, reason in on_ray.embed(hashes, digest, on):
                bar.update()
                done += not reason
                if reason:
                    failed.append((sha256, reason))
    click.echo(f"{done} embeddings computed for {len(projects)} projects.")
    for sha256, reason in failed:
        click.echo(f"{sha256[:12]}: {reason}", err=True)
    if failed:
        raise click.ClickException(f"{len(failed)} images failed; the reasons are above.")


def _by_model(projects: list[Project]) -> dict[str, list[int]]:
    """Digest of a model → ids of the projects that use it."""
    groups: dict[str, list[int]] = defaultdict(list)
    for project in projects:
        groups[_digest(project)].append(project.id)
    return groups


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
