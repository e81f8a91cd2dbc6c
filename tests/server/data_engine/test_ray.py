"""Bulk work on Ray: the same results as the worker's, resumable, with a remedy where Ray is missing.

What Ray's processes do is tested without Ray; with Ray's own processes where it is installed (requirements-ray.txt).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from click.testing import Result
from sqlalchemy import select

from annotator.database import db
from annotator.handlers import on_ray
from annotator.models import Annotation, Embedding, Image, Job, JobItem, Project
from annotator.sam.embedding_file import unpack_embedding
from annotator.services import projects
from annotator.services.embeddings import embedding_key
from annotator.storage import storage

Command = Callable[..., Result]
RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(
    not RAY, reason="Ray is an optional extra: .venv/bin/pip install -r requirements-ray.txt"
)
FEW_POINTS = ("--points-per-side", "2", "--pred-iou-thresh", "0", "--stability-score-thresh", "0")


@pytest.fixture
def app(tmp_path: Path, make_app: Callable[..., APIFlask]) -> APIFlask:
    """In float32 throughout: other processes measure anew which precision is quicker."""
    return make_app(tmp_path / "instance", precision="exact")


@pytest.fixture
def run(app: APIFlask) -> Command:
    """run("embed", …) → what the command did."""
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


@pytest.fixture
def with_model(app: APIFlask, images: list[int], tiny_model: str) -> str:
    """The images' project uses a real model; its digest."""
    with app.app_context():
        projects.update_project(1, {"model_digest": tiny_model})
    return tiny_model


@pytest.fixture
def in_this_process(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ray's part without Ray: blocks of two, done here, the last one first. Gives how many values were asked for."""
    asked: list[int] = []

    def mapped(
        column: str, values: Sequence[Any], worker: Any, arguments: Any, cluster: Any
    ) -> Iterator[dict[str, Any]]:
        asked.append(len(values))
        work = worker(*arguments)
        blocks = [list(values[start : start + 2]) for start in range(0, len(values), 2)]
        for block in reversed(blocks):
            columns = work({column: block})
            yield from (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))

    monkeypatch.setattr(on_ray, "_mapped", mapped)
    monkeypatch.setattr(on_ray, "require_ray", lambda: None)
    monkeypatch.setattr(on_ray, "application", lambda origin: app)
    return asked


def stored(app: APIFlask, digest: str) -> dict[str, bytes]:
    """Content hash → embedding file, of those that are noted."""
    with app.app_context():
        rows = db.session.scalars(select(Embedding.image_sha256).where(Embedding.model_digest == digest))
        return {sha256: storage().read(embedding_key(sha256, digest)) for sha256 in rows}


def masks(app: APIFlask) -> set[tuple[int, str]]:
    with app.app_context():
        return {(row.image_id, row.rle) for row in db.session.scalars(select(Annotation))}


@pytest.mark.skipif(RAY, reason="Ray is installed here")
@pytest.mark.parametrize("command", [("embed", "Street"), ("automask", "Street")])
def test_without_ray_it_says_what_to_install(
    app: APIFlask, images: list[int], run: Command, command: tuple[str, ...]
) -> None:
    done = run(*command, "--engine", "ray")
    assert done.exit_code == 1
    assert "pip install -r requirements-ray.txt" in done.output
    with app.app_context():
        assert db.session.scalars(select(Job)).all() == [], "nothing is begun"


def test_embeddings_are_the_workers_and_only_missing_ones_are_made(
    app: APIFlask, images: list[int], with_model: str, run: Command, in_this_process: list[int]
) -> None:
    assert run("embed", "Street", "--now").exit_code == 0
    expected = stored(app, with_model)
    assert len(expected) == len(images)
    with app.app_context():
        db.session.query(Embedding).delete()
        db.session.commit()
    first = run("embed", "Street", "--engine", "ray")
    assert first.exit_code == 0, first.output
    assert "3 embeddings computed" in first.output
    assert stored(app, with_model) == expected
    assert "0 embeddings computed" in run("embed", "--engine", "ray").output
    assert in_this_process == [3, 0]


def test_a_bad_image_costs_only_itself(
    app: APIFlask, images: list[int], with_model: str, run: Command, in_this_process: list[int]
) -> None:
    with app.app_context():
        image = db.session.get_one(Image, images[1])
        storage().put(f"images/{image.sha256[:2]}/{image.sha256}.png", b"torn")
    done = run("embed", "Street", "--engine", "ray")
    assert done.exit_code == 1
    assert "2 embeddings computed" in done.output
    assert "cannot be read" in done.output
    assert len(stored(app, with_model)) == 2
    done = run("automask", "Street", *FEW_POINTS, "--engine", "ray")
    assert done.exit_code == 1
    assert "1 of 3 images failed" in done.output


def test_masks_are_the_workers(
    app: APIFlask, images: list[int], with_model: str, run: Command, in_this_process: list[int]
) -> None:
    assert run("automask", "Street", *FEW_POINTS).exit_code == 0
    expected = masks(app)
    assert expected
    with app.app_context():
        db.session.query(Annotation).delete()
        db.session.commit()
    done = run("automask", "Street", *FEW_POINTS, "--engine", "ray")
    assert done.exit_code == 0, done.output
    assert masks(app) == expected


def test_an_interrupted_run_goes_on_where_it_was(
    app: APIFlask,
    images: list[int],
    with_model: str,
    run: Command,
    in_this_process: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray goes down after one block: what it had found is kept, and the worker does the rest, without Ray."""
    whole = on_ray._mapped

    def breaks(*arguments: Any) -> Iterator[dict[str, Any]]:
        yield next(whole(*arguments))
        raise SystemExit("killed")

    monkeypatch.setattr(on_ray, "_mapped", breaks)
    assert run("automask", "Street", *FEW_POINTS, "--engine", "ray").exit_code == 1
    with app.app_context():
        job = db.session.scalars(select(Job).where(Job.kind == "automask")).one()
        assert (job.state, (job.result or {})["done"]) == ("running", 1)
        results = db.session.scalars(select(JobItem.result).order_by(JobItem.item_id)).all()
        assert [result is not None for result in results] == [False, False, True]
        job.state, job.lease_until = "queued", None
        db.session.commit()
    done = run("automask", "Street", *FEW_POINTS)
    assert done.exit_code == 0, done.output
    assert "3 images: " in done.output
    with app.app_context():
        assert len(db.session.scalars(select(Job).where(Job.kind == "automask")).all()) == 1
        assert {row[0] for row in masks(app)} == set(images)


@needs_ray
@pytest.mark.timeout(600)
def test_rays_own_processes_give_the_same(
    app: APIFlask, images: list[int], with_model: str, run: Command
) -> None:
    ray = importlib.import_module("ray")
    try:
        done = run("embed", "Street", "--engine", "ray", "--ray-processes", "1")
        assert done.exit_code == 0, done.output
        on_ray_made = stored(app, with_model)
        assert len(on_ray_made) == len(images)
        done = run("automask", "Street", *FEW_POINTS, "--engine", "ray", "--ray-processes", "1")
        assert done.exit_code == 0, done.output
        found = masks(app)
    finally:
        ray.shutdown()
    with app.app_context():
        assert db.session.get_one(Project, 1).model_digest == with_model
        db.session.query(Embedding).delete()
        db.session.query(Annotation).delete()
        db.session.commit()
    assert run("embed", "Street", "--now").exit_code == 0
    # Another number of threads rounds otherwise.
    for sha256, made_here in stored(app, with_model).items():
        ours, theirs = unpack_embedding(made_here), unpack_embedding(on_ray_made[sha256])
        assert np.allclose(ours.embedding, theirs.embedding, atol=0.01)
    assert run("automask", "Street", *FEW_POINTS).exit_code == 0
    assert Counter(image for image, _ in masks(app)) == Counter(image for image, _ in found)
