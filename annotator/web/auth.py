"""Signing in: password, one-time link, bearer token; CSRF; everything is private unless marked public."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from apiflask import APIBlueprint, APIFlask
from flask import Flask, Request, Response, current_app, jsonify, redirect, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect, generate_csrf
from werkzeug.wrappers import Response as BaseResponse

from annotator.database import db, writing
from annotator.models import User
from annotator.services import users
from annotator.web import access
from annotator.web.errors import error_body
from annotator.web.schemas import PasswordIn, PreferencesIn, SignIn

blueprint = APIBlueprint("auth", __name__, url_prefix="/api/v1", tag="Account")

login = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(get_remote_address, headers_enabled=True)

View = TypeVar("View", bound=Callable[..., Any])
SAFE = ("GET", "HEAD", "OPTIONS")


def public(view: View) -> View:
    """Mark a view as open to people who are not signed in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


SHARED_FILES = ("static", "system.vendor", "assets.static", "assets.packages")


class SessionInterface(SecureCookieSessionInterface):
    """Keeps `Vary: Cookie` off files: with it a browser would fetch them again after every new cookie."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        if response.cache_control.immutable or request.endpoint in SHARED_FILES:
            response.vary.discard("cookie")  # lower case, or Werkzeug forgets to write the header back
            response.headers.remove("Set-Cookie")


class Person:
    """Flask-Login's view of a User row."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, row: User) -> None:
        self.row = row
        self.is_active = row.active

    def get_id(self) -> str:
        return f"{self.row.id}.{_generation(self.row)}"


def _generation(row: User) -> str:
    # Part of the session: a new password ends the sessions that the old one opened.
    return hashlib.sha256((row.password_hash or "").encode()).hexdigest()[:12]


@login.user_loader
def _from_session(value: str) -> Person | None:
    number, _, generation = value.partition(".")
    row = db.session.get(User, int(number)) if number.isdecimal() else None
    if row is None or not row.active or _generation(row) != generation:
        return None
    return Person(row)


@login.request_loader
def _from_bearer(incoming: Request) -> Person | None:
    scheme, _, secret = incoming.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    row = users.user_of_token(secret.strip())
    return Person(row) if row is not None else None


def register(app: APIFlask) -> None:
    """Sessions, CSRF, rate limits and the rule that every address is private."""
    settings = app.extensions["annotator_settings"]
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI=settings.queue_url if settings.queue_url.startswith("redis") else "memory://",
    )
    app.session_interface = SessionInterface()
    login.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    app.before_request(_guard)
    app.register_blueprint(blueprint)
    app.add_url_rule("/signin/<token>", "sign_in_by_link", app.doc(hide=True)(sign_in_by_link))


def _guard() -> BaseResponse | None:
    """Private unless public; unsafe methods need the CSRF token unless a bearer token signs the request."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or getattr(view, "is_public", False):
        return None
    if not current_user.is_authenticated:
        if (
            not request.path.startswith("/api/")
            and request.method in SAFE
            and not request.headers.get("Authorization")
        ):
            return redirect(f"/signin?next={request.path}")
        access.user()
    bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if request.method not in SAFE and not bearer:
        csrf.protect()
    return None


def _me(person: User) -> dict[str, Any]:
    return {
        "user": {
            "id": person.id,
            "name": person.name,
            "is_admin": person.is_admin,
            "preferences": person.preferences,
            "has_password": person.password_hash is not None,
        },
        "csrf_token": generate_csrf(),
    }


def _start_session(person: User) -> None:
    session.clear()  # a session that somebody prepared before must not live on
    login_user(Person(person))
    session.permanent = True


@blueprint.get("/me")
def me() -> dict[str, Any]:
    """Who is signed in, and the CSRF token for changes. Every page asks this first: it prolongs the session."""
    person = access.user()
    session.modified = bool(session)
    return _me(person)


@blueprint.patch("/me")
@blueprint.input(PreferencesIn)
def change_me(json_data: PreferencesIn) -> dict[str, Any]:
    """Merge preferences (theme, keys, tool sizes) into the stored ones; null removes one."""
    person = access.user()
    with writing() as transaction:
        row = transaction.get_one(User, person.id)
        merged = dict(row.preferences) | json_data.preferences
        row.preferences = {name: value for name, value in merged.items() if value is not None}
    return _me(row)


@blueprint.put("/me/password")
@blueprint.input(PasswordIn)
def change_password(json_data: PasswordIn) -> dict[str, Any] | tuple[dict[str, Any], int]:
    """Set a new password. The old one is needed once there is one."""
    person = access.user()
    if person.password_hash and users.check_password(person.name, json_data.current_password) is None:
        return error_body("wrong_password", "The current password is not right.", "current_password"), 422
    users.set_password(person.id, json_data.password)
    db.session.expire_all()
    row = db.session.get_one(User, person.id)
    _start_session(row)
    return _me(row)


@blueprint.post("/session")
@public
@limiter.limit(lambda: current_app.extensions["annotator_settings"].sign_in_limit)
@blueprint.input(SignIn)
def sign_in(json_data: SignIn) -> dict[str, Any] | tuple[dict[str, Any], int]:
    """Sign in with name and password. Needs no CSRF token, but JSON, which other sites cannot send."""
    person = users.check_password(json_data.name, json_data.password)
    if person is None:
        return error_body("wrong_password", "Name and password do not match.", "password"), 401
    _start_session(person)
    return _me(person)


@blueprint.delete("/session")
def sign_out() -> Response:
    """Sign out."""
    logout_user()
    session.clear()
    return Response(status=204)


@public
@limiter.limit("30 per minute")
def sign_in_by_link(token: str) -> BaseResponse:
    """Sign in by one-time link. HEAD requests (link previews) do not use it up."""
    if request.method == "HEAD":
        return Response(status=200 if users.link_matches(token) else 410)
    person = users.use_link(token)
    if person is None:
        return redirect("/signin?problem=link")
    _start_session(person)
    return redirect("/")


def json_only() -> BaseResponse | None:
    """Refuse bodies that an HTML form on another site could send."""
    if request.method in SAFE or not request.path.startswith("/api/") or not request.content_length:
        return None
    if request.mimetype in ("application/json", "multipart/form-data"):
        return None
    response = jsonify(
        error_body("unsupported_media_type", "Send JSON with the header Content-Type: application/json.")
    )
    response.status_code = 415
    return response
