"""Who may do what: every endpoint against every kind of person."""

from __future__ import annotations

import io
from typing import Any

import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.database import writing
from annotator.models import Annotation, LookAgain, TrainingRun
from annotator.storage import storage
from tests.server.pictures import picture

HIDDEN, FORBIDDEN, CONFLICT, INVALID, FINE = 404, 403, 409, 422, 200

# (method, path, body, outsider, annotator, manager); 2xx counts as FINE.
MATRIX: list[tuple[str, str, Any, int, int, int]] = [
    ("GET", "/api/v1/projects/{project}", None, HIDDEN, FINE, FINE),
    ("PATCH", "/api/v1/projects/{project}", {"description": "x"}, HIDDEN, FORBIDDEN, FINE),
    ("GET", "/api/v1/projects/{project}/members", None, HIDDEN, FINE, FINE),
    ("PUT", "/api/v1/projects/{project}/members/{outsider}", {"role": "annotator"}, HIDDEN, FORBIDDEN, FINE),
    ("DELETE", "/api/v1/projects/{project}/members/{outsider}", None, HIDDEN, FORBIDDEN, FINE),
    ("POST", "/api/v1/projects/{project}/categories", {"name": "new"}, HIDDEN, FORBIDDEN, FINE),
    ("PATCH", "/api/v1/categories/{category}", {"name": "renamed"}, HIDDEN, FORBIDDEN, FINE),
    ("DELETE", "/api/v1/categories/{category}", None, HIDDEN, FORBIDDEN, FINE),
    ("GET", "/api/v1/projects/{project}/images", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/projects/{project}/images", "upload", HIDDEN, FINE, FINE),
    ("GET", "/api/v1/images/{image}", None, HIDDEN, FINE, FINE),
    ("PATCH", "/api/v1/images/{image}", {"status": "done"}, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/images/{image}/file", None, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/images/{image}/thumbnail", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/images/{image}/embed", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/images/{image}/crops", {"box": [0, 0, 32, 24]}, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/images/{image}/annotations", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/images/{image}/automask-preview", {}, HIDDEN, FORBIDDEN, FINE),
    ("GET", "/api/v1/images/{image}/missed", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/images/{image}/missed", {}, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/projects/{project}/automask", {}, HIDDEN, FORBIDDEN, FINE),
    ("POST", "/api/v1/projects/{project}/detect", {}, HIDDEN, FORBIDDEN, CONFLICT),
    ("GET", "/api/v1/projects/{project}/statistics", None, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/projects/{project}/dataset-report", None, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/projects/{project}/training-runs", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/projects/{project}/training-runs", {"steps": 1}, HIDDEN, FORBIDDEN, INVALID),
    ("GET", "/api/v1/training-runs/{run}", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/training-runs/{run}/cancel", None, HIDDEN, FORBIDDEN, INVALID),
    ("POST", "/api/v1/training-runs/{run}/resume", None, HIDDEN, FORBIDDEN, INVALID),
    ("PUT", "/api/v1/training-runs/{run}/decision", {"decision": "kept"}, HIDDEN, FORBIDDEN, CONFLICT),
    ("GET", "/api/v1/projects/{project}/look-again", None, HIDDEN, FINE, FINE),
    ("PATCH", "/api/v1/look-again/{item}", {"dismissed": True}, HIDDEN, FINE, FINE),
    ("GET", "/projects/{project}/training", None, HIDDEN, FINE, FINE),
    ("GET", "/api/v1/jobs/{job}", None, HIDDEN, FINE, FINE),
    ("POST", "/api/v1/jobs/{job}/cancel", None, HIDDEN, FORBIDDEN, FINE),
    ("POST", "/api/v1/jobs/{job}/retry", None, HIDDEN, FORBIDDEN, FINE),
    ("GET", "/projects/{project}", None, HIDDEN, FINE, FINE),
    ("GET", "/projects/{project}/images/{image}", None, HIDDEN, FINE, FINE),
    ("DELETE", "/api/v1/images/{image}", None, HIDDEN, FORBIDDEN, FINE),
    ("DELETE", "/api/v1/projects/{project}", None, HIDDEN, FORBIDDEN, FINE),
    ("GET", "/api/v1/users", None, FORBIDDEN, FORBIDDEN, FINE),
    ("POST", "/api/v1/users", {"name": "x"}, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("PATCH", "/api/v1/users/{outsider}", {"is_admin": True}, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("POST", "/api/v1/users/{outsider}/link", None, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("GET", "/metrics", None, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("POST", "/api/v1/models/install", {"name": "vit_b"}, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("POST", "/api/v1/models/{model}/activate", None, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("GET", "/api/v1/models", None, FINE, FINE, FINE),
]


@pytest.fixture
def people(app: APIFlask, admin: Any, make_client: Any, register_model: Any) -> dict[str, Any]:
    """Clients of an outsider, an annotator and a manager, and the ids of one project's things."""
    model = register_model()
    manager, annotator, outsider = (make_client(name) for name in ("manager", "annotator", "outsider"))
    ids = {client: client.get("/api/v1/me").json["user"]["id"] for client in (manager, annotator, outsider)}
    project = manager.post("/api/v1/projects", json={"name": "Secret"}).json["id"]
    member = f"/api/v1/projects/{project}/members/{ids[annotator]}"
    assert manager.put(member, json={"role": "annotator"}).status_code == 200
    category = manager.post(f"/api/v1/projects/{project}/categories", json={"name": "cat"}).json["id"]
    upload = {"files": (io.BytesIO(picture()), "a.png")}
    image = manager.post(f"/api/v1/projects/{project}/images", data=upload).json["images"][0]["id"]
    with app.app_context():
        job = jobs.enqueue("train", {}, project_id=project).id
        run, item = _finished_training(project, image, model)
    names = {"project": project, "category": category, "image": image, "job": job, "model": model}
    names |= {"run": run, "item": item}
    return {
        "names": names | {"outsider": ids[outsider]},
        "outsider": outsider,
        "annotator": annotator,
        "manager": manager,
    }


def _finished_training(project: int, image: int, model: str) -> tuple[int, int]:
    """The ids of a run and of a mask to look at again."""
    with writing() as session:
        run = TrainingRun(project_id=project, target="model", state="done", base_digest=model)
        mask = Annotation(
            project_id=project, image_id=image, source="manual", rle="1", height=1, width=1, area=0
        )
        mask.bbox_x = mask.bbox_y = mask.bbox_w = mask.bbox_h = 0
        session.add_all([run, mask])
        session.flush()
        item = LookAgain(
            run_id=run.id, project_id=project, image_id=image, annotation_id=mask.id, revision=1, iou=0.5
        )
        session.add(item)
        session.flush()
        return run.id, item.id


def ask(client: Any, method: str, path: str, body: Any) -> int:
    if body == "upload":
        return int(client.post(path, data={"files": (io.BytesIO(picture(width=77)), "b.png")}).status_code)
    return int(client.open(path, method=method, json=body).status_code)


@pytest.mark.parametrize("role", ["outsider", "annotator", "manager"])
def test_matrix(people: dict[str, Any], role: str) -> None:
    column = {"outsider": 3, "annotator": 4, "manager": 5}[role]
    wrong = {}
    for row in MATRIX:
        status = ask(people[role], row[0], row[1].format(**people["names"]), row[2])
        expected = row[column]
        if expected != (FINE if 200 <= status < 300 else status):
            wrong[f"{row[0]} {row[1]}"] = (status, expected)
    assert wrong == {}


def test_every_endpoint_with_an_id_is_in_the_matrix(app: APIFlask) -> None:
    """A new endpoint of projects, images or jobs cannot be forgotten here."""
    listed = {(method, path.split("?")[0]) for method, path, *_ in MATRIX}
    shapes = {(method, shape(path)) for method, path in listed}
    elsewhere = (
        "/annotations",
        "/exports",
        "/embeddings/",
        "/tiles/",
        "/api/v1/models/",
        "/signin/",
        "/me/",
        "/vendor",
        "/static",
        "/assets/",
    )
    missing = []
    for rule in app.url_map.iter_rules():
        if not rule.arguments or any(part in rule.rule for part in elsewhere):
            continue
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        missing += [f"{method} {rule.rule}" for method in methods if (method, shape(rule.rule)) not in shapes]
    assert missing == []


def shape(path: str) -> str:
    """The path with every variable part replaced."""
    parts = ["*" if part[:1] in "<{" else part for part in path.split("/")]
    return "/".join(parts)


def test_an_image_is_only_found_below_its_own_project(people: dict[str, Any]) -> None:
    manager, names = people["manager"], people["names"]
    other = manager.post("/api/v1/projects", json={"name": "Other"}).json["id"]
    assert manager.get(f"/projects/{other}/images/{names['image']}").status_code == 404


def test_administrators_see_everything(people: dict[str, Any], admin: Any) -> None:
    names = people["names"]
    assert admin.get(f"/api/v1/projects/{names['project']}").json["role"] == "manager"
    assert admin.get(f"/api/v1/images/{names['image']}").status_code == 200


def test_lists_hold_only_ones_own(people: dict[str, Any]) -> None:
    assert [p["name"] for p in people["annotator"].get("/api/v1/projects").json["projects"]] == ["Secret"]
    assert people["annotator"].get("/api/v1/projects").json["projects"][0]["role"] == "annotator"
    assert people["outsider"].get("/api/v1/projects").json["projects"] == []


def test_a_deleted_project_is_gone_with_everything_in_it(
    app: APIFlask, people: dict[str, Any], admin: Any
) -> None:
    names = people["names"]
    assert people["manager"].delete(f"/api/v1/projects/{names['project']}").status_code == 204
    for client in (people["manager"], people["annotator"], admin):
        assert client.get(f"/api/v1/projects/{names['project']}").status_code == 404
        assert client.get(f"/api/v1/images/{names['image']}").status_code == 404
        assert client.get(f"/api/v1/images/{names['image']}/annotations").status_code == 404
        assert client.get(f"/api/v1/jobs/{names['job']}").status_code == 404
        assert client.patch(f"/api/v1/categories/{names['category']}", json={}).status_code == 404
    with app.app_context():
        assert storage().keys("images") != []  # kept until somebody cleans up on purpose


def test_nobody_locks_themselves_out(admin: Any) -> None:
    own = admin.get("/api/v1/me").json["user"]["id"]
    for body in ({"is_admin": False}, {"active": False}):
        answer = admin.patch(f"/api/v1/users/{own}", json=body)
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "own_account")


def test_administrators_make_people(app: APIFlask, admin: Any) -> None:
    made = admin.post("/api/v1/users", json={"name": " Zoe "})
    assert (made.status_code, made.json["name"], made.json["has_password"]) == (201, "Zoe", False)
    again = admin.post("/api/v1/users", json={"name": "Zoe"})
    assert (again.status_code, again.json["error"]["field"]) == (409, "name")
    url = admin.post(f"/api/v1/users/{made.json['id']}/link").json["url"]
    assert url.startswith("http://localhost/signin/")
    client = app.test_client()
    assert client.get(url).headers["Location"] == "/"
    assert client.get("/api/v1/me").json["user"]["name"] == "Zoe"
    assert admin.patch(f"/api/v1/users/{made.json['id']}", json={"name": "root"}).status_code == 409
    assert admin.patch(f"/api/v1/users/{made.json['id']}", json={"name": "Zoé"}).json["name"] == "Zoé"
    promoted = admin.patch(
        f"/api/v1/users/{made.json['id']}", json={"is_admin": True, "password": "long enough"}
    )
    assert (promoted.json["is_admin"], promoted.json["has_password"]) == (True, True)
    assert {person["name"] for person in admin.get("/api/v1/users").json["users"]} == {"root", "Zoé"}
