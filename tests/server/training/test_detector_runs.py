"""A detector over the API: trained on accepted boxes, then its finds are proposals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIFlask

from annotator.database import db
from annotator.models import Annotation
from annotator.services import training_runs
from annotator.worker import Worker
from tests.server.training.conftest import IMAGES


def test_from_accepted_masks_to_proposals(
    manager: Any, labelled: int, work: Callable[[], int], app: APIFlask
) -> None:
    run = manager.post(
        f"/api/v1/projects/{labelled}/training-runs", json={"target": "detector", "steps": 20}
    ).json
    assert manager.post(f"/api/v1/projects/{labelled}/detect", json={}).status_code == 409
    assert work() == 1
    run = manager.get(f"/api/v1/training-runs/{run['id']}").json
    assert run["state"] == "done", run["error"]
    assert run["model"] is None
    assert run["curve"][-1]["step"] == 20
    assert run["data"]["masks"] + run["data"]["held_masks"] == 2 * IMAGES
    assert set(run["evaluation"]) == {"recall", "precision", "confident_recall", "objects"}
    decision = manager.put(f"/api/v1/training-runs/{run['id']}/decision", json={"decision": "activated"})
    assert decision.status_code == 409

    job = manager.post(f"/api/v1/projects/{labelled}/detect", json={}).json
    Worker(app).run_until_idle()
    job = manager.get(f"/api/v1/jobs/{job['id']}").json
    assert (job["state"], job["result"]["done"]) == ("done", IMAGES), job
    with app.app_context():
        found = db.session.query(Annotation).filter_by(proposed_by="detector").all()
        assert len(found) == job["result"]["created"]
        for row in found:
            assert row.state == "proposal"
            assert row.prompts is not None
            assert len(row.prompts["boxes"]) == 1


def test_images_of_other_projects_are_refused(
    manager: Any, labelled: int, app: APIFlask, work: Callable[[], int]
) -> None:
    manager.post(f"/api/v1/projects/{labelled}/training-runs", json={"target": "detector", "steps": 1})
    work()
    answer = manager.post(f"/api/v1/projects/{labelled}/detect", json={"image_ids": [99999]})
    assert answer.status_code == 422
    assert answer.json["error"]["field"] == "image_ids"
    with app.app_context():
        run = training_runs.listing(labelled)[0]
        assert training_runs.state_of(run) == "done"
