"""Purging removes what was deleted long ago, with its files, and nothing that anybody still has."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import Result
from sqlalchemy import select

from annotator.database import db, now, writing
from annotator.models import Image, Job, Project, TrainingRun
from annotator.services import detectors, training_runs
from annotator.services.ingest import image_key, thumbnail_key
from annotator.storage import storage
from annotator.worker import Worker
from tests.server.pictures import picture

pytestmark = pytest.mark.databases


@pytest.fixture
def run(app: APIFlask) -> Callable[..., Result]:
    return lambda *arguments, **given: app.test_cli_runner().invoke(args=["purge", *arguments], **given)


def make_project(admin: Any, name: str, *widths: int) -> int:
    """A project with a picture of each width, one as long as another being the same picture."""
    project = int(admin.post("/api/v1/projects", json={"name": name}).json["id"])
    files = [(io.BytesIO(picture(width=width)), f"{width}.png") for width in widths]
    assert admin.post(f"/api/v1/projects/{project}/images", data={"files": files}).status_code == 201
    return project


def age(app: APIFlask, project: int, days: float) -> None:
    """Let the project have been deleted so many days ago."""
    with app.app_context(), writing() as session:
        session.get_one(Project, project).archived_at = now() - timedelta(days=days)


def blobs(app: APIFlask, project: int) -> set[str]:
    with app.app_context():
        images = db.session.scalars(select(Image).where(Image.project_id == project))
        return {key for image in images for key in (image_key(image), thumbnail_key(image))}


def stored(app: APIFlask) -> set[str]:
    with app.app_context():
        return set(storage().keys())


def test_an_old_project_goes_with_its_files_and_a_young_one_stays(
    app: APIFlask, admin: Any, run: Callable[..., Result]
) -> None:
    old, young, kept = (
        make_project(admin, name, *widths)
        for name, widths in (("a", (30, 31)), ("b", (32,)), ("c", (31, 33)))
    )
    gone, shared = blobs(app, old) - blobs(app, kept), blobs(app, kept)
    with app.app_context(), writing() as session:
        (storage()).put(detectors.detector_key("d" * 64), b"detector")
        session.add(TrainingRun(project_id=old, target="detector", base_digest="b" * 64, digest="d" * 64))
        session.flush()
        folder = training_runs.folder(session.scalars(select(TrainingRun.id)).one())
    folder.mkdir(parents=True)
    age(app, old, 31)
    age(app, young, 29)
    done = run("--yes")
    assert done.exit_code == 0, done.output
    assert "1 deleted projects with 2 images" in done.output
    assert not folder.exists()
    left = stored(app)
    assert not left & (gone | {detectors.detector_key("d" * 64)})
    assert left >= shared | blobs(app, young)
    with app.app_context():
        assert set(db.session.scalars(select(Project.id))) == {young, kept}
        assert set(db.session.scalars(select(Image.project_id))) == {young, kept}
        assert db.session.scalars(select(TrainingRun)).all() == []


def test_nothing_happens_unasked(app: APIFlask, admin: Any, run: Callable[..., Result]) -> None:
    project = make_project(admin, "a", 30)
    age(app, project, 100)
    before = stored(app)
    assert run("--dry-run").exit_code == 0
    assert run(input="n\n").exit_code == 1
    assert run("--older-than", "200d", "--yes").output.startswith("0 deleted projects")
    assert stored(app) == before
    with app.app_context():
        assert db.session.get(Project, project) is not None
    wrong = run("--older-than", "soon")
    assert wrong.exit_code == 2
    assert "'soon' is no age; write 30d" in wrong.output


def test_a_project_that_a_job_works_on_waits(app: APIFlask, admin: Any, run: Callable[..., Result]) -> None:
    project = make_project(admin, "a", 30)
    age(app, project, 100)
    with app.app_context(), writing() as session:
        session.add(Job(kind="train", project_id=project, state="running"))
    assert run("--yes").output.startswith("0 deleted projects")


def test_files_of_old_exports_go_unless_a_younger_export_made_the_same(
    app: APIFlask, admin: Any, run: Callable[..., Result]
) -> None:
    project = make_project(admin, "a", 30)
    ids = []
    for _ in range(2):
        ids.append(admin.post(f"/api/v1/projects/{project}/exports", json={}).json["id"])
        Worker(app).run_until_idle()

    def export_files() -> int:
        return sum(key.startswith("exports/") for key in stored(app))

    def finish_earlier(job_id: int) -> None:
        with app.app_context(), writing() as session:
            session.get_one(Job, job_id).finished_at = now() - timedelta(hours=13)

    with app.app_context(), writing() as session:  # as of two exports of one second
        session.get_one(Job, ids[1]).result = session.get_one(Job, ids[0]).result
    before = export_files()
    finish_earlier(ids[0])
    assert run("--older-than", "12h", "--yes").exit_code == 0
    assert admin.get(f"/api/v1/exports/{ids[0]}/file").status_code == 404
    assert admin.get(f"/api/v1/exports/{ids[1]}/file").status_code == 200
    assert export_files() == before
    finish_earlier(ids[1])
    assert run("--older-than", "12h", "--yes").exit_code == 0
    assert export_files() == before - 1
