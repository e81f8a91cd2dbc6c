"""One error shape on every path that can fail, JSON for the API and a page for people."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from annotator.database import db


def assert_shape(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert set(answer.json["error"]) == {"code", "message", "field"}
    assert answer.json["error"]["code"] == code
    message = answer.json["error"]["message"]
    assert message[0].isupper() or answer.json["error"]["field"]
    assert len(message) > 8
    return dict(answer.json)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/nothing", None, 404, "not_found"),
        ("GET", "/api/v2/me", None, 404, "not_found"),
        ("PUT", "/api/v1/me", {}, 405, "method_not_allowed"),
        ("POST", "/api/v1/projects", {}, 422, "invalid_input"),
        ("POST", "/api/v1/projects", [], 422, "invalid_input"),
        ("POST", "/api/v1/projects", None, 400, "bad_request"),
        ("POST", "/api/v1/projects", {"name": "x", "colour": "red"}, 422, "invalid_input"),
        ("POST", "/api/v1/projects", {"name": "\x00"}, 422, "invalid_input"),
        ("POST", "/api/v1/projects", {"name": "a" * 121}, 422, "invalid_input"),
        ("GET", "/api/v1/projects/999", None, 404, "project_not_found"),
        ("GET", f"/api/v1/projects/{'9' * 400}", None, 404, "project_not_found"),
        ("GET", "/api/v1/projects/x", None, 404, "not_found"),
        ("GET", "/api/v1/images/999", None, 404, "image_not_found"),
        ("GET", "/api/v1/images/999/embeddings/zz", None, 404, "image_not_found"),
        ("PATCH", "/api/v1/categories/999", {"name": "x"}, 404, "category_not_found"),
        ("GET", "/api/v1/jobs/999", None, 404, "job_not_found"),
        ("GET", "/api/v1/jobs?state=lost", None, 422, "invalid_input"),
        ("GET", "/api/v1/jobs?limit=99999999999999999999", None, 422, "invalid_input"),
        ("GET", "/api/v1/models/nothing", None, 404, "model_not_found"),
        ("POST", "/api/v1/models/install", {"name": "../x"}, 422, "invalid_input"),
        ("PATCH", "/api/v1/users/999", {}, 404, "user_not_found"),
        ("POST", "/api/v1/users", {"name": "new", "password": "short"}, 422, "weak_password"),
        ("DELETE", "/api/v1/me/tokens/999", None, 404, "token_not_found"),
        ("GET", "/static/nothing.js", None, 404, "not_found"),
        ("GET", "/vendor/onnxruntime-web/package.json", None, 404, "not_found"),
        ("GET", "/vendor/..%2f..%2fapp.py", None, 404, "not_found"),
    ],
)
def test_every_failure_has_the_shape(
    admin: Any, method: str, path: str, body: Any, status: int, code: str
) -> None:
    assert_shape(admin.open(path, method=method, json=body), status, code)


def test_bodies_that_are_not_json(admin: Any) -> None:
    answer = admin.post("/api/v1/projects", data=b"{", content_type="application/json")
    assert_shape(answer, 400, "bad_request")
    answer = admin.post("/api/v1/projects", data=b'{"name": "\xff"}', content_type="application/json")
    assert_shape(answer, 400, "bad_request")
    answer = admin.post("/api/v1/projects", data=b'{"name": "x"}', content_type="text/plain")
    assert_shape(answer, 415, "unsupported_media_type")
    answer = admin.post("/api/v1/projects", data=b'{"name": "\\ud800"}', content_type="application/json")
    assert_shape(answer, 422, "invalid_input")


def test_a_field_is_named(admin: Any) -> None:
    body = assert_shape(
        admin.post("/api/v1/projects", json={"name": "x", "stage": "no"}), 422, "invalid_input"
    )
    assert body["error"]["field"] == "stage"
    assert "assisted_manual" in body["error"]["message"]


def test_too_large_a_request(app: APIFlask, admin: Any) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = admin.post("/api/v1/projects", json={"name": "x", "description": "y" * 2000})
    assert_shape(answer, 413, "request_entity_too_large" if "entity" in answer.text else "content_too_large")


def test_an_unexpected_failure_tells_nothing_and_has_the_shape(app: APIFlask, admin: Any) -> None:
    with app.app_context():
        db.session.execute(text("DROP TABLE job"))
        db.session.commit()
    body = assert_shape(admin.get("/api/v1/jobs"), 500, "internal_error")
    assert "job" not in body["error"]["message"]


def test_people_get_a_page(admin: Any) -> None:
    answer = admin.get("/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "There is nothing at this address." in answer.text
    answer = admin.get("/projects/999", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no such project." in answer.text


def test_405_names_what_is_allowed(admin: Any) -> None:
    assert "GET" in admin.put("/api/v1/me", json={}).headers["Allow"]
