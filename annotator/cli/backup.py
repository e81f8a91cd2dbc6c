"""`flask backup`: everything in one file."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from annotator.services import backup as service


@click.command("backup")
@click.argument("target", required=False, type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup(target: Path | None) -> None:
    """Write database and blobs to TARGET (instance/backups/… by default); the server may keep running."""
    target = target or service.default_name()
    with tqdm(unit="file", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        count = service.backup(target, progress)
    click.echo(f"Wrote {target} ({target.stat().st_size / 2**20:.1f} MiB, {count} blobs).")
