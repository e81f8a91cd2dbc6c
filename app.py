"""Composition root: settings, database, blobs, jobs, pages and API become one application."""

from __future__ import annotations

import importlib
import logging
import mimetypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import structlog
from apiflask import APIFlask
from flask_migrate import Migrate
from sqlalchemy import make_url
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from annotator.allocator import keep_freed_memory
from annotator.cli import with_plain_errors
from annotator.cli.start import serve_from_flask_run
from annotator.database import configure_engine, db
from annotator.errors import SettingsError
from annotator.jobs import Wake
from annotator.settings import Settings, load_settings
from annotator.storage import Storage
from annotator.web import assets, auth, errors, headers, language
from annotator.web.strict_json import StrictJSON

ROOT = Path(__file__).resolve().parent
API_MODULES = (
    *("users", "projects", "images", "tiles", "crops", "annotations"),
    *("automask", "statistics", "exports", "jobs", "models", "training"),
    *("system", "assets", "offline", "pages"),
)
CLI_MODULES = (
    *("start", "prepare", "worker", "doctor", "backup", "restore", "purge", "demo", "embed"),
    *("user", "project", "automask", "model", "train", "evaluate"),
)


LOG_LEVELS = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error")}


class BoundedInteger(IntegerConverter):
    """`<int:…>` in addresses, limited to what a database column holds: anything longer is simply not found."""

    def to_python(self, value: str) -> int:
        number: int = super().to_python(value[:20])
        return min(number, 2**62)


def create_app(instance: Path | None = None, overrides: Mapping[str, Any] | None = None) -> APIFlask:
    """Build the application. `instance` and `overrides` win over file and environment (tests, flags).

    Starts nothing unless a serving command asks: a thread started here would run in every command and, with a
    reloader or several gunicorn workers, more than once.
    """
    # The model's threads would spin while they wait for one another; beside requests that costs ten times the work
    # itself. Read once, when torch is loaded, which happens later and only in jobs and commands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    settings = _load_settings(instance, overrides)
    app = APIFlask(
        "annotator",
        title="Annotator",
        version="1",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=str(ROOT / "static"),
        template_folder=str(ROOT / "annotator" / "templates"),
        instance_path=str(settings.instance),
        root_path=str(ROOT),
    )
    app.extensions["annotator_settings"] = settings
    app.extensions["annotator_storage"] = Storage(settings.storage_url)
    app.extensions["annotator_wake"] = Wake(settings.queue_url)
    app.url_map.converters["int"] = BoundedInteger
    _configure_log(settings.log_level)
    _configure(app, settings)
    _connect_database(app, settings)
    errors.register(app)
    headers.register(app)
    language.register(app)
    assets.register(app)
    app.before_request(auth.json_only)
    auth.register(app)
    auth.public(app.view_functions["static"])
    for name in API_MODULES:
        app.register_blueprint(importlib.import_module(f"annotator.web.{name}").blueprint)
    for name in CLI_MODULES:
        app.cli.add_command(
            with_plain_errors(getattr(importlib.import_module(f"annotator.cli.{name}"), name))
        )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    serve_from_flask_run(app)
    return app


def _load_settings(instance: Path | None, overrides: Mapping[str, Any] | None) -> Settings:
    """A setting that is not understood ends a command with one line; other starters get the exception."""
    try:
        return load_settings(instance, overrides)
    except SettingsError as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(error.message) from error


def _configure(app: APIFlask, settings: Settings) -> None:
    for suffix, mime in (
        (".mjs", "text/javascript"),
        (".js", "text/javascript"),
        (".wasm", "application/wasm"),
    ):
        mimetypes.add_type(mime, suffix)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_request_bytes,
        MAX_FORM_MEMORY_SIZE=2**20,
        VALIDATION_ERROR_STATUS_CODE=422,
        SPEC_FORMAT="json",
        SYNC_LOCAL_SPEC=False,
        AUTO_404_RESPONSE=False,
    )
    app.json = StrictJSON(app)


def _configure_log(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Plain tracebacks: the default prints local variables, and those hold people's data.
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _connect_database(app: APIFlask, settings: Settings) -> None:
    url = make_url(settings.database_url)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")  # the driver that is installed
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": url.get_backend_name() != "sqlite"}
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
