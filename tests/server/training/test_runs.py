"""A training run over the API: data, progress, comparison, decision, the masks to look at again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.database import db, writing
from annotator.handlers import training as handler
from annotator.handlers.training_process import Order
from annotator.models import Embedding, Job, TrainingRun
from annotator.services import embeddings, training_runs
from annotator.services.serving import served
from annotator.worker import Worker
from tests.server.training.conftest import IMAGES


def start(client: Any, project_id: int, **values: Any) -> Any:
    return client.post(f"/api/v1/projects/{project_id}/training-runs", json={"steps": 2, **values})


def latest(client: Any, project_id: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/projects/{project_id}/training-runs").json["runs"][0]
    return found


@pytest.mark.timeout(600)  # three processes load torch
def test_a_real_run_from_start_to_comparison(
    manager: Any, labelled: int, work: Callable[[], int], app: APIFlask
) -> None:
    """Nothing is replaced: the process trains the tiny model for two steps."""
    assert start(manager, labelled).json["state"] == "queued"
    assert work() == 2
    run = latest(manager, labelled)
    assert run["state"] == "done", run["error"]
    assert run["data"]["images"] + run["data"]["held_images"] == IMAGES
    assert run["data"]["categories"] == {"small": IMAGES, "large": IMAGES}
    assert [point["progress"] for point in run["curve"] if "val_iou_point" in point] == [0.0, 0.5, 1.0]
    rows = run["evaluation"]["rows"]
    assert [row["category"] for row in rows] == ["", "large", "small"]
    assert rows[0]["objects"] == run["data"]["held_masks"] == run["evaluation"]["objects"]
    low, high = rows[0]["new"]["1"]["interval"]
    assert 0 <= low <= rows[0]["new"]["1"]["mean"] <= high <= 1
    assert run["model"]["digest"] not in (None, run["base"]["digest"])
    assert not run["in_use"]
    folder = training_folder(app, run["id"])
    assert (folder / "data" / "held").is_dir()
    assert not (folder / "data" / "train").exists()
    assert not (folder / "state" / "checkpoint.pt").exists()


def training_folder(app: APIFlask, run_id: int) -> Any:
    with app.app_context():
        return training_runs.folder(run_id)


def test_held_back_images_are_never_trained_on(
    manager: Any, labelled: int, work: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str]]] = []

    def look(order: Order, watch: Any) -> None:
        both = [
            {
                image["sha256"]
                for image in json.loads((folder / "project" / "instances.json").read_text())["images"]
            }
            for folder in (order.data, order.held)
        ]
        seen.append((both[0], both[1]))
        raise handler.TrainingFailed("enough seen")

    monkeypatch.setattr(handler, "train_aside", look)
    for _ in range(2):
        start(manager, labelled)
        work()
    assert seen[0] == seen[1]
    trained, held = seen[0]
    assert held
    assert not trained & held
    run = latest(manager, labelled)
    assert (run["state"], run["error"]) == ("failed", "enough seen")


@pytest.fixture
def finished(manager: Any, labelled: int, instant: list[Order], work: Callable[[], int]) -> dict[str, Any]:
    """A run that is done."""
    start(manager, labelled)
    work()
    run = latest(manager, labelled)
    assert run["state"] == "done", run["error"]
    return run


def test_people_decide_and_may_go_back(
    manager: Any, labelled: int, finished: dict[str, Any], app: APIFlask
) -> None:
    address = f"/api/v1/training-runs/{finished['id']}/decision"
    activated = manager.put(address, json={"decision": "activated"}).json
    assert activated["in_use"]
    assert activated["decision"] == "activated"
    project = manager.get(f"/api/v1/projects/{labelled}").json
    assert project["model_digest"] == finished["model"]["digest"]
    assert project["embeddings"]["pending"] == IMAGES
    kept = manager.put(address, json={"decision": "kept"}).json
    assert not kept["in_use"]
    assert manager.get(f"/api/v1/projects/{labelled}").json["model_digest"] == finished["base"]["digest"]
    assert manager.put(address, json={"decision": "maybe"}).status_code == 422


def test_the_old_model_serves_until_the_new_embedding_is_there(
    manager: Any, labelled: int, finished: dict[str, Any], app: APIFlask
) -> None:
    old, new = finished["base"]["digest"], finished["model"]["digest"]
    Worker(app).run_until_idle()
    manager.put(f"/api/v1/training-runs/{finished['id']}/decision", json={"decision": "activated"})
    images = manager.get(f"/api/v1/projects/{labelled}/images").json["images"]
    first = images[0]["embedding"]
    assert (first["state"], first["model_digest"], first["coming"]) == ("ready", old, "queued")
    assert old in first["url"]
    Worker(app).run_until_idle()
    first = manager.get(f"/api/v1/images/{images[0]['id']}").json["embedding"]
    assert (first["state"], first["model_digest"], first["coming"]) == ("ready", new, None)


def test_embeddings_of_unknown_models_serve_nothing(app: APIFlask, labelled: int, tiny_model: str) -> None:
    from annotator.models import Image

    with app.app_context():
        image = db.session.query(Image).first()
        assert image is not None
        with writing() as session:
            session.add(
                Embedding(
                    image_sha256=image.sha256, model_digest="f" * 64, blob_key="a/b", bytes=1, seconds=1.0
                )
            )
        assert served([image], tiny_model)[image.id].digest == tiny_model
        assert embeddings.find(image.sha256, tiny_model) is None


def test_masks_that_the_new_model_sees_otherwise_are_listed(
    manager: Any, annotator: Any, labelled: int, finished: dict[str, Any]
) -> None:
    """An untrained model agrees with nobody: every accepted mask is in the queue, the worst first."""
    answer = annotator.get(f"/api/v1/projects/{labelled}/look-again?limit=500").json
    assert answer["total"] == len(answer["items"]) == 2 * IMAGES
    ious = [item["iou"] for item in answer["items"]]
    assert ious == sorted(ious)
    first = answer["items"][0]
    assert first["category"] in ("small", "large")
    address = f"/api/v1/look-again/{first['id']}"
    assert annotator.patch(address, json={"dismissed": True}).status_code == 200
    assert count(annotator, labelled) == 2 * IMAGES - 1
    annotator.patch(address, json={"dismissed": False})
    assert count(annotator, labelled) == 2 * IMAGES
    saved = annotator.get(f"/api/v1/images/{first['image_id']}/annotations").json["annotations"]
    body = next(each for each in saved if each["id"] == first["annotation_id"])
    manager.delete(f"/api/v1/annotations/{body['id']}", headers={"If-Match": f'"{body["revision"]}"'})
    assert count(annotator, labelled) == 2 * IMAGES - 1


def count(client: Any, project_id: int) -> int:
    total: int = client.get(f"/api/v1/projects/{project_id}/look-again").json["total"]
    return total


def test_cancelling_and_going_on(
    manager: Any, labelled: int, instant: list[Order], work: Callable[[], int]
) -> None:
    run = start(manager, labelled).json
    assert start(manager, labelled).status_code == 409
    assert manager.post(f"/api/v1/training-runs/{run['id']}/cancel").json["state"] == "cancelled"
    assert work() == 0
    assert manager.post(f"/api/v1/training-runs/{run['id']}/resume").json["state"] == "queued"
    work()
    assert latest(manager, labelled)["state"] == "done"
    assert manager.post(f"/api/v1/training-runs/{run['id']}/cancel").status_code == 409


@pytest.mark.timeout(600)
def test_a_running_process_is_stopped_and_goes_on(
    manager: Any, labelled: int, app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle of an endless run: the process saves and ends, and the run may go on."""
    run = start(manager, labelled, steps=1_000_000).json
    cancelled: list[bool] = []

    def cancel_when_it_runs(run_id: int, state: Any, report: Any) -> None:
        if not cancelled and (state / "log.jsonl").is_file():
            jobs.cancel(run["job_id"])
            cancelled.append(True)
        report(0.1, "")

    monkeypatch.setattr(handler, "_watch", cancel_when_it_runs)
    app.extensions["annotator_settings"].__dict__["heartbeat_seconds"] = 0.2
    from annotator.handlers import HANDLERS

    Worker(app, {"train": HANDLERS["train"]}).run_once()
    assert latest(manager, labelled)["state"] == "cancelled"
    state = training_folder(app, run["id"]) / "state"
    assert (state / "checkpoint.pt").is_file()
    assert not (state / "finished").exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"minutes": 1, "steps": 1}, 422),
        ({"steps": None}, 422),
        ({"steps": 0}, 422),
        ({"from_digest": "0" * 64}, 422),
        ({"device": "abacus"}, 422),
    ],
)
def test_bad_orders_are_refused(manager: Any, labelled: int, body: dict[str, Any], status: int) -> None:
    answer = start(manager, labelled, **body)
    assert answer.status_code == status
    assert answer.json["error"]["message"]


def test_who_may_do_what(manager: Any, annotator: Any, labelled: int, make_client: Any) -> None:
    stranger = make_client("otto")
    assert start(annotator, labelled).status_code == 403
    assert start(stranger, labelled).status_code == 404
    run = start(manager, labelled).json
    assert annotator.get(f"/api/v1/training-runs/{run['id']}").status_code == 200
    for address in (f"training-runs/{run['id']}", f"projects/{labelled}/look-again", "training-runs/999"):
        assert stranger.get(f"/api/v1/{address}").status_code == 404
    decision = annotator.put(f"/api/v1/training-runs/{run['id']}/decision", json={"decision": "kept"})
    assert decision.status_code == 403
    early = manager.put(f"/api/v1/training-runs/{run['id']}/decision", json={"decision": "activated"})
    assert early.status_code == 409


def test_two_labelled_images_are_needed(admin: Any, tiny_model: str) -> None:
    project = admin.post("/api/v1/projects", json={"name": "Empty"}).json
    answer = start(admin, project["id"])
    assert answer.status_code == 422
    assert "at least two" in answer.json["error"]["message"]


def test_long_curves_are_thinned() -> None:
    points: list[dict[str, float]] = [{"step": n, "loss": 1.0} for n in range(5000)]
    points.insert(100, {"step": 100, "val_iou_point": 0.5})
    kept = training_runs.thinned(points)
    assert len(kept) <= training_runs.CURVE_POINTS + 1
    assert kept[-1]["step"] == 4999
    assert sum("val_iou_point" in point for point in kept) == 1


def test_a_lost_worker_shows(app: APIFlask, manager: Any, labelled: int) -> None:
    run = start(manager, labelled).json
    with app.app_context(), writing() as session:
        job = session.get_one(Job, run["job_id"])
        job.state, job.error = "failed", {"code": "worker_lost", "message": "gone"}
        session.get_one(TrainingRun, run["id"]).state = "running"
    found = latest(manager, labelled)
    assert (found["state"], found["error"]) == ("failed", "gone")
