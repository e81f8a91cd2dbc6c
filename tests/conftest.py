"""Shared fixtures: an application over a fresh instance folder, people, and signed-in clients."""

from __future__ import annotations

import atexit
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


def build_app(instance: Path, **overrides: Any) -> APIFlask:
    """An application whose tables exist; nothing runs in the background."""
    if instance != _template_folder():
        instance.mkdir(parents=True, exist_ok=True)
        shutil.copy(_template(), instance / "annotator.db")
    from annotator.models import db
    from app import create_app

    app = create_app(instance, {"sign_in_limit": "1000 per minute", **overrides})
    app.test_client_class = Client
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    if instance == _template_folder():
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


@pytest.fixture
def make_app() -> Iterator[Callable[..., APIFlask]]:
    """make_app(folder, **settings) → an application, closed after the test."""
    made: list[APIFlask] = []

    def make(instance: Path, **overrides: Any) -> APIFlask:
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
    from annotator.models import db

    with application.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stored with a slow hash on purpose; tests hash hundreds."""
    import annotator.services.users as users

    slow = users.generate_password_hash
    monkeypatch.setattr(users, "generate_password_hash", lambda text: slow(text, method="pbkdf2:sha256:1"))


@pytest.fixture
def make_client(app: APIFlask) -> Callable[..., Client]:
    """make_client("ann", admin=False) → a client signed in as that (new) person."""
    from sqlalchemy import select

    from annotator.models import User, db
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
