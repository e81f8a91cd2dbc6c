"""Automatic masks: presets, runs over images, previews."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask

from annotator import jobs
from annotator.database import db
from annotator.models import Annotation, AnnotationRevision, Job, JobItem
from annotator.worker import Worker
from tests.server.data_engine.conftest import HEIGHT, WIDTH, Generator, record


def proposals(client: Any, image_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/images/{image_id}/annotations").json["annotations"]
    return found


def start(client: Any, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/projects/1/automask", json=body)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json
    return job


def test_presets_are_complete_parameters_of_the_generator(annotator: Any) -> None:
    import inspect

    from annotator.sam import SamAutomaticMaskGenerator

    presets = annotator.get("/api/v1/automask/presets").json["presets"]
    assert [preset["title"] for preset in presets] == ["People and things", "Cells", "Everything"]
    known = set(inspect.signature(SamAutomaticMaskGenerator).parameters) - {
        "model",
        "point_grids",
        "output_mode",
    }
    for preset in presets:
        assert set(preset["parameters"]) == known


def test_a_run_proposes_masks_on_every_open_image(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    admin.patch(f"/api/v1/images/{images[1]}", json={"status": "done"})
    job = start(admin)
    assert (job["kind"], job["state"], job["payload"]["images"]) == ("automask", "queued", 2)
    worker.run_until_idle()
    assert generator.calls == ["0.png", "2.png"]
    done = admin.get(f"/api/v1/jobs/{job['id']}").json
    assert done["state"] == "done"
    assert (
        done["result"].items() >= {"images": 2, "done": 2, "failed": 0, "created": 4, "problems": []}.items()
    )
    assert proposals(admin, images[1]) == []
    large, small = proposals(admin, images[0])
    assert (large["area"], small["area"]) == (120, 48)
    assert (
        small.items()
        >= {
            "state": "proposal",
            "source": "proposal",
            "proposed_by": "automask",
            "revision": 1,
            "predicted_iou": 0.9,
            "stability_score": 0.9,
            "crop_box": [0, 0, WIDTH, HEIGHT],
            "prompts": {"points": [[6.0, 5.0]], "labels": [1], "boxes": []},
            "model_digest": "a" * 64,
            "model_segmentation": None,
            "proposal_iou": None,
            "bbox": [2, 2, 8, 6],
            "created_by": None,
        }.items()
    )
    image = admin.get(f"/api/v1/images/{images[0]}").json
    assert (image["status"], image["proposal_count"], image["annotation_count"]) == ("new", 2, 0)


def test_repeating_a_run_changes_nothing(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    before = proposals(admin, images[0])
    job = start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    assert proposals(admin, images[0]) == before
    result = admin.get(f"/api/v1/jobs/{job['id']}").json["result"]
    assert (result["created"], result["unchanged"], result["removed"], result["known"]) == (0, 2, 0, 0)
    with app.app_context():
        assert db.session.query(AnnotationRevision).count() == 2


def save(client: Any, row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """PUT the annotation as the workbench does."""
    decided = ("id", "project_id", "revision", "area", "bbox", "created_by", "updated_by", "created_at")
    decided += ("updated_at", "proposed_by", "proposal_iou")
    body = {name: value for name, value in row.items() if name not in decided} | changes
    answer = client.put(
        f"/api/v1/annotations/{row['id']}", json=body, headers={"If-Match": f'"{row["revision"]}"'}
    )
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json
    return saved


def test_a_later_run_replaces_only_untouched_proposals(
    admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    """Accepted, rejected, edited and deleted ones stay as people left them, and are not proposed again."""
    image = images[0]
    places = [(1, 1), (11, 1), (21, 1), (31, 1), (1, 12), (11, 12)]
    generator.records = [record(x, y, 6, 6) for x, y in places]
    start(admin, image_ids=[image])
    worker.run_until_idle()
    rows = {tuple(row["bbox"][:2]): row for row in proposals(admin, image)}
    save(admin, rows[1, 1], state="accepted")
    save(admin, rows[11, 1], state="rejected")
    save(admin, rows[21, 1], note="what is this?")
    gone = rows[31, 1]
    admin.delete(f"/api/v1/annotations/{gone['id']}", headers={"If-Match": '"1"'})
    # Nearly the same objects again; one of those that nobody touched is found elsewhere now.
    generator.records = [record(x, y, 6, 7) for x, y in places[:5]] + [record(25, 14, 9, 8)]
    job = start(admin, image_ids=[image])
    worker.run_until_idle()
    now = {tuple(row["bbox"]): (row["state"], row["revision"]) for row in proposals(admin, image)}
    assert now == {
        (1, 1, 6, 6): ("accepted", 2),
        (11, 1, 6, 6): ("rejected", 2),
        (21, 1, 6, 6): ("proposal", 2),
        (1, 12, 6, 7): ("proposal", 1),
        (25, 14, 9, 8): ("proposal", 1),
    }
    result = admin.get(f"/api/v1/jobs/{job['id']}").json["result"]
    counts = {name: result[name] for name in ("created", "unchanged", "removed", "known", "kept")}
    assert counts == {"created": 2, "unchanged": 0, "removed": 2, "known": 4, "kept": 4}


def test_objects_that_people_drew_are_not_proposed(
    admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    drawn = record(20, 4, 10, 11)["segmentation"]
    body = {"image_id": images[0], "category_id": None, "segmentation": drawn, "source": "manual"}
    admin.put("/api/v1/annotations/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12, json=body)
    start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    assert [row["source"] for row in proposals(admin, images[0])] == ["proposal", "manual"]


def test_accepting_keeps_the_agreement_with_the_proposal(
    admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    generator.records = [record(2, 2, 10, 10)]
    start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    [row] = proposals(admin, images[0])
    accepted = save(admin, row, state="accepted")
    assert accepted["proposal_iou"] == 1.0
    corrected = save(
        admin,
        accepted,
        segmentation=record(2, 2, 10, 8)["segmentation"],
        model_segmentation=record(2, 2, 10, 9)["segmentation"],
    )
    assert corrected["proposal_iou"] == pytest.approx(0.8), "with the mask that was proposed, not a later one"
    assert corrected["proposed_by"] == "automask"
    assert save(admin, corrected, state="proposal")["proposal_iou"] is None
    assert admin.get(f"/api/v1/images/{images[0]}").json["status"] == "in_progress"


def test_whole_images_and_empty_masks_are_left_out(
    admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    generator.records = [record(0, 0, WIDTH, HEIGHT), record(3, 3, 0, 0), record(1, 1, 5, 5)]
    start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    assert [row["area"] for row in proposals(admin, images[0])] == [25]


def test_a_failing_image_costs_only_itself(
    admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    def fail(name: str) -> None:
        if name == "1.png":
            raise RuntimeError("out of memory")

    generator.failing = fail
    job = start(admin)
    worker.run_until_idle()
    result = admin.get(f"/api/v1/jobs/{job['id']}").json["result"]
    assert (result["done"], result["failed"]) == (2, 1)
    assert result["problems"] == [
        {"image_id": images[1], "name": "1.png", "message": "RuntimeError: out of memory"}
    ]


def test_a_run_gives_way_to_somebody_who_waits(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    order = generator.calls

    def interrupt(name: str) -> None:
        if name == "0.png":
            with app.app_context():
                jobs.enqueue("crop", {}, priority=20)
                db.session.remove()

    generator.failing = interrupt
    job = start(admin)
    worker.handlers["crop"] = lambda ticket, report: order.append("crop")  # type: ignore[func-returns-value]
    worker.run_until_idle()
    assert order == ["0.png", "crop", "1.png", "2.png"]
    done = admin.get(f"/api/v1/jobs/{job['id']}").json
    assert (done["state"], done["result"]["done"]) == ("done", 3)


def test_a_cancelled_run_goes_on_where_it_stopped(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    def cancel(name: str) -> None:
        if name == "1.png" and generator.calls == ["0.png", "1.png"]:
            admin.post(f"/api/v1/jobs/{job['id']}/cancel")

    generator.failing = cancel
    job = start(admin)
    worker.run_until_idle()
    stopped = admin.get(f"/api/v1/jobs/{job['id']}").json
    assert (stopped["state"], stopped["result"]["done"]) == ("cancelled", 1)
    assert proposals(admin, images[1]) == [], "an image's masks are stored with its result or not at all"
    admin.post(f"/api/v1/jobs/{job['id']}/retry")
    worker.run_until_idle()
    assert generator.calls == ["0.png", "1.png", "1.png", "2.png"]
    assert admin.get(f"/api/v1/jobs/{job['id']}").json["result"]["created"] == 6


def test_an_image_that_kills_its_worker_is_given_up(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    job = start(admin)
    with app.app_context():
        db.session.query(JobItem).filter_by(item_id=images[0]).one().attempts = 3
        db.session.commit()
    worker.run_until_idle()
    result = admin.get(f"/api/v1/jobs/{job['id']}").json["result"]
    assert (result["done"], result["failed"]) == (2, 1)
    assert "disappeared 3 times" in result["problems"][0]["message"]


def test_one_run_at_a_time(admin: Any, images: list[int], generator: Generator) -> None:
    job = start(admin)
    assert start(admin)["id"] == job["id"], "asking again is safe"
    other = admin.post("/api/v1/projects/1/automask", json={"preset": "cells"})
    assert (other.status_code, other.json["error"]["code"]) == (409, "automask_running")
    assert other.json["job_id"] == job["id"]


def test_a_preview_stores_nothing(
    app: APIFlask, admin: Any, images: list[int], generator: Generator, worker: Worker
) -> None:
    answer = admin.post(f"/api/v1/images/{images[0]}/automask-preview", json={})
    assert answer.status_code == 202
    worker.run_until_idle()
    result = admin.get(f"/api/v1/jobs/{answer.json['id']}").json["result"]
    assert set(result) == {"proposals", "seconds"}
    assert result["proposals"][0] == {
        "rle": record(2, 2, 8, 6)["segmentation"],
        "area": 48,
        "bbox": [2, 2, 7, 5],
        "predicted_iou": 0.9,
        "stability_score": 0.9,
        "crop_box": [0, 0, WIDTH, HEIGHT],
        "point_coords": [[6.0, 5.0]],
    }
    with app.app_context():
        assert db.session.query(Annotation).count() == 0
    listed = admin.get("/api/v1/jobs?kind=automask").json["jobs"]
    assert listed[0]["result"] == {"seconds": result["seconds"]}, "lists leave the masks out"


def test_the_latest_preview_wins(app: APIFlask, admin: Any, images: list[int], generator: Generator) -> None:
    def ask(**parameters: Any) -> int:
        body = {"parameters": parameters}
        job_id: int = admin.post(f"/api/v1/images/{images[0]}/automask-preview", json=body).json["id"]
        return job_id

    first, again, second = ask(points_per_side=8), ask(points_per_side=8), ask(points_per_side=9)
    assert first == again != second
    with app.app_context():
        states = {job.id: job.state for job in db.session.query(Job).filter_by(kind="automask")}
    assert states == {first: "cancelled", second: "queued"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"preset": "trees"}, "preset"),
        ({"parameters": {"points_per_side": 0}}, "points_per_side"),
        ({"parameters": {"points_per_side": "32"}}, "points_per_side"),
        ({"parameters": {"points_per_side": 128, "crop_n_layers": 1}}, "points_per_side"),
        (
            {"parameters": {"points_per_side": 3, "crop_n_layers": 2, "crop_n_points_downscale_factor": 2}},
            "points_per_side",
        ),
        ({"parameters": {"pred_iou_thresh": 1.5}}, "pred_iou_thresh"),
        ({"parameters": {"iou": 0.5}}, "iou"),
        ({"image_ids": []}, "image_ids"),
        ({"image_ids": [10**6]}, "image_ids"),
        ({"image_ids": [1], "filter": "mine"}, "filter"),
    ],
)
def test_bad_input_is_named(admin: Any, images: list[int], body: dict[str, Any], field: str) -> None:
    answer = admin.post("/api/v1/projects/1/automask", json=body)
    assert answer.status_code == 422
    assert field in f"{answer.json['error']['field']} {answer.json['error']['message']}"


def test_annotators_read_and_managers_start(annotator: Any, images: list[int], generator: Generator) -> None:
    assert annotator.get("/api/v1/automask/presets").status_code == 200
    for path in ("/projects/1/automask", f"/images/{images[0]}/automask-preview"):
        assert annotator.post(f"/api/v1{path}", json={}).status_code == 403


def test_whoever_reviews_looks_for_what_was_missed(annotator: Any, images: list[int]) -> None:
    address = f"/api/v1/images/{images[0]}/missed"
    job = annotator.post(address, json={})
    assert job.status_code == 202
    assert annotator.get(f"/api/v1/jobs/{job.json['id']}").json["state"] == "queued"
    assert annotator.get(address).json["job"]["id"] == job.json["id"]


def test_no_image_left_is_said(admin: Any, images: list[int], generator: Generator) -> None:
    for image_id in images:
        admin.patch(f"/api/v1/images/{image_id}", json={"status": "done"})
    answer = admin.post("/api/v1/projects/1/automask", json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "no_images")


def test_a_run_can_be_cancelled_within_an_image(
    admin: Any, images: list[int], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.handlers import proposals as handler

    shares: list[float] = []

    def slow(image: Any, parameters: Any, digest: str, progress: Any) -> list[dict[str, Any]]:
        shares.append(admin.get(f"/api/v1/jobs/{job['id']}").json["progress"])
        progress(0.5)
        admin.post(f"/api/v1/jobs/{job['id']}/cancel")
        worker.stopping.set()
        progress(0.6)
        raise AssertionError("went on after it was asked to stop")

    monkeypatch.setattr(handler, "records", slow)
    job = start(admin)
    worker.run_once()
    stopped = admin.get(f"/api/v1/jobs/{job['id']}").json
    assert (stopped["state"], stopped["result"]) == ("queued", None)
    assert shares == [0.0]
