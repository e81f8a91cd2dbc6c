"""`flask project`: projects from the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from annotator.models import Project, db
from annotator.services import embeddings, projects
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
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def stats(name: str, as_json: bool) -> None:
    """Images by status, annotations, embeddings."""
    row = _stats(projects.find_project(name))
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    for group in ("counts", "embeddings"):
        for key, value in row[group].items():
            click.echo(f"{group} {key:<12} {value}")


def _stats(row: Project) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "counts": asdict(projects.counts([row.id])[row.id]),
        "embeddings": asdict(embeddings.summary(row)),
    }


@project.command("export")
@click.argument("name")
@click.option("--format", "form", default="coco", show_default=True, help="Export format.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; NAME.json by default."
)
@click.option("--include-proposals", is_flag=True, help="Also write masks that nobody has accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def export(name: str, form: str, out: Path | None, include_proposals: bool, as_json: bool) -> None:
    """Write a project's annotations to a file and check that every mask in it is the one in the database."""
    from tqdm import tqdm

    from annotator.services.exports import export_project

    row = projects.find_project(name)
    out = out or Path(f"{row.name.replace('/', '-')}.json")
    with tqdm(total=100, unit="%", disable=True if as_json else None) as bar:

        def progress(share: float, message: str = "") -> None:
            bar.set_description(message)
            bar.update(round(share * 100) - bar.n)

        report = export_project(row.id, form, out, include_proposals, progress)
    click.echo(json.dumps(report, indent=2) if as_json else f"Wrote {out}.")
