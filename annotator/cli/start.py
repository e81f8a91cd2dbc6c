"""`flask start`: everything a person needs, one command: migrations, bundled model, demo project, server, link."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import structlog
from flask import Flask, current_app
from flask.cli import run_command, with_appcontext
from flask.helpers import get_debug_flag
from flask_migrate import upgrade
from sqlalchemy import func, select
from werkzeug.serving import is_running_from_reloader

from annotator.cli import address
from annotator.cli.prepare import bundled_model_is_registered
from annotator.database import db
from annotator.models import Project, User
from annotator.services import users
from annotator.settings import INSTANCE_VARIABLE
from annotator.storage import storage

log = structlog.get_logger()


@click.command("start")
@click.option("--host", help="Address to listen on; the setting `host` by default.")
@click.option("--port", type=int, help="Port to listen on; the setting `port` by default.")
@click.option("--demo/--no-demo", default=None, help="Make the demo project on the first run.")
@click.option("--link/--no-link", default=True, help="Print a one-time administrator link.")
@with_appcontext
def start(host: str | None, port: int | None, demo: bool | None, link: bool) -> None:
    """Prepare this instance and serve it, with the job worker inside."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    settings = app.extensions["annotator_settings"]
    host, port = host or settings.host, port or settings.port
    check_port(host, port)
    upgrade(directory=current_app.extensions["migrate"].directory)
    storage().sweep()
    if not bundled_model_is_registered():
        _register_bundled_model()
    if (settings.demo if demo is None else demo) and first_run():
        from annotator.services.demo import create_demo

        create_demo()

    def announce() -> None:
        base = address(host, port)
        click.echo(
            f"Sign in once as administrator: {base}/signin/{admin_link(app)}"
            if link
            else f"Listening on {base}"
        )
        sys.stdout.flush()

    serve(app, host, port, announce)


def check_port(host: str, port: int) -> None:
    """Raises ClickException when something listens there already: better now than after the preparations."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"Port {port} is in use or not allowed on {host} ({error.strerror}). Choose another: PORT=5001 make run"
            ) from error


def first_run() -> bool:
    """Nobody and nothing is here yet."""
    empty = not db.session.scalar(select(func.count(Project.id))) and not db.session.scalar(
        select(func.count(User.id))
    )
    db.session.rollback()
    return empty


def _register_bundled_model() -> None:
    """In a process of its own: the server forks later, and torch's threads do not survive a fork.

    Without bundled weights the server still runs; people can install another model.
    """
    settings = current_app.extensions["annotator_settings"]
    command = [sys.executable, "-m", "flask", "--app", str(Path(current_app.root_path) / "app.py"), "prepare"]
    subprocess.run(command, env={**os.environ, INSTANCE_VARIABLE: str(settings.instance)}, check=False)


def admin_link(app: Flask) -> str:
    """A one-time token for the first administrator, who is made if there is none."""
    with app.app_context():
        person = db.session.scalar(select(User).where(User.is_admin, User.active).order_by(User.id).limit(1))
        if person is None:
            person = users.create_user("admin", is_admin=True)
        return users.make_link(person.id, hours=app.extensions["annotator_settings"].link_hours)


def serve(app: Flask, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve with gunicorn (one process, several threads), or Werkzeug's server where gunicorn cannot run."""
    try:
        from annotator.cli.gunicorn_server import Server
    except ImportError:
        _serve_with_werkzeug(app, host, port, announce)
        return
    Server(app, host, port, announce).run()


def _serve_with_werkzeug(app: Flask, host: str, port: int, announce: Callable[[], None]) -> None:
    from werkzeug.serving import make_server

    server: Any = make_server(host, port, app, threaded=True)
    embedded = start_embedded_worker(app)
    announce()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        if embedded is not None:
            embedded.stop()


def start_embedded_worker(app: Flask) -> Any:
    """Start the job worker of this serving process, unless the setting `embedded_worker` is off."""
    from annotator.worker import EmbeddedWorker

    return EmbeddedWorker(app).start() if app.extensions["annotator_settings"].embedded_worker else None


def serve_from_flask_run(app: Flask) -> None:
    """When `flask run` is what builds the application: start the worker, in the process that will serve.

    The reloader builds it twice, in a parent that only watches files and in the child that serves.
    """
    context = click.get_current_context(silent=True)
    if context is None or context.command is not run_command:
        return
    reload = context.params.get("reload")
    reload = get_debug_flag() if reload is None else reload
    if reload and not is_running_from_reloader():
        return
    embedded = start_embedded_worker(app)
    if embedded is not None:
        atexit.register(embedded.stop)
    if app.extensions["annotator_settings"].print_link:
        base = address(context.params["host"], context.params["port"])
        click.echo(f"Sign in once as administrator: {base}/signin/{admin_link(app)}")
