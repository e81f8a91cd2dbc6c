"""Closer looks: what is encoded, for whom, how much of it is kept, and what a wrong box is answered."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image as Pillow

from annotator import jobs
from annotator.database import db, writing
from annotator.models import Job, Membership, User
from annotator.sam.embedding_file import unpack_embedding
from annotator.services import crops
from annotator.storage import Storage, storage
from annotator.worker import Worker
from tests.server.pictures import encode, pixels

WIDTH, HEIGHT = 200, 120
BOX = [16, 32, 96, 112]


@pytest.fixture
def image(admin: Any, tiny_model: str) -> dict[str, Any]:
    project = admin.post("/api/v1/projects", json={"name": "Far away"}).json["id"]
    parts = {"files": (io.BytesIO(encode(Pillow.fromarray(pixels(WIDTH, HEIGHT)), "PNG")), "a.png")}
    stored: dict[str, Any] = admin.post(f"/api/v1/projects/{project}/images", data=parts).json["images"][0]
    return stored


def ask(client: Any, image: dict[str, Any], box: Any = BOX) -> Any:
    return client.post(f"/api/v1/images/{image['id']}/crops", json={"box": box})


def test_a_crop_is_encoded_from_its_own_pixels(
    app: APIFlask, admin: Any, image: dict[str, Any], tiny_model: str
) -> None:
    first = ask(admin, image)
    assert first.status_code == 202
    assert (first.json["state"], first.json["box"], first.json["url"]) == ("queued", BOX, None)
    job = admin.get(f"/api/v1/jobs/{first.json['job_id']}").json
    assert (job["kind"], job["state"]) == ("crop", "queued")
    Worker(app).run_until_idle()
    ready = ask(admin, image)
    assert (ready.status_code, ready.json["state"], ready.json["job_id"]) == (200, "ready", None)
    answer = admin.get(ready.json["url"])
    assert len(answer.data) == ready.json["bytes"]
    assert "immutable" in answer.headers["Cache-Control"]
    file = unpack_embedding(answer.data)
    assert (file.crop_box, file.original_size) == (tuple(BOX), (80, 80))
    assert (file.image_sha256, file.model_digest) == (image["sha256"], tiny_model)
    assert np.array_equal(
        file.embedding, _embedding_of(app, tiny_model, pixels(WIDTH, HEIGHT)[32:112, 16:96])
    )


def _embedding_of(app: APIFlask, digest: str, part: np.ndarray) -> np.ndarray:
    from annotator.sam.precision import choose
    from annotator.sam.predictor import encode_image
    from annotator.services.models import load_registered

    with app.app_context():
        model = load_registered(digest)
        choose(model, None)
        return unpack_embedding(encode_image(model, part, image_sha256="")).embedding


def test_asking_twice_is_one_job_and_goes_before_everything_else(
    app: APIFlask, admin: Any, image: dict[str, Any]
) -> None:
    assert ask(admin, image).json["job_id"] == ask(admin, image).json["job_id"]
    with app.app_context():
        ticket = jobs.claim("test")
        assert ticket is not None
        assert ticket.kind == "crop"


def test_a_lost_worker_costs_nothing(app: APIFlask, admin: Any, image: dict[str, Any]) -> None:
    job_id = ask(admin, image).json["job_id"]
    with app.app_context():
        assert jobs.claim("a worker that dies") is not None
        job = db.session.get_one(Job, job_id)
        job.lease_until = job.created_at
        db.session.commit()
    Worker(app).run_until_idle()
    assert ask(admin, image).json["state"] == "ready"


def test_the_person_who_asked_may_cancel(app: APIFlask, image: dict[str, Any], make_client: Any) -> None:
    ann, bob = make_client("ann"), make_client("bob")
    with app.app_context(), writing() as session:
        for name in ("ann", "bob"):
            person = db.session.query(User).filter_by(name=name).one()
            session.add(Membership(user_id=person.id, project_id=image["project_id"], role="annotator"))
    job_id = ask(ann, image).json["job_id"]
    assert bob.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 403
    assert ann.post(f"/api/v1/jobs/{job_id}/cancel").json["state"] == "cancelled"
    assert ask(bob, image).json["job_id"] != job_id, "a cancelled look can be asked for again"


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ([16, 32, 16, 112], "[16, 32, 16, 112] is empty"),
        ([96, 32, 16, 112], "x0 < x1"),
        ([-8, 32, 96, 112], "within [0, 0, 200, 120]"),
        ([16, 32, 201, 112], "outside the image of 200 × 120"),
        ([16, 32, 40, 112], "24 × 80 pixels; each side must be at least 32"),
        ([0, 0, 200, 120], "as long as the image"),
        ([16, 32, 96], "at least 4"),
        ([16, 32, 96, 112, 1], "at most 4"),
        ([16.5, 32, 96, 112], "integer"),
        (["16", 32, 96, 112], "integer"),
        ([2**40, 32, 96, 112], "less than or equal"),
        (None, "list"),
    ],
)
def test_wrong_boxes_are_told_why(admin: Any, image: dict[str, Any], box: Any, part: str) -> None:
    answer = ask(admin, image, box)
    assert answer.status_code == 422
    assert str(answer.json["error"]["field"]).startswith("box")
    assert part in answer.json["error"]["message"]


def test_other_members_are_refused(admin: Any, image: dict[str, Any]) -> None:
    path = f"/api/v1/images/{image['id']}/crops"
    assert admin.post(path, json={"box": BOX, "zoom": 2}).status_code == 422
    assert admin.post(path, json={}).json["error"]["field"] == "box"


def test_one_person_waits_for_four_at_most(admin: Any, image: dict[str, Any]) -> None:
    for step in range(crops.MAX_WAITING):
        assert ask(admin, image, [step, 0, step + 64, 64]).status_code == 202
    refused = ask(admin, image, [100, 0, 164, 64])
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "too_many_crops")
    assert ask(admin, image, [0, 0, 64, 64]).status_code == 202, "what is waited for can be asked about"


def test_outsiders_see_nothing(app: APIFlask, admin: Any, make_client: Any, image: dict[str, Any]) -> None:
    ask(admin, image)
    Worker(app).run_until_idle()
    url = ask(admin, image).json["url"]
    outsider = make_client("otto")
    assert ask(outsider, image).status_code == 404
    assert outsider.get(url).status_code == 404
    assert app.test_client().get(url).status_code == 401


@pytest.mark.parametrize("name", ["1-2-3", "a-b-c-d", "..", "1-2-3-4-5", "0-0-64-64", "9999999-0-1-1"])
def test_unknown_crops_are_not_found(admin: Any, image: dict[str, Any], tiny_model: str, name: str) -> None:
    for digest in (tiny_model, "f" * 64, "x"):
        answer = admin.get(f"/api/v1/images/{image['id']}/crops/{name}/embeddings/{digest}")
        assert answer.status_code == 404


def test_the_oldest_go_when_room_is_short(
    app: APIFlask, admin: Any, image: dict[str, Any], tiny_model: str
) -> None:
    ask(admin, image)
    Worker(app).run_until_idle()
    size = ask(admin, image).json["bytes"]
    folder = app.extensions["annotator_storage"]
    with app.app_context():
        first = crops.crop_key(image["sha256"], tiny_model, (16, 32, 96, 112))
        path = folder.local_path(first)
        for age, box in enumerate([(0, 0, 64, 64), (8, 0, 72, 64)], start=1):
            storage().put(crops.crop_key(image["sha256"], tiny_model, box), b"x" * size)
            other = folder.local_path(crops.crop_key(image["sha256"], tiny_model, box))
            _age(other, 100 - age)
        _age(path, 200)
        assert storage().trim(crops.FOLDER, 2 * size) == 1
        assert not storage().exists(first)
        assert storage().trim(crops.FOLDER, 1) == 1, "the newest stays, however little room there is"
        assert len(crops.keys_of(image["sha256"])) == 1


def _age(path: Any, seconds: float) -> None:
    import os
    import time

    os.utime(path, (time.time() - seconds,) * 2)


def test_the_room_is_a_setting(tmp_path: Any) -> None:
    blobs = Storage(str(tmp_path))
    assert blobs.trim("crops", 10) == 0, "nothing is there yet"


def test_deleting_the_image_deletes_its_crops(app: APIFlask, admin: Any, image: dict[str, Any]) -> None:
    ask(admin, image)
    Worker(app).run_until_idle()
    assert admin.delete(f"/api/v1/images/{image['id']}").status_code == 204
    with app.app_context():
        folders = {key.split("/")[0] for key in storage().keys("")}
        assert folders <= {"models", "weights"}


def test_an_image_deleted_meanwhile_is_no_error(app: APIFlask, admin: Any, image: dict[str, Any]) -> None:
    job_id = ask(admin, image).json["job_id"]
    assert admin.delete(f"/api/v1/images/{image['id']}").status_code == 204
    Worker(app).run_until_idle()
    with app.app_context():
        assert db.session.get_one(Job, job_id).state == "done"
