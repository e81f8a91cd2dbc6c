"""`flask start`: everything a person needs, one command: migrations, bundled model, demo project, server, link."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

import click
import structlog
from flask import Flask, current_app
from flask.cli import run_command, with_appcontext
from flask.helpers import get_debug_flag
from flask_migrate import upgrade
from sqlalchemy import func, select
from werkzeug.serving import is_running_from_reloader

from annotator.errors import AnnotatorError
from annotator.models import Model, Project, User, db
from annotator.services import users

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
    prepare(demo=settings.demo if demo is None else demo)
    host, port = host or settings.host, port or settings.port

    def announce() -> None:
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        click.echo(
            f"Sign in once as administrator: {base}/signin/{admin_link(app)}"
            if link
            else f"Listening on {base}"
        )
        sys.stdout.flush()

    serve(app, host, port, announce)


def prepare(*, demo: bool) -> None:
    """Bring database, bundled model and demo project up to date; harmless to repeat."""
    upgrade(directory=current_app.extensions["migrate"].directory)
    first = db.session.scalar(select(func.count(Project.id))) == 0 and not db.session.scalar(
        select(func.count(User.id))
    )
    db.session.rollback()
    ensure_model()
    if demo and first:
        from annotator.services.demo import create_demo

        create_demo()


def ensure_model() -> Model | None:
    """The bundled model's row. Without its weights the server still runs: people can install another model."""
    from annotator.services.models import ensure_bundled_model

    try:
        return ensure_bundled_model()
    except AnnotatorError as error:
        click.echo(f"No bundled model: {error.message}", err=True)
        return None


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
        host, port = context.params.get("host"), context.params.get("port")
        click.echo(f"Sign in once as administrator: http://{host}:{port}/signin/{admin_link(app)}")
