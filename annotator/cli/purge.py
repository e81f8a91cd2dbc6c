"""`flask purge`: remove for good what was deleted long ago."""

from __future__ import annotations

import re
from datetime import timedelta

import click
from flask.cli import with_appcontext

from annotator.services import purge as service

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Age(click.ParamType):
    """30d, 12h, 4w."""

    name = "age"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,5})([hdw])", value)
        if found is None:
            self.fail(f"{value!r} is no age; write 30d, 12h or 4w.", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


@click.command("purge")
@click.option("--older-than", type=Age(), default="30d", show_default=True, help="As 30d, 12h or 4w.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def purge(older_than: timedelta, dry_run: bool, yes: bool) -> None:
    """Remove projects that were deleted, and files of exports that were made, longer ago than that.

    What is removed cannot be brought back, except from a backup.
    """
    from tqdm import tqdm

    old = service.find_old(older_than)
    click.echo(
        f"{len(old.projects)} deleted projects with {old.images} images and all their masks, "
        f"and {len(old.exports)} exports are older."
    )
    if dry_run or not (old.projects or old.exports):
        return
    if not yes:
        click.confirm("Remove them for good?", abort=True)
    with tqdm(total=old.images, unit="image", disable=None) as bar:
        service.purge(old, lambda done: bar.update(done - bar.n))
    click.echo("Removed.")
