"""Going through images by filter: the list and the neighbours agree, and colleagues stay out of each other's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import now, writing
from annotator.models import Annotation, Image, User
from tests.server.test_projects import add_images, project

pytestmark = pytest.mark.databases

__all__ = ["project"]  # fixture


def annotate(
    app: APIFlask,
    image_id: int,
    *,
    state: str = "accepted",
    by: int | None = None,
    age: timedelta = timedelta(0),
    deleted: bool = False,
) -> None:
    with app.app_context(), writing() as session:
        image = session.get_one(Image, image_id)
        size = {"height": 10, "width": 10, "area": 100, "rle": "PP", "source": "manual"}
        box = {"bbox_x": 0, "bbox_y": 0, "bbox_w": 10, "bbox_h": 10}
        session.add(
            Annotation(
                **size,
                **box,
                project_id=image.project_id,
                image_id=image_id,
                state=state,
                created_by=by,
                updated_by=by,
                updated_at=now() - age,
                deleted_at=now() if deleted else None,
            )
        )


@pytest.fixture
def colleague(app: APIFlask) -> int:
    with app.app_context(), writing() as session:
        person = User(name="Bo")
        session.add(person)
        session.flush()
        return person.id


def shown(admin: Any, project: int, name: str) -> list[int]:
    found = admin.get(f"/api/v1/projects/{project}/images?filter={name}").json
    ids = [image["id"] for image in found["images"]]
    assert found["total"] == len(ids)
    return ids


def test_each_filter_lets_its_images_through(app: APIFlask, admin: Any, project: int, colleague: int) -> None:
    me = admin.get("/api/v1/me").json["user"]["id"]
    ids = add_images(app, project, 7)
    annotate(app, ids[0], by=me)
    annotate(app, ids[1], by=colleague)
    annotate(app, ids[2], state="proposal")
    annotate(app, ids[3], state="rejected", by=colleague, age=timedelta(hours=2))
    annotate(app, ids[4], by=me, deleted=True)
    for image_id, status in ((ids[1], "in_progress"), (ids[5], "done"), (ids[6], "skipped")):
        assert admin.patch(f"/api/v1/images/{image_id}", json={"status": status}).status_code == 200
    assert shown(admin, project, "unlabelled") == ids[2:]
    assert shown(admin, project, "in_progress") == [ids[1]]
    assert shown(admin, project, "proposals") == [ids[2]]
    assert shown(admin, project, "rejected") == [ids[3]]
    assert shown(admin, project, "mine") == [ids[0]]
    # A colleague is at the second one; what is done or skipped needs nobody.
    assert shown(admin, project, "needs_me") == [ids[0], ids[2], ids[3], ids[4]]


def test_neighbours_pass_the_filter(app: APIFlask, admin: Any, project: int) -> None:
    ids = add_images(app, project, 5)
    admin.patch(f"/api/v1/images/{ids[1]}", json={"status": "done"})
    admin.patch(f"/api/v1/images/{ids[3]}", json={"status": "done"})
    middle = admin.get(f"/api/v1/images/{ids[2]}?filter=needs_me").json
    assert (middle["previous_id"], middle["next_id"]) == (ids[0], ids[4])
    done = admin.get(f"/api/v1/images/{ids[1]}?filter=in_progress").json
    assert (done["previous_id"], done["next_id"]) == (None, None)
    assert done["exif"] == {}


def test_an_unknown_filter_is_named(app: APIFlask, admin: Any, project: int) -> None:
    (image,) = add_images(app, project, 1)
    for url in (f"/api/v1/projects/{project}/images", f"/api/v1/images/{image}"):
        answer = admin.get(f"{url}?filter=blue")
        assert answer.status_code == 422
        assert answer.json["error"]["field"] == "filter"
