"""What is not saved: bad input by name, other people's objects, requests from elsewhere."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.web import annotations as web
from tests.annotations.conftest import HEIGHT, WIDTH, Place, Saver, error, rectangle


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


def test_an_annotation_cannot_move_to_another_image(saver: Saver, body: dict[str, Any], place: Place) -> None:
    saver.put(body)
    moved = saver.put({**body, "image_id": place.image_ids[1]}, match=1)
    assert error(moved) == (422, "wrong_image", "image_id")


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
