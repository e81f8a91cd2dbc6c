"""`flask automask`: propose masks on a project's images, here and now."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import ColumnElement, or_, select

from annotator import jobs
from annotator.cli.engine import RAY, cluster, engine_options
from annotator.database import db, writing
from annotator.errors import NotFound
from annotator.models import UNFINISHED, Image, Job, Project
from annotator.services import automask as service
from annotator.services.automask_parameters import PRESETS, GivenParameters, complete
from annotator.services.projects import find_project

if TYPE_CHECKING:
    from annotator.handlers.on_ray import Cluster
    from annotator.jobs import Handler, Report, Ticket
    from annotator.worker import Worker

WATCH_SECONDS = 0.5


def _parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for every parameter of the generator, `--points-per-side` for points_per_side."""
    for name, field in reversed(GivenParameters.model_fields.items()):
        kind = float if "float" in str(field.annotation) else int
        command = click.option(f"--{name.replace('_', '-')}", name, type=kind)(command)
    return command


@click.command("automask")
@click.argument("project")
@click.option(
    "--preset",
    type=click.Choice([preset.name for preset in PRESETS]),
    default=PRESETS[0].name,
    show_default=True,
    help="Parameters for a purpose; the options below change single ones.",
)
@click.option("--image", "images", multiple=True, help="Name or id of an image; repeat it for several.")
@engine_options
@_parameter_options
@with_appcontext
def automask(
    project: str,
    preset: str,
    images: tuple[str, ...],
    engine: str,
    ray_address: str,
    ray_processes: int | None,
    ray_gpus: float,
    **given: Any,
) -> None:
    """Propose masks on the images of PROJECT that are neither done nor skipped, or on those named.

    Proposals that nobody has touched are replaced. Ctrl-C cancels; starting again takes every image anew.
    """
    from pydantic import ValidationError

    row = find_project(project)
    on = cluster(ray_address, ray_processes, ray_gpus) if engine == RAY else None
    try:
        parameters = complete(preset, GivenParameters(**given))
    except ValidationError as error:
        first = error.errors()[0]
        raise click.BadParameter(f"{first['msg']}.", param_hint=f"--{_option(first['loc'][0])}") from None
    where = _named(row, images) if images else service.unfinished_images()
    worker = _worker(on)
    with writing():
        job = service.queue_run(row, parameters, where=where, preset=preset)
        ticket = jobs.take(job, worker.owner) if job.state == "queued" else None
        job_id, total = job.id, job.payload["images"]
    db.session.remove()
    _finish(job_id, _work(worker, ticket, job_id, total))


def _worker(on: Cluster | None) -> Worker:
    """A worker of this process, which finds the masks itself or leaves that to Ray."""
    from annotator.handlers import HANDLERS, on_ray
    from annotator.worker import Worker

    handler = HANDLERS[service.KIND] if on is None else partial(on_ray.automask, cluster=on)
    return Worker(current_app._get_current_object(), {service.KIND: handler})  # type: ignore[attr-defined]


def _option(name: int | str) -> str:
    return str(name).replace("_", "-")


def _named(project: Project, names: tuple[str, ...]) -> ColumnElement[bool]:
    """The condition for images by name or id. Raises NotFound for one that the project does not have."""
    found: set[int] = set()
    for name in names:
        same = Image.name == name
        if name.isdecimal() and int(name) < 2**31:
            same = or_(same, Image.id == int(name))
        ids = db.session.scalars(select(Image.id).where(Image.project_id == project.id, same)).all()
        if not ids:
            raise NotFound(f"There is no image {name!r} in {project.name!r}.", code="image_not_found")
        found.update(ids)
    return Image.id.in_(found)


def _work(worker: Worker, ticket: Ticket | None, job_id: int, total: int) -> dict[str, Any]:
    """Do the job here, or watch whoever has taken it; returns its state, result and error when it has ended."""
    from tqdm import tqdm

    with tqdm(total=total, unit="image", disable=None) as bar:

        def show(share: float, message: str = "") -> None:
            bar.set_postfix_str(message.partition(", ")[2])
            bar.update(round(share * total) - bar.n)

        worker.handlers[service.KIND] = _showing(worker.handlers[service.KIND], job_id, show)
        try:
            if ticket is not None:
                worker.do(ticket)
            while (row := _ended(job_id, show)) is None:
                if not worker.run_once():
                    time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            jobs.cancel(job_id)
            raise click.Abort from None
    return row


def _showing(handler: Handler, job_id: int, show: Callable[[float, str], None]) -> Handler:
    """The handler, whose reports on the job are shown, too."""

    def work(ticket: Ticket, report: Report) -> dict[str, Any] | None:
        def both(share: float, message: str = "") -> None:
            if ticket.id == job_id:
                show(share, message)
            report(share, message)

        return handler(ticket, both)

    return work


def _ended(job_id: int, show: Callable[[float, str], None]) -> dict[str, Any] | None:
    job = db.session.get_one(Job, job_id)
    row = {"state": job.state, "result": job.result, "error": job.error}
    show(job.progress, job.message)
    db.session.remove()
    return None if row["state"] in UNFINISHED else row


def _finish(job_id: int, row: dict[str, Any]) -> None:
    """Say what came of it. Raises ClickException unless every image is done."""
    if row["state"] != "done":
        reason = (row["error"] or {}).get("message") or row["state"]
        raise click.ClickException(f"Job {job_id} has not finished: {reason}")
    result = row["result"]
    click.echo(
        f"{result['done']} images: {result['created']} new proposals, {result['unchanged']} as before, "
        f"{result['removed']} replaced, {result['known']} left out because the object is there already."
    )
    for problem in result["problems"]:
        click.echo(f"{problem['name']}: {problem['message']}", err=True)
    if result["failed"]:
        raise click.ClickException(f"{result['failed']} of {result['images']} images failed.")
