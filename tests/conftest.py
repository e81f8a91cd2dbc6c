"""Shared fixtures: an application over a fresh instance folder, people, and signed-in clients."""

from __future__ import annotations

import atexit
import copy
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.database_server import DatabaseServer, run_postgresql

# Before torch is loaded: threads that spin while they wait multiply the time of every test on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Client(FlaskClient):
    """A test client that behaves like the interface: one cookie jar, the CSRF token on every change."""

    csrf_token: str | None = None

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        if self.csrf_token and "Authorization" not in headers:
            headers.setdefault("X-CSRFToken", self.csrf_token)
        kwargs.setdefault("buffered", True)  # file responses are read and closed at once
        return super().open(*args, headers=headers, **kwargs)

    def sign_in(self, name: str, password: str = "correct horse") -> Client:
        answer = self.post("/api/v1/session", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        self.csrf_token = answer.json["csrf_token"]
        return self


def build_app(instance: Path, *, create: bool = False, **overrides: Any) -> APIFlask:
    """An application whose tables exist (or are made, with `create`); nothing runs in the background."""
    if instance != _template_folder() and "database_url" not in overrides:
        instance.mkdir(parents=True, exist_ok=True)
        shutil.copy(_template(), instance / "annotator.db")
    from annotator.database import db
    from app import create_app

    app = create_app(instance, {"sign_in_limit": "1000 per minute", **overrides})
    app.test_client_class = Client
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    if create or instance == _template_folder():
        with app.app_context():
            db.create_all()
    return app


@cache
def _template_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="annotator-template-"))


@cache
def _template() -> Path:
    """An empty database with all tables: copying it is a tenth of the work of making it."""
    atexit.register(shutil.rmtree, _template_folder(), ignore_errors=True)
    close_app(build_app(_template_folder()))
    return _template_folder() / "annotator.db"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Modules marked `databases` run on each kind of database that an application can have."""
    if metafunc.definition.get_closest_marker("databases") and "database" in metafunc.fixturenames:
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`-n 2`, as the Makefile says it: files by kind."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.spreading import FilesByKind

    return FilesByKind(config, log)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database with all tables; empty for SQLite in the instance folder.

    TEST_DATABASE=postgresql puts every test on PostgreSQL that is not marked otherwise.
    """
    kind = getattr(request, "param", os.environ.get("TEST_DATABASE", "sqlite"))
    if kind == "sqlite":
        yield ""
        return
    server: DatabaseServer = request.getfixturevalue("postgresql_server")
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """A private PostgreSQL; its tests skip where there is none."""
    with run_postgresql() as server:
        with server.connect() as connection:
            connection.execute("CREATE DATABASE tables")
        with tempfile.TemporaryDirectory(prefix="annotator-template-") as folder:
            close_app(build_app(Path(folder), database_url=server.url_of("tables"), create=True))
        yield server


@pytest.fixture
def make_app(database: str) -> Iterator[Callable[..., APIFlask]]:
    """make_app(folder, **settings) → an application, closed after the test."""
    made: list[APIFlask] = []

    def make(instance: Path, **overrides: Any) -> APIFlask:
        if database:
            overrides.setdefault("database_url", database)
        made.append(build_app(instance, **overrides))
        return made[-1]

    yield make
    for application in made:
        close_app(application)


@pytest.fixture
def app(tmp_path: Path, make_app: Callable[..., APIFlask]) -> APIFlask:
    return make_app(tmp_path / "instance")


def close_app(application: APIFlask) -> None:
    """Give back the database connections."""
    from annotator.database import db

    application.extensions["annotator_wake"].close()
    with application.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session", autouse=True)
def _routes_compiled_once() -> Iterator[None]:
    """Every application compiles the same functions that build its addresses: nine tenths of the work of making one."""
    from werkzeug.routing import Rule

    compiled: dict[tuple[Any, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stored with a slow hash on purpose; tests hash hundreds."""
    import annotator.services.users as users

    slow = users.generate_password_hash
    monkeypatch.setattr(users, "generate_password_hash", lambda text: slow(text, method="pbkdf2:sha256:1"))


_EXPORTED: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = {}


@pytest.fixture(autouse=True)
def _decoders_exported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting a model's decoder takes seconds; tests register the same few models again and again."""
    import annotator.services.models as models
    from annotator.storage import storage

    export = models._store_decoder

    def once(sam: Any, digest: str, folder: Path) -> dict[str, Any]:
        if digest not in _EXPORTED:
            config = export(sam, digest, folder)
            keys = [
                models.decoder_key(digest),
                *(models.graph_key(digest, name) for name in config["graphs"]),
            ]
            _EXPORTED[digest] = copy.deepcopy(config), {key: storage().read(key) for key in keys}
            return config
        config, files = _EXPORTED[digest]
        for key, data in files.items():
            storage().put(key, data)
        return copy.deepcopy(config)

    monkeypatch.setattr(models, "_store_decoder", once)


@pytest.fixture
def make_client(app: APIFlask) -> Callable[..., Client]:
    """make_client("ann", admin=False) → a client signed in as that (new) person."""
    from sqlalchemy import select

    from annotator.database import db
    from annotator.models import User
    from annotator.services import users

    def make(name: str, *, admin: bool = False) -> Client:
        with app.app_context():
            if db.session.scalar(select(User.id).where(User.name == name)) is None:
                users.create_user(name, password="correct horse", is_admin=admin)
        return app.test_client().sign_in(name)  # type: ignore[attr-defined,no-any-return]

    return make


@pytest.fixture
def admin(make_client: Callable[..., Client]) -> Client:
    """A client signed in as an administrator."""
    return make_client("root", admin=True)
