"""`flask project`: projects from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from annotator.database import db
from annotator.models import Project
from annotator.services import projects
from annotator.services.embedding_summary import summaries
from annotator.services.ingest import ingest

project = AppGroup("project", help="Create, fill, export and measure projects.")


@project.command("create")
@click.argument("name")
@click.option("--description", default="", help="What it is about.")
@click.option("--category", "names", multiple=True, help="A category; repeat it for several.")
def create(name: str, description: str, names: tuple[str, ...]) -> None:
    """Make an empty project."""
    row = projects.create_project(name, description=description)
    for category in names:
        projects.create_category(row.id, category)
    click.echo(f"Project {row.name!r} has the id {row.id}.")


@project.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def listing(as_json: bool) -> None:
    """All projects with their progress."""
    rows = [_stats(row) for row in db.session.scalars(_visible())]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        counts = row["counts"]
        click.echo(
            f"{row['name']:<32} {counts['done']}/{counts['images']} images done, {counts['annotations']} annotations"
        )


def _visible() -> Any:
    return select(Project).where(Project.archived_at.is_(None)).order_by(Project.name)


@project.command("add")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def add(name: str, files: tuple[Path, ...]) -> None:
    """Add image files, or folders of them, to a project. Refused files are named; the others are kept."""
    from tqdm import tqdm

    from annotator.errors import InvalidInput

    row = projects.find_project(name)
    paths = [path for given in files for path in _images_in(given)]
    refused = 0
    for path in tqdm(paths, unit="image", disable=None):
        try:
            with path.open("rb") as file:
                ingest(row, file, path.name, person=None)
        except InvalidInput as error:
            refused += 1
            click.echo(f"{path}: {error.message}", err=True)
    click.echo(f"{len(paths) - refused} of {len(paths)} files are in {name!r}.")
    if refused:
        raise click.ClickException(f"{refused} files were refused.")


def _images_in(path: Path) -> list[Path]:
    return sorted(child for child in path.rglob("*") if child.is_file()) if path.is_dir() else [path]


@project.command("stats")
@click.argument("name")
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), help="First day of the statistics.")
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the statistics.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything, distributions too, as a JSON object."
)
def stats(name: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Images by status, embeddings, and how the annotating goes."""
    from annotator.services.dataset_report import dataset_report
    from annotator.services.statistics import Period, statistics

    found = projects.find_project(name)
    numbers = statistics(found, Period(since and since.date(), until and until.date()))
    row = _stats(found)
    if as_json:
        report = {"statistics": numbers, "dataset_report": dataset_report(found)}
        click.echo(json.dumps(row | report, indent=2))
        return
    groups = {"counts": row["counts"], "embeddings": row["embeddings"]}
    for group, values in (groups | {"masks": numbers["total"], "queue": numbers["queue"]}).items():
        for key, value in values.items():
            click.echo(f"{group} {key:<12} {'–' if value is None else value}")


def _stats(row: Project) -> dict[str, Any]:
    counts = projects.counts([row.id])[row.id]
    return {
        "id": row.id,
        "name": row.name,
        "counts": asdict(counts),
        "embeddings": asdict(summaries([row], {row.id: counts.images})[row.id]),
    }


@project.command("export")
@click.argument("name")
@click.option("--format", "form", default="coco", show_default=True, help="coco or sa1b.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write, for sa1b also a folder; NAME.json or NAME.zip by default.",
)
@click.option("--include-proposals", is_flag=True, help="Also write masks that nobody has accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def export(name: str, form: str, out: Path | None, include_proposals: bool, as_json: bool) -> None:
    """Write a project's annotations to a file and check that every mask in it is the one in the database."""
    from annotator.services.exports import default_file, export_project

    row = projects.find_project(name)
    out = out or Path(default_file(row.name, form))
    with _percentage(as_json) as progress:
        report = asdict(export_project(row.id, form, out, include_proposals, progress))
    if as_json:
        click.echo(json.dumps({"file": str(out), **report}, indent=2))
        return
    click.echo(
        f"Wrote {out}: {report['images']} images, {report['annotations']} masks; "
        f"{report['lossless']} of {report['checked']} read back equal."
    )


@project.command("import")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", default="coco", show_default=True, help="coco or sa1b.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the images that are not in the project yet.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(name: str, path: Path, form: str, images: Path | None, as_json: bool) -> None:
    """Read annotations from a file. What cannot be used is named; repeating an import changes nothing."""
    from tqdm import tqdm

    from annotator.services.imports import import_annotations

    row = projects.find_project(name)
    with tqdm(unit="mask", disable=True if as_json else None) as bar:

        def progress(count: int) -> None:
            bar.update(count - bar.n)

        done = import_annotations(row.id, path, fmt=form, images=images, progress=progress)
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
    else:
        click.echo(
            f"{done.created} new, {done.unchanged} unchanged, {done.kept} kept as people left them; "
            f"{done.images_added} images and {done.categories_added} categories added."
        )
    for problem in done.problems:
        click.echo(problem, err=True)
    if done.skipped:
        raise click.ClickException(f"{done.skipped} objects could not be used.")


@contextmanager
def _percentage(hidden: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on standard error that takes a share of 0–1 and a message; nothing when not on a terminal."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", disable=True if hidden else None) as bar:

        def progress(share: float, message: str = "") -> None:
            bar.set_description(message)
            bar.update(round(share * 100) - bar.n)

        yield progress
