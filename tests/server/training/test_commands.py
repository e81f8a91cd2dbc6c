"""`flask train --project` does a run here and now; `flask model use` puts a model to use and goes back."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db, now, writing
from annotator.handlers.training_process import Order
from annotator.models import Project, TrainingRun
from annotator.services import embeddings, training_runs


@pytest.fixture
def flask(app: APIFlask) -> Any:
    """flask("model", "list") → the result of the command."""
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


def test_a_run_from_the_command_line(flask: Any, labelled: int, app: APIFlask, instant: list[Order]) -> None:
    done = flask("train", "--project", "Discs", "--steps", "5", "--processes", "2", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert "all" in done.output
    assert "1: 0." in done.output
    [order] = instant
    assert (order.steps, order.minutes, order.processes, order.device) == (5, None, 2, "cpu")
    assert "--nproc-per-node=2" in order.command()
    with app.app_context():
        [run] = training_runs.listing(labelled)
        assert (run.state, run.job_id) == ("done", None)
        assert run.evaluation is not None
        new, old = run.digest, run.base_digest
    assert flask("model", "use", new, "--project", "Discs").exit_code == 0
    assert used(app, labelled) == new
    assert flask("model", "use", "tiny", "--project", "Discs").exit_code == 0
    assert used(app, labelled) == old


def test_using_a_model_everywhere_names_projects_that_have_their_own(
    flask: Any, labelled: int, app: APIFlask, tiny_model: str
) -> None:
    flask("model", "use", "tiny", "--project", "Discs")
    done = flask("model", "use", "tiny")
    assert done.exit_code == 0
    assert "'Discs' names its own model" in done.output


def test_a_run_that_died_unheard_does_not_block_the_next(
    flask: Any, labelled: int, app: APIFlask, instant: list[Order]
) -> None:
    with app.app_context(), writing() as session:
        dead = TrainingRun(
            project_id=labelled, target="model", state="running", base_digest="a" * 64, settings={}
        )
        session.add(dead)
    blocked = flask("train", "--project", "Discs", "--steps", "1")
    assert "still under way" in blocked.output
    with app.app_context(), writing() as session:
        session.get_one(TrainingRun, dead.id).updated_at = now() - 2 * training_runs.SILENCE
    assert flask("train", "--project", "Discs", "--steps", "1").exit_code == 0


def used(app: APIFlask, project_id: int) -> str | None:
    with app.app_context():
        return embeddings.model_digest(db.session.get_one(Project, project_id))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--project", "Discs"), "--minutes or --steps"),
        (("--project", "Discs", "--steps", "1", "--preset", "tiny"), "--preset does not go with --project"),
        (("--project", "Nowhere", "--steps", "1"), "no project called 'Nowhere'"),
        (("--project", "Discs", "--steps", "1", "--from", "nobody"), "no model 'nobody'"),
        (("--detector", "--steps", "1"), "need --project"),
        (("--steps", "1", "--from", "nowhere.safetensors"), "no file 'nowhere.safetensors'"),
    ],
)
def test_mistakes_are_named(flask: Any, labelled: int, words: tuple[str, ...], message: str) -> None:
    done = flask("train", *words)
    assert done.exit_code != 0
    assert message in done.output
