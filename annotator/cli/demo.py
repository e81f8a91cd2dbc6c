"""`flask demo`: the demo project."""

from __future__ import annotations

import click
from flask.cli import with_appcontext


@click.command("demo")
@with_appcontext
def demo() -> None:
    """Make the demo project, or complete it; its embeddings are queued."""
    from annotator.services.demo import PHOTOGRAPHS, create_demo

    project = create_demo()
    click.echo(f"Project {project.name!r} has its {len(PHOTOGRAPHS)} photographs.")
