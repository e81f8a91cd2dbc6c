"""Projects, categories, the image list, status and neighbours."""

from __future__ import annotations

import io
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event

from annotator import jobs
from annotator.database import db, writing
from annotator.models import Embedding, Image, Job
from annotator.services import embeddings
from tests.server.pictures import picture


@pytest.fixture
def project(admin: Any) -> int:
    return int(admin.post("/api/v1/projects", json={"name": "Cats", "description": "many"}).json["id"])


def add_images(app: APIFlask, project_id: int, number: int, model: str | None = None) -> list[int]:
    """Rows only: most of the server never opens a file. Every second one has an embedding of `model`."""
    with app.app_context(), writing() as session:
        rows = [
            Image(
                project_id=project_id,
                name=f"{'cat' if i % 2 else 'dog_1%'}-{i}.jpg",
                sha256=f"{project_id:032x}{i:032x}",
                source_sha256=f"{project_id:032x}{i:032x}",
                width=10,
                height=10,
                mime="image/jpeg",
                bytes=1,
                position=i,
            )
            for i in range(number)
        ]
        session.add_all(rows)
        session.flush()
        for row in rows[::2] if model else []:
            session.add(
                Embedding(
                    image_sha256=row.sha256, model_digest=model, blob_key="embeddings/x", bytes=9, seconds=2.0
                )
            )
        return [row.id for row in rows]


def test_a_project_tells_its_progress(app: APIFlask, admin: Any, project: int) -> None:
    ids = add_images(app, project, 5)
    for image_id, status in zip(ids, ("done", "done", "in_progress", "skipped"), strict=False):
        assert admin.patch(f"/api/v1/images/{image_id}", json={"status": status}).status_code == 200
    found = admin.get(f"/api/v1/projects/{project}").json
    assert found["counts"] == {
        "images": 5,
        "new": 1,
        "in_progress": 1,
        "done": 2,
        "skipped": 1,
        "annotations": 0,
        "proposals": 0,
    }
    assert found["embeddings"] == {"ready": 0, "pending": 0, "failed": 0, "eta_seconds": None}
    assert (found["role"], found["stage"], found["description"]) == ("manager", "assisted_manual", "many")
    assert admin.get("/api/v1/projects").json["projects"] == [found]


def test_embedding_progress(app: APIFlask, admin: Any, project: int, register_model: Any) -> None:
    model = register_model()
    ids = add_images(app, project, 6, model)
    with app.app_context():
        rows = [db.session.get_one(Image, image_id) for image_id in ids]
        for row in rows:
            embeddings.request(row, model)
        assert db.session.query(Job).count() == 3  # the others are there already
        ticket = jobs.claim("w")
        assert ticket is not None
        jobs.fail(ticket, embeddings.jobs.AnnotatorError("It is too dark.", code="dark"))
        assert jobs.claim("w") is not None
    assert admin.get(f"/api/v1/projects/{project}").json["embeddings"] == {
        "ready": 3,
        "pending": 2,
        "failed": 1,
        "eta_seconds": 4.0,
    }
    listed = admin.get(f"/api/v1/projects/{project}/images").json["images"]
    assert [image["embedding"]["state"] for image in listed] == [
        *("ready", "failed", "ready", "running", "ready", "queued")
    ]
    assert listed[0]["embedding"]["url"] == f"/api/v1/images/{ids[0]}/embeddings/{model}"
    assert listed[1]["embedding"]["message"] == "It is too dark."
    assert listed[5]["embedding"]["message"] == "Number 2 in the queue, about 4 s"
    assert listed[5]["embedding"]["queue_position"] == 2


def test_opening_an_image_moves_it_to_the_front(
    app: APIFlask, admin: Any, project: int, register_model: Any
) -> None:
    model = register_model()
    ids = add_images(app, project, 4)
    with app.app_context():
        for image_id in ids:
            embeddings.request(db.session.get_one(Image, image_id), model)
    assert admin.get(f"/api/v1/images/{ids[3]}").json["embedding"]["queue_position"] == 1
    with app.app_context():
        ticket = jobs.claim("w")
        assert ticket is not None
        assert ticket.payload["image_sha256"].endswith(f"{3:032x}")


def test_opening_an_image_that_was_never_queued_queues_it(
    app: APIFlask, admin: Any, project: int, register_model: Any
) -> None:
    [image_id] = add_images(app, project, 1)
    assert admin.get(f"/api/v1/images/{image_id}").json["embedding"]["message"] == "No model is installed yet"
    assert admin.post(f"/api/v1/images/{image_id}/embed").json["error"]["code"] == "no_model"
    register_model()
    assert admin.get(f"/api/v1/images/{image_id}").json["embedding"]["state"] == "queued"


def test_another_model_needs_other_embeddings(
    app: APIFlask, admin: Any, project: int, register_model: Any
) -> None:
    first, second = register_model("a" * 64), register_model("b" * 64, active=False)
    add_images(app, project, 3, first)
    answer = admin.patch(f"/api/v1/projects/{project}", json={"model_digest": second})
    assert answer.json["model_digest"] == second
    assert answer.json["embeddings"]["pending"] == 3
    assert admin.patch(f"/api/v1/projects/{project}", json={"model_digest": "c" * 64}).status_code == 422
    assert (
        admin.patch(f"/api/v1/projects/{project}", json={"model_digest": None}).json["embeddings"]["ready"]
        == 2
    )


def test_activating_a_model_queues_what_it_lacks(
    app: APIFlask, admin: Any, project: int, register_model: Any
) -> None:
    register_model("a" * 64)
    second = register_model("b" * 64, active=False)
    add_images(app, project, 2)
    assert admin.post(f"/api/v1/models/{second}/activate").json["active"] is True
    assert [model["active"] for model in admin.get("/api/v1/models").json["models"]] == [True, False]
    assert admin.get(f"/api/v1/projects/{project}").json["embeddings"]["pending"] == 2


def test_pages_of_images(app: APIFlask, admin: Any, project: int) -> None:
    ids = add_images(app, project, 25)
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = admin.get(f"/api/v1/projects/{project}/images?limit=10{cursor}").json
        assert page["total"] == 25
        seen += [image["id"] for image in page["images"]]
        cursor = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    assert seen == ids


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("q=cat", 2),
        ("q=CAT", 2),
        ("q=dog_1%25", 3),
        ("q=_", 3),
        ("q=%25", 3),
        ("status=done", 1),
        ("q=zebra", 0),
    ],
)
def test_searching(app: APIFlask, admin: Any, project: int, query: str, number: int) -> None:
    ids = add_images(app, project, 5)
    admin.patch(f"/api/v1/images/{ids[0]}", json={"status": "done"})
    page = admin.get(f"/api/v1/projects/{project}/images?{query}").json
    assert (page["total"], len(page["images"])) == (number, number)


def test_neighbours_and_status(app: APIFlask, admin: Any, project: int) -> None:
    ids = add_images(app, project, 3)
    found = [admin.get(f"/api/v1/images/{image_id}").json for image_id in ids]
    assert [(image["previous_id"], image["next_id"]) for image in found] == [
        (None, ids[1]),
        (ids[0], ids[2]),
        (ids[1], None),
    ]
    skipped = admin.patch(
        f"/api/v1/images/{ids[0]}", json={"status": "skipped", "skip_reason": "blurred"}
    ).json
    assert (skipped["status"], skipped["skip_reason"]) == ("skipped", "blurred")
    again = admin.patch(f"/api/v1/images/{ids[0]}", json={"status": "new"}).json
    assert (again["status"], again["skip_reason"]) == ("new", None)


def test_lists_need_the_same_number_of_queries_for_any_number_of_images(
    app: APIFlask, admin: Any, project: int, register_model: Any
) -> None:
    model = register_model()
    add_images(app, project, 60, model)
    with app.app_context():
        for row in db.session.query(Image).all():
            embeddings.request(row, model)
        engine = db.engine
    numbers = []
    for limit in (2, 59):
        statements: list[str] = []

        def note(conn: Any, cursor: Any, statement: str, *rest: Any, into: list[str] = statements) -> None:
            into.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        assert len(admin.get(f"/api/v1/projects/{project}/images?limit={limit}").json["images"]) == limit
        event.remove(engine, "before_cursor_execute", note)
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] < 16


def test_categories(admin: Any, project: int) -> None:
    def add(name: str, **more: str) -> Any:
        return admin.post(f"/api/v1/projects/{project}/categories", json={"name": name, **more})

    cat, dog, fox = (add(name).json for name in ("cat", "dog", "fox"))
    assert len({cat["color"], dog["color"], fox["color"]}) == 3
    assert [cat["position"], dog["position"], fox["position"]] == [0, 1, 2]
    assert add("cat").status_code == 409
    assert add("x", color="red").status_code == 422
    assert add("red", color="#FF0000").json["color"] == "#ff0000"
    moved = admin.patch(f"/api/v1/categories/{fox['id']}", json={"position": 0, "name": "vixen"})
    assert (moved.json["position"], moved.json["name"]) == (0, "vixen")
    names = [c["name"] for c in admin.get(f"/api/v1/projects/{project}").json["categories"]]
    assert names == ["vixen", "cat", "dog", "red"]
    assert admin.patch(f"/api/v1/categories/{dog['id']}", json={"name": "cat"}).status_code == 409
    assert admin.delete(f"/api/v1/categories/{cat['id']}").status_code == 204
    assert admin.delete(f"/api/v1/categories/{cat['id']}").status_code == 404
    assert admin.patch(f"/api/v1/categories/{dog['id']}", json={"name": "cat"}).json["name"] == "cat"
    back = add("dog")
    assert (back.status_code, back.json["id"] not in (dog["id"], cat["id"])) == (201, True)


def test_a_retired_category_comes_back_with_its_annotations(admin: Any, project: int) -> None:
    made = admin.post(f"/api/v1/projects/{project}/categories", json={"name": "cat"}).json
    admin.delete(f"/api/v1/categories/{made['id']}")
    again = admin.post(f"/api/v1/projects/{project}/categories", json={"name": "cat"}).json
    assert again["id"] == made["id"]


def test_names_of_projects(admin: Any, project: int) -> None:
    assert admin.post("/api/v1/projects", json={"name": "Cats"}).status_code == 409
    other = admin.post("/api/v1/projects", json={"name": " Dogs "}).json
    assert other["name"] == "Dogs"
    assert admin.patch(f"/api/v1/projects/{other['id']}", json={"name": "Cats"}).status_code == 409
    assert admin.patch(f"/api/v1/projects/{other['id']}", json={"name": "Dogs"}).status_code == 200
    assert admin.delete(f"/api/v1/projects/{project}").status_code == 204
    assert admin.post("/api/v1/projects", json={"name": "Cats"}).status_code == 201


def test_members(admin: Any, project: int, make_client: Any) -> None:
    ann = make_client("ann")
    user_id = ann.get("/api/v1/me").json["user"]["id"]
    path = f"/api/v1/projects/{project}/members"
    assert admin.put(f"{path}/{user_id}", json={"role": "annotator"}).status_code == 200
    changed = admin.put(f"{path}/{user_id}", json={"role": "manager"}).json["members"]
    assert {member["name"]: member["role"] for member in changed} == {"ann": "manager", "root": "manager"}
    assert ann.get(f"/api/v1/projects/{project}").json["role"] == "manager"
    assert admin.put(f"{path}/999", json={"role": "annotator"}).status_code == 404
    assert admin.put(f"{path}/{user_id}", json={"role": "owner"}).status_code == 422
    assert admin.delete(f"{path}/{user_id}").status_code == 204
    assert ann.get(f"/api/v1/projects/{project}").status_code == 404


def test_installing_a_model_is_a_job(admin: Any) -> None:
    first = admin.post("/api/v1/models/install", json={"name": "vit_b"})
    assert (first.status_code, first.json["kind"], first.json["state"]) == (202, "install_model", "queued")
    assert admin.post("/api/v1/models/install", json={"name": "vit_b"}).json["id"] == first.json["id"]


def test_the_decoder_is_served(app: APIFlask, admin: Any, register_model: Any) -> None:
    digest = register_model()
    model = admin.get("/api/v1/models").json["models"][0]
    assert model["decoder"] == {
        "url": f"/api/v1/models/{digest}/decoder.onnx",
        "bytes": 4,
        "sha256": digest,
        "graphs": {},
    }
    lost = admin.get(model["decoder"]["url"])
    assert (lost.status_code, lost.json["error"]["code"]) == (404, "blob_missing")
    with app.app_context():
        from annotator.storage import storage

        storage().put(f"models/{digest}/decoder.onnx", b"onnx")
    answer = admin.get(model["decoder"]["url"])
    assert (answer.data, answer.headers["ETag"]) == (b"onnx", f'"{digest}"')


def test_the_decoders_graphs_are_served_for_good(app: APIFlask, admin: Any, register_model: Any) -> None:
    digest = register_model()
    file = {"bytes": 5, "sha256": "c" * 64}
    with app.app_context():
        from annotator.database import db
        from annotator.models import Model
        from annotator.services.models import GRAPHS_VERSION, graph_key
        from annotator.storage import storage

        row = db.session.get(Model, digest)
        assert row is not None
        row.config = {**row.config, "graphs": {"click": file}, "graphs_version": GRAPHS_VERSION}
        db.session.commit()
        storage().put(graph_key(digest, "click"), b"graph")
    (graph,) = admin.get("/api/v1/models").json["models"][0]["decoder"]["graphs"].values()
    assert graph == {"url": f"/api/v1/models/{digest}/graphs/click.onnx?v={'c' * 12}", **file}
    answer = admin.get(graph["url"])
    assert (answer.data, answer.headers["ETag"]) == (b"graph", f'"{"c" * 64}"')
    assert "immutable" in answer.headers["Cache-Control"]
    assert admin.get(graph["url"], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    for other in (
        f"/api/v1/models/{digest}/graphs/prelude.onnx",
        f"/api/v1/models/{'f' * 64}/graphs/click.onnx",
    ):
        assert admin.get(other).status_code == 404


def test_metrics_count(app: APIFlask, admin: Any, project: int) -> None:
    add_images(app, project, 3)
    text = admin.get("/metrics").text
    assert "annotator_images 3.0" in text


def test_thumbnails_are_small(admin: Any, project: int) -> None:
    from PIL import Image as Pillow

    upload = {"files": (io.BytesIO(picture(width=900, height=300)), "wide.png")}
    image = admin.post(f"/api/v1/projects/{project}/images", data=upload).json["images"][0]
    answer = admin.get(image["urls"]["thumbnail"])
    assert answer.mimetype == "image/webp"
    assert Pillow.open(io.BytesIO(answer.data)).size == (320, 107)
