"""`flask worker`: do jobs in a process of its own, on as many machines as share the database and the storage."""

from __future__ import annotations

import signal

import click
from flask import Flask, current_app
from flask.cli import with_appcontext


@click.command("worker")
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do.")
@click.option(
    "--device", default="", help="Where the model computes, such as cuda:1; the first GPU unless given."
)
@with_appcontext
def worker(until_idle: bool, device: str) -> None:
    """Work on queued jobs until interrupted. A job that was under way goes back to the queue."""
    from annotator.handlers.loaded_model import check_device
    from annotator.worker import Worker

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    app.extensions["annotator_device"] = check_device(device)
    runner = Worker(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stopping.set())
    if until_idle:
        click.echo(f"{runner.run_until_idle()} jobs done.")
    else:
        click.echo(f"Worker {runner.owner} is waiting for jobs.")
        runner.run()
