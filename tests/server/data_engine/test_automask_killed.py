"""A run whose workers are killed again and again: every image once, nothing half stored, nothing lost."""

from __future__ import annotations

import io
import json
import os
from typing import Any

from apiflask import APIFlask

from annotator.database import db, writing
from annotator.models import AnnotationRevision, Job
from annotator.services.ingest import ingest
from annotator.services.projects import find_project
from tests.server.data_engine.conftest import numbered
from tests.server.kills import run_script

KILLS = int(os.environ.get("KILLS", "6"))


def test_killed_workers_lose_and_repeat_nothing(app: APIFlask, admin: Any, images: list[int]) -> None:
    """Six kills here; KILLS=50 for as many. Each worker gets at most one image further."""
    with app.app_context():
        project = find_project("Street")
        for number in range(3, KILLS + 3):
            ingest(project, io.BytesIO(numbered(number)), f"{number}.png", person=None)
        with writing() as session:
            session.query(Job).delete()  # their embeddings would go first
    job = admin.post("/api/v1/projects/1/automask", json={}).json
    instance = app.extensions["annotator_settings"].instance
    seconds = 230 if KILLS <= 6 else 1200
    seen = json.loads(run_script("server/data_engine/killed_automask.py", instance, seconds=seconds))
    assert len(seen["kills"]) == KILLS
    for state in seen["kills"]:
        assert state["state"] == "running"
        assert state["proposed"] == sorted(2 * state["finished"]), (
            "an image's masks and its result come together"
        )
    # The totals count every image once, however often work on it began.
    end, total = seen["end"], KILLS + 3
    assert (end["state"], len(end["finished"]), len(end["proposed"])) == ("done", total, 2 * total)
    counts = {
        name: end["result"][name] for name in ("images", "done", "failed", "created", "removed", "problems")
    }
    assert counts == {
        "images": total,
        "done": total,
        "failed": 0,
        "created": 2 * total,
        "removed": 0,
        "problems": [],
    }
    assert admin.get(f"/api/v1/jobs/{job['id']}").json["error"] is None
    with app.app_context():
        assert db.session.query(AnnotationRevision).count() == 2 * total
