"""PUT: idempotent, revisioned, nothing lost silently."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from pycocotools import mask as coco_mask

from annotator.database import db, writing
from annotator.masks import encode, parse_rle
from annotator.models import Category, Image
from tests.annotations.conftest import HEIGHT, WIDTH, Place, Saver, error, rectangle


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


def test_an_archived_category_stays_but_is_not_given_anew(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place
) -> None:
    saver.put(body)
    with app.app_context(), writing() as session:
        from annotator.database import now

        for number in place.category_ids:
            session.get_one(Category, number).archived_at = now()
    assert saver.put({**body, "note": "still a cat"}, match=1).status_code == 200
    refused = saver.put({**body, "category_id": place.category_ids[1]}, match=2)
    assert error(refused)[1] == "category_not_found"


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


def test_prompts_keep_the_crop_that_answered(saver: Saver, body: dict[str, Any]) -> None:
    prompts = {**body["prompts"], "crop_box": [2, 3, 40, 28]}
    assert saver.put({**body, "prompts": prompts}, absent=True).json["prompts"] == prompts
    without = saver.put({**body, "prompts": body["prompts"]}, match=1)
    assert without.json["prompts"] == body["prompts"], "no crop is no member"
    empty = saver.put({**body, "prompts": {**prompts, "crop_box": [9, 3, 9, 28]}}, match=2)
    assert empty.status_code == 422
    assert "crop_box [9, 3, 9, 28] is empty" in empty.json["error"]["message"]
