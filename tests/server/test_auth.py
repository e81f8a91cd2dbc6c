"""Signing in and out, links, tokens, CSRF, rate limit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import update

from annotator.database import db, now, writing
from annotator.models import SignInLink, User
from annotator.services import users

PASSWORD = "correct horse"


@pytest.fixture
def ann(app: APIFlask) -> int:
    with app.app_context():
        return users.create_user("ann", password=PASSWORD).id


def make_link(app: APIFlask, user_id: int) -> str:
    with app.app_context():
        return "/signin/" + users.make_link(user_id, hours=1)


def test_everything_is_private(app: APIFlask) -> None:
    client = app.test_client()
    for path in ("/api/v1/me", "/api/v1/projects", "/api/v1/openapi.json", "/api/v1/images/1", "/metrics"):
        if path.startswith("/api"):
            assert client.get(path).json["error"]["code"] == "signed_out"
            assert client.get(path).status_code == 401
    assert client.post("/api/v1/projects", json={"name": "x"}).status_code == 401
    for path in ("/", "/projects/1", "/account"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"/signin?next={path}"
    assert client.get("/signin").status_code == 200
    assert client.get("/healthz").json == {"status": "ok"}


def test_every_route_is_private_unless_listed(app: APIFlask) -> None:
    public = {name for name, view in app.view_functions.items() if getattr(view, "is_public", False)}
    assert public == {
        "static",
        "assets.static",
        "assets.packages",
        "offline.script",
        "system.health",
        "system.vendor",
        "pages.signin",
        "auth.sign_in",
        "sign_in_by_link",
    }


def test_password(app: APIFlask, ann: int) -> None:
    client = app.test_client()
    for name, password in (("ann", "wrong horse"), ("nobody", PASSWORD), ("ann", "")):
        answer = client.post("/api/v1/session", json={"name": name, "password": password})
        assert answer.status_code == 401
        assert answer.json["error"]["code"] == "wrong_password"
    answer = client.post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
    assert answer.json["user"]["id"] == ann
    assert client.get("/api/v1/me").json["user"]["name"] == "ann"
    token = answer.json["csrf_token"]
    assert client.delete("/api/v1/session", headers={"X-CSRFToken": token}).status_code == 204
    assert client.get("/api/v1/me").status_code == 401


def test_a_link_works_once(app: APIFlask, ann: int) -> None:
    link = make_link(app, ann)
    client = app.test_client()
    assert client.head(link).status_code == 200  # a chat's link preview must not use it up
    answer = client.get(link)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/api/v1/me").json["user"]["name"] == "ann"
    other = app.test_client()
    answer = other.get(link)
    assert answer.headers["Location"] == "/signin?problem=link"
    assert other.get("/api/v1/me").status_code == 401
    assert other.head(link).status_code == 410


@pytest.mark.parametrize("what", ["expired", "blocked", "wrong"])
def test_links_that_do_not_work(app: APIFlask, ann: int, what: str) -> None:
    link = make_link(app, ann)
    with app.app_context(), writing() as session:
        if what == "expired":
            session.execute(update(SignInLink).values(expires_at=now() - timedelta(seconds=1)))
        if what == "blocked":
            session.get_one(User, ann).active = False
    client = app.test_client()
    assert client.get(link + "x" if what == "wrong" else link).headers["Location"] == "/signin?problem=link"
    assert client.get("/api/v1/me").status_code == 401


def test_csrf(app: APIFlask, ann: int) -> None:
    client = app.test_client()
    client.post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
    body = {"preferences": {"theme": "dark"}}
    for headers in ({}, {"X-CSRFToken": "x"}):
        answer = client.patch("/api/v1/me", json=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json["error"]["code"] == "csrf"
    token = client.get("/api/v1/me").json["csrf_token"]
    answer = client.patch("/api/v1/me", json=body, headers={"X-CSRFToken": token})
    assert answer.json["user"]["preferences"] == {"theme": "dark"}
    cleared = client.patch(
        "/api/v1/me", json={"preferences": {"theme": None}}, headers={"X-CSRFToken": token}
    )
    assert cleared.json["user"]["preferences"] == {}


def test_another_site_cannot_sign_somebody_in(app: APIFlask, ann: int) -> None:
    # What an HTML form elsewhere could send: no JSON content type.
    body = b'{"name": "ann", "password": "correct horse"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert app.test_client().post("/api/v1/session", data=body, content_type=kind).status_code == 415


def test_bearer_tokens(app: APIFlask, ann: int) -> None:
    with app.app_context():
        row, secret = users.make_token(ann, "script")
    client = app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=headers).json["user"]["name"] == "ann"
    created = client.post("/api/v1/projects", json={"name": "By script"}, headers=headers)
    assert created.status_code == 201  # no CSRF token needed
    assert client.get("/api/v1/me", headers={"Authorization": "Bearer ann_wrong"}).status_code == 401
    listed = client.get("/api/v1/me/tokens", headers=headers).json["tokens"]
    assert [token["name"] for token in listed] == ["script"]
    assert secret not in str(listed)
    assert client.delete(f"/api/v1/me/tokens/{row.id}", headers=headers).status_code == 204
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_token_made_through_the_api_works(app: APIFlask, admin: Any) -> None:
    secret = admin.post("/api/v1/me/tokens", json={"name": "backup"}).json["token"]
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json["user"]["name"] == "root"


def test_a_new_password_ends_other_sessions(app: APIFlask, make_client: Any) -> None:
    here, there = make_client("ann"), make_client("ann")
    wrong = here.put("/api/v1/me/password", json={"current_password": "no", "password": "another horse"})
    assert (wrong.status_code, wrong.json["error"]["field"]) == (422, "current_password")
    short = here.put("/api/v1/me/password", json={"current_password": PASSWORD, "password": "short"})
    assert (short.status_code, short.json["error"]["code"]) == (422, "weak_password")
    done = here.put("/api/v1/me/password", json={"current_password": PASSWORD, "password": "another horse"})
    assert done.status_code == 200
    assert here.get("/api/v1/me").status_code == 200
    assert there.get("/api/v1/me").status_code == 401


def test_blocked_people_are_out_at_once(app: APIFlask, admin: Any, make_client: Any) -> None:
    ann = make_client("ann")
    user_id = ann.get("/api/v1/me").json["user"]["id"]
    assert admin.patch(f"/api/v1/users/{user_id}", json={"active": False}).json["active"] is False
    assert ann.get("/api/v1/me").status_code == 401
    answer = app.test_client().post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
    assert answer.status_code == 401


def test_sign_in_is_rate_limited(tmp_path: Path, make_app: Any) -> None:
    limited = make_app(tmp_path / "limited", sign_in_limit="5 per minute")
    client = limited.test_client()
    statuses = [
        client.post("/api/v1/session", json={"name": "x", "password": "y"}).status_code for _ in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2
    answer = client.post("/api/v1/session", json={"name": "x", "password": "y"})
    assert answer.json["error"]["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) <= 60


def test_the_session_cookie_is_protected(app: APIFlask, ann: int) -> None:
    answer = app.test_client().post("/api/v1/session", json={"name": "ann", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    with app.app_context():
        stored = db.session.get_one(User, ann).password_hash
    assert stored is not None
    assert PASSWORD not in stored


def test_pages_of_signed_in_people(admin: Any, make_client: Any) -> None:
    for path in ("/", "/models", "/users", "/account"):
        assert admin.get(path).status_code == 200
    assert admin.get("/signin").headers["Location"] == "/"
    assert make_client("ann").get("/users", headers={"Accept": "text/html"}).status_code == 403
