"""`flask restore`: put a backup back."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from annotator.services import backup as service


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of the present database.")
@with_appcontext
def restore(source: Path, replace: bool) -> None:
    """Restore a backup and bring its database up to date. Stop the server first."""
    count = service.restore(source, replace=replace)
    upgrade(directory=current_app.extensions["migrate"].directory)
    click.echo(f"Restored {source} ({count} blobs).")
