"""PUT, DELETE, restore: idempotent, revisioned, nothing lost silently."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from pycocotools import mask as coco_mask

from annotator.masks import encode, parse_rle
from annotator.models import AnnotationRevision, Category, Image, db, writing
from annotator.web import annotations as web
from tests.annotations.conftest import HEIGHT, WIDTH, Place, Saver, rectangle


def error(response: Any) -> tuple[int, str, str | None]:
    found = response.json["error"]
    assert set(found) == {"code", "message", "field"}
    assert found["message"]
    return response.status_code, found["code"], found["field"]


def test_create_and_read_back(saver: Saver, body: dict[str, Any], place: Place) -> None:
    created = saver.put(body, absent=True)
    assert created.status_code == 201
    assert created.headers["ETag"] == '"1"'
    stored = created.json
    for name in set(body) - {"prompts"}:
        assert stored[name] == body[name], name
    assert stored["prompts"] == {"points": [[8.5, 9.0]], "labels": [1], "boxes": []}
    assert (stored["id"], stored["project_id"], stored["revision"]) == (saver.id, place.project_id, 1)
    assert (stored["area"], stored["bbox"]) == (80, [5, 6, 10, 8])
    assert stored["created_by"] == stored["updated_by"] is not None
    one = saver.client.get(f"/api/v1/annotations/{saver.id}")
    assert (one.status_code, one.json, one.headers["ETag"]) == (200, stored, '"1"')
    listed = saver.client.get(f"/api/v1/images/{body['image_id']}/annotations")
    assert listed.json == {"annotations": [stored]}


def test_minimal_body(saver: Saver, place: Place) -> None:
    created = saver.put(
        {
            "image_id": place.image_ids[0],
            "category_id": None,
            "segmentation": rectangle(0, 0, 1, 1),
            "source": "manual",
        }
    )
    assert created.status_code == 201
    assert (created.json["state"], created.json["prompts"], created.json["attributes"]) == (
        "accepted",
        None,
        {},
    )


def test_area_and_box_are_the_servers(saver: Saver, body: dict[str, Any]) -> None:
    assert error(saver.put({**body, "area": 1}))[:2] == (422, "invalid_input")
    bitmap = np.zeros((HEIGHT, WIDTH), bool)
    bitmap[3, 4] = bitmap[20, 40] = True
    stored = saver.put({**body, "segmentation": encode(bitmap).to_coco()}).json
    assert (stored["area"], stored["bbox"]) == (2, [4, 3, 37, 18])


def test_other_spellings_are_stored_in_canonical_form(saver: Saver, body: dict[str, Any]) -> None:
    canonical = body["segmentation"]["counts"]
    runs = parse_rle(body["segmentation"]).runs.tolist()
    split = [*runs[:2], 4, 0, runs[2] - 4, *runs[3:]]
    spelled = coco_mask.frPyObjects({"size": [HEIGHT, WIDTH], "counts": split}, HEIGHT, WIDTH)
    spelled["counts"] = spelled["counts"].decode()
    assert spelled["counts"] != canonical
    assert saver.put({**body, "segmentation": spelled}).json["segmentation"]["counts"] == canonical
    again = saver.put(body)
    assert (again.status_code, again.json["revision"]) == (200, 1)


def test_update_with_the_right_revision(saver: Saver, body: dict[str, Any]) -> None:
    saver.put(body)
    updated = saver.put({**body, "segmentation": rectangle(0, 0, 4, 4)}, match=1)
    assert (updated.status_code, updated.json["revision"], updated.headers["ETag"]) == (200, 2, '"2"')
    assert updated.json["area"] == 16


@pytest.mark.parametrize("headers", [{}, {"match": 1}, {"match": 99}, {"absent": True}])
def test_the_same_again_is_safe(saver: Saver, body: dict[str, Any], headers: dict[str, Any]) -> None:
    first = saver.put(body, absent=True)
    again = saver.put(body, **headers)
    assert (again.status_code, again.json) == (200, first.json)
    assert len(saver.client.get(f"/api/v1/annotations/{saver.id}/revisions").json["revisions"]) == 1


@pytest.mark.parametrize("headers", [{}, {"match": 1}, {"match": 3}, {"absent": True}])
def test_a_lost_race_answers_with_the_current_state(
    saver: Saver, body: dict[str, Any], headers: dict[str, Any]
) -> None:
    saver.put(body)
    current = saver.put({**body, "note": "theirs"}, match=1).json
    lost = saver.put({**body, "note": "mine"}, **headers)
    assert error(lost) == (409, "conflict", None)
    assert lost.json["current"] == current
    assert saver.put({**body, "note": "mine"}, match=2).json["note"] == "mine"


def test_members_left_out_keep_their_value(saver: Saver, body: dict[str, Any]) -> None:
    saver.put(body)
    short = {name: value for name, value in body.items() if name not in ("state", "z", "note", "attributes")}
    assert saver.put(short).json["revision"] == 1, "nothing changed"
    changed = saver.put({**short, "active_ms": 9000}, match=1).json
    assert (changed["note"], changed["z"], changed["attributes"]) == ("ears", 1, {"occluded": True})


def test_update_of_what_does_not_exist(saver: Saver, body: dict[str, Any]) -> None:
    assert error(saver.put(body, match=1))[:2] == (404, "annotation_not_found")


def test_ids_must_be_uuids(saver: Saver, body: dict[str, Any]) -> None:
    upper = "ABCDEF00-0000-4000-8000-000000000000"
    for id in ("1", "x" * 36, upper, f"{uuid.uuid4()}0", uuid.uuid4().hex):
        assert error(saver.put(body, id=id)) == (422, "bad_id", "id")


def test_if_match_must_be_a_revision(saver: Saver, body: dict[str, Any]) -> None:
    saver.put(body)
    for match in ("1", "*", 'W/"1"', '"x"', '"-1"', '"99999999999999"', '"1", "2"', ""):
        assert error(saver.put(body, match=match)) == (422, "bad_precondition", "If-Match"), match


def test_preconditions_must_not_contradict(saver: Saver, body: dict[str, Any]) -> None:
    assert error(saver.put(body, match=1, absent=True))[:2] == (422, "bad_precondition")
    response = saver.client.put(
        f"/api/v1/annotations/{saver.id}", json=body, headers={"If-None-Match": '"1"'}
    )
    assert error(response) == (422, "bad_precondition", "If-None-Match")


BAD_BODIES: list[tuple[dict[str, Any], str, str | None]] = [
    ({"segmentation": rectangle(0, 0, 0, 0)}, "empty_mask", "segmentation"),
    ({"segmentation": rectangle(0, 0, 1, 1, (WIDTH, HEIGHT))}, "wrong_size", "segmentation.size"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "0"}}, "invalid_mask", "segmentation.counts"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "\x7f"}}, "invalid_mask", "segmentation.counts"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "\ud800"}}, "invalid_input", "segmentation.counts"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": ""}}, "invalid_mask", "segmentation.counts"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [1500]}}, "invalid_input", "segmentation.counts"),
    ({"segmentation": {"size": [HEIGHT], "counts": "0"}}, "invalid_input", "segmentation.size"),
    ({"segmentation": {"size": "big", "counts": "0"}}, "invalid_input", "segmentation.size"),
    ({"segmentation": {"size": [HEIGHT, WIDTH]}}, "invalid_input", "segmentation.counts"),
    ({"segmentation": None}, "invalid_input", "segmentation"),
    ({"model_segmentation": rectangle(0, 0, 1, 1, (3, 3))}, "wrong_size", "model_segmentation.size"),
    (
        {"model_segmentation": {"size": [HEIGHT, WIDTH], "counts": "1"}},
        "invalid_mask",
        "model_segmentation.counts",
    ),
    ({"category_id": 987}, "category_not_found", "category_id"),
    ({"category_id": "1"}, "invalid_input", "category_id"),
    ({"category_id": 2**70}, "invalid_input", "category_id"),
    ({"image_id": True}, "invalid_input", "image_id"),
    ({"image_id": None}, "invalid_input", "image_id"),
    ({"state": "done"}, "invalid_input", "state"),
    ({"source": "magic"}, "invalid_input", "source"),
    ({"prompts": {"points": [[1, 2]], "labels": []}}, "invalid_input", "prompts"),
    ({"prompts": {"points": [[1]], "labels": [1]}}, "invalid_input", "prompts.points.0"),
    ({"prompts": {"points": [[1, "2"]], "labels": [1]}}, "invalid_input", "prompts.points.0.1"),
    ({"prompts": {"points": [[1, 1e7]], "labels": [1]}}, "invalid_input", "prompts.points.0.1"),
    ({"prompts": {"points": [[1, 2]], "labels": [2]}}, "invalid_input", "prompts.labels.0"),
    ({"prompts": {"boxes": [[1, 2, 3]]}}, "invalid_input", "prompts.boxes.0"),
    ({"prompts": {"text": "a cat"}}, "invalid_input", "prompts.text"),
    ({"prompts": []}, "invalid_input", "prompts"),
    ({"candidate": 4}, "invalid_input", "candidate"),
    ({"predicted_iou": 10**400}, "invalid_input", "predicted_iou"),
    ({"stability_score": "high"}, "invalid_input", "stability_score"),
    ({"model_digest": "../../x"}, "invalid_input", "model_digest"),
    ({"active_ms": -1}, "invalid_input", "active_ms"),
    ({"z": 2**31}, "invalid_input", "z"),
    ({"note": 5}, "invalid_input", "note"),
    ({"note": "x" * 10_001}, "invalid_input", "note"),
    ({"note": "\ud800"}, "invalid_input", "note"),
    ({"note": "a\x00b"}, "invalid_input", "note"),
    ({"attributes": []}, "invalid_input", "attributes"),
    ({"attributes": {"x": "\ud800"}}, "invalid_input", "attributes"),
    ({"attributes": {"x": "\x00"}}, "invalid_input", "attributes"),
    ({"attributes": {"x": "y" * 70_000}}, "invalid_input", "attributes"),
    ({"typo": 1}, "invalid_input", "typo"),
]


def test_bad_input_is_refused_by_name(saver: Saver, body: dict[str, Any]) -> None:
    answers = [(changes, error(saver.put({**body, **changes}))) for changes, _, _ in BAD_BODIES]
    assert answers == [(changes, (422, code, field)) for changes, code, field in BAD_BODIES]
    assert saver.client.get(f"/api/v1/images/{body['image_id']}/annotations").json == {"annotations": []}


def test_required_members(saver: Saver, body: dict[str, Any]) -> None:
    for missing in ("image_id", "category_id", "segmentation", "source"):
        short = {name: value for name, value in body.items() if name != missing}
        assert error(saver.put(short)) == (422, "invalid_input", missing)


BAD_DATA = [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000, b'{"a":' * 5000, b'{"x": NaN}']


def test_bodies_that_are_not_objects(saver: Saver) -> None:
    url, headers = f"/api/v1/annotations/{saver.id}", {"Content-Type": "application/json"}
    for data in BAD_DATA:
        response = saver.client.put(url, data=data, headers=headers)
        assert error(response)[0] in (400, 422), data


def test_a_giant_body_is_refused_before_it_is_read(
    saver: Saver, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MAX_BODY", 100)
    assert error(saver.put(body))[0] == 413
    url, headers = f"/api/v1/annotations/{saver.id}", {"Transfer-Encoding": "chunked"}
    assert error(saver.client.put(url, json=body, headers=headers))[0] == 411


def test_category_of_another_project(saver: Saver, body: dict[str, Any], elsewhere: Place) -> None:
    refused = saver.put({**body, "category_id": elsewhere.category_ids[0]})
    assert error(refused) == (422, "category_not_found", "category_id")


def test_an_archived_category_stays_but_is_not_given_anew(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place
) -> None:
    saver.put(body)
    with app.app_context(), writing() as session:
        from annotator.models import now

        for number in place.category_ids:
            session.get_one(Category, number).archived_at = now()
    assert saver.put({**body, "note": "still a cat"}, match=1).status_code == 200
    refused = saver.put({**body, "category_id": place.category_ids[1]}, match=2)
    assert error(refused)[1] == "category_not_found"


def test_an_annotation_cannot_move_to_another_image(saver: Saver, body: dict[str, Any], place: Place) -> None:
    saver.put(body)
    moved = saver.put({**body, "image_id": place.image_ids[1]}, match=1)
    assert error(moved) == (422, "wrong_image", "image_id")


def test_the_first_annotation_starts_the_image(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place
) -> None:
    saver.put({**body, "segmentation": rectangle(0, 0, 0, 0)})
    with app.app_context():
        assert db.session.get_one(Image, place.image_ids[0]).status == "new"
    saver.put(body)
    with app.app_context():
        assert db.session.get_one(Image, place.image_ids[0]).status == "in_progress"
        assert db.session.get_one(Image, place.image_ids[1]).status == "new"
        with writing() as session:
            session.get_one(Image, place.image_ids[0]).status = "done"
    saver.put(body, id=str(uuid.uuid4()))
    with app.app_context():
        assert db.session.get_one(Image, place.image_ids[0]).status == "done"


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


def test_the_list_is_one_query_and_ordered(
    app: APIFlask, saver: Saver, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    from annotator.services import annotations

    ids = [str(uuid.uuid4()) for _ in range(5)]
    for number, id in enumerate(ids):
        saver.put({**body, "z": -number}, id=id)
    with app.app_context():
        statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        listed = annotations.list_for_image(body["image_id"])
    assert [entry["id"] for entry in listed] == ids[::-1]
    assert len([text for text in statements if text.startswith("SELECT")]) == 1


def test_snapshots_are_valid_json(app: APIFlask, saver: Saver, body: dict[str, Any]) -> None:
    saver.put({**body, "note": "ünï ✓ 🐈", "attributes": {"nested": [{"a": None}]}})
    with app.app_context():
        (row,) = db.session.query(AnnotationRevision).all()
        assert json.loads(json.dumps(row.snapshot))["note"] == "ünï ✓ 🐈"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/images/{image}/annotations"),
        ("GET", "/annotations/{id}"),
        ("DELETE", "/annotations/{id}"),
        ("GET", "/annotations/{id}/revisions"),
        ("POST", "/annotations/{id}/restore"),
        ("PUT", "/annotations/{id}"),
    ],
)
def test_strangers_learn_nothing(
    app: APIFlask, saver: Saver, outsider: Any, body: dict[str, Any], method: str, path: str
) -> None:
    saver.put(body)
    url = "/api/v1" + path.format(image=body["image_id"], id=saver.id)
    missing = "/api/v1" + path.format(image=99999, id=uuid.uuid4())
    payload = {"PUT": body, "POST": {"revision": 1}}.get(method)
    hidden = outsider.open(url, method=method, json=payload)
    absent = outsider.open(missing, method=method, json=payload)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json == absent.json or method == "PUT"
    anonymous = app.test_client().open(url, method=method, json=payload)
    assert error(anonymous)[:2] == (401, "signed_out")
    assert saver.client.get(f"/api/v1/annotations/{saver.id}").json["revision"] == 1


def test_an_id_of_another_project_cannot_be_taken_over(
    app: APIFlask, admin: Any, saver: Saver, body: dict[str, Any], elsewhere: Place
) -> None:
    theirs = {**body, "image_id": elsewhere.image_ids[0], "category_id": None}
    assert Saver(admin).put(theirs, id=saver.id).status_code == 201
    assert error(saver.put(body))[0] == 404
    assert error(saver.put(theirs))[0] == 404


def test_changes_need_the_csrf_token(saver: Saver, body: dict[str, Any]) -> None:
    saver.client.csrf_token = None
    assert error(saver.put(body))[:2] == (400, "csrf")


def test_prompts_keep_the_crop_that_answered(saver: Saver, body: dict[str, Any]) -> None:
    prompts = {**body["prompts"], "crop_box": [2, 3, 40, 28]}
    assert saver.put({**body, "prompts": prompts}, absent=True).json["prompts"] == prompts
    without = saver.put({**body, "prompts": body["prompts"]}, match=1)
    assert without.json["prompts"] == body["prompts"], "no crop is no member"
    empty = saver.put({**body, "prompts": {**prompts, "crop_box": [9, 3, 9, 28]}}, match=2)
    assert empty.status_code == 422
    assert "crop_box [9, 3, 9, 28] is empty" in empty.json["error"]["message"]
