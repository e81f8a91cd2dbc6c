"""DELETE and restore: every revision is kept and comes back."""

from __future__ import annotations

import json
from typing import Any

from apiflask import APIFlask

from annotator.database import db, writing
from annotator.models import AnnotationRevision, Category
from tests.annotations.conftest import Saver, error, rectangle


def test_delete_and_its_repetition(saver: Saver, body: dict[str, Any]) -> None:
    saver.put(body)
    assert error(saver.delete()) == (409, "conflict", None), "needs to know what it deletes"
    lost = saver.delete(match=7)
    assert (error(lost)[0], lost.json["current"]["revision"]) == (409, 1)
    assert [saver.delete(match=1).status_code for _ in range(2)] == [204, 204]
    assert saver.delete().status_code == 204
    assert saver.client.get(f"/api/v1/annotations/{saver.id}").status_code == 404
    assert saver.client.get(f"/api/v1/images/{body['image_id']}/annotations").json == {"annotations": []}


def test_saving_a_deleted_one_is_a_conflict_even_with_the_same_content(
    saver: Saver, body: dict[str, Any]
) -> None:
    saver.put(body)
    saver.delete(match=1)
    for match in (None, 1, 2):
        refused = saver.put(body, match=match)
        assert error(refused) == (409, "deleted", None)
        assert refused.json["current"]["id"] == saver.id


def test_delete_of_what_does_not_exist(saver: Saver) -> None:
    assert error(saver.delete(match=1))[:2] == (404, "annotation_not_found")


def test_every_revision_is_kept_and_can_be_restored(saver: Saver, body: dict[str, Any]) -> None:
    states = [saver.put(body).json]
    states.append(saver.put({**body, "segmentation": rectangle(0, 0, 3, 3), "note": "smaller"}, match=1).json)
    states.append(
        saver.put({**body, "category_id": None, "prompts": None, "model_segmentation": None}, match=2).json
    )
    saver.delete(match=3)
    history = saver.client.get(f"/api/v1/annotations/{saver.id}/revisions").json["revisions"]
    assert [(entry["revision"], entry["deleted"]) for entry in history] == [
        (4, True),
        (3, False),
        (2, False),
        (1, False),
    ]
    assert [entry["annotation"] for entry in history[::-1][:3]] == states
    assert all(entry["author_id"] == states[0]["created_by"] for entry in history)

    url = f"/api/v1/annotations/{saver.id}/restore"
    same = (
        "segmentation",
        "area",
        "bbox",
        "category_id",
        "prompts",
        "model_segmentation",
        "note",
        "created_at",
    )
    for number, old in enumerate(states, start=1):
        restored = saver.client.post(url, json={"revision": number})
        assert (restored.status_code, restored.headers["ETag"]) == (200, f'"{4 + number}"')
        assert {name: restored.json[name] for name in same} == {name: old[name] for name in same}
    assert saver.client.get(f"/api/v1/annotations/{saver.id}").status_code == 200
    missing = saver.client.post(url, json={"revision": 99})
    assert error(missing) == (404, "revision_not_found", "revision")
    stale = saver.client.post(url, json={"revision": 1}, headers={"If-Match": '"2"'})
    assert error(stale)[:2] == (409, "conflict")


def test_restoring_survives_a_category_that_is_gone(
    app: APIFlask, saver: Saver, body: dict[str, Any]
) -> None:
    saver.put(body)
    saver.put({**body, "category_id": None}, match=1)
    with app.app_context(), writing() as session:
        session.delete(session.get_one(Category, body["category_id"]))
    restored = saver.client.post(f"/api/v1/annotations/{saver.id}/restore", json={"revision": 1})
    assert (restored.status_code, restored.json["category_id"]) == (200, None)


def test_snapshots_are_valid_json(app: APIFlask, saver: Saver, body: dict[str, Any]) -> None:
    saver.put({**body, "note": "ünï ✓ 🐈", "attributes": {"nested": [{"a": None}]}})
    with app.app_context():
        (row,) = db.session.query(AnnotationRevision).all()
        assert json.loads(json.dumps(row.snapshot))["note"] == "ünï ✓ 🐈"
