"""Many writers at once: one winner per revision, everybody else hears of it, nothing disappears."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db
from annotator.errors import Conflict
from annotator.models import Annotation, AnnotationRevision
from annotator.services import annotations
from annotator.services.annotation_input import AnnotationInput
from annotator.services.annotations import Expected
from tests.annotations.conftest import Place, rectangle

pytestmark = pytest.mark.databases

WRITERS = 8


def at_once(app: APIFlask, work: Callable[[int], Any]) -> list[Any]:
    """Run work(0), work(1), … in threads that start together, each with its own application context."""
    barrier = threading.Barrier(WRITERS)

    def run(number: int) -> Any:
        with app.app_context():
            barrier.wait()
            try:
                return work(number)
            except Conflict as lost:
                return lost

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def content(place: Place, number: int) -> AnnotationInput:
    return AnnotationInput.model_validate(
        {
            "image_id": place.image_ids[0],
            "category_id": None,
            "segmentation": rectangle(number, number, 3, 3),
            "source": "manual",
            "note": f"writer {number}",
        }
    )


def test_one_winner_per_revision(app: APIFlask, place: Place) -> None:
    id = str(uuid.uuid4())
    with app.app_context():
        annotations.save(id, content(place, 20), author_id=None, expected=Expected(absent=True))
    for revision in range(1, 6):

        def update(number: int, revision: int = revision) -> Any:
            expected = Expected(revision=revision)
            # Never what is stored already: sending that again succeeds without winning anything.
            data = content(place, number).model_copy(update={"note": f"{number} from {revision}"})
            return annotations.save(id, data, author_id=None, expected=expected)

        results = at_once(app, update)
        winners = [result for result in results if isinstance(result, annotations.Saved)]
        losers = [result for result in results if isinstance(result, Conflict)]
        assert (len(winners), len(losers)) == (1, WRITERS - 1)
        assert winners[0].annotation["revision"] == revision + 1
        assert all(lost.extra["current"] == winners[0].annotation for lost in losers)


def test_one_creator(app: APIFlask, place: Place) -> None:
    id = str(uuid.uuid4())
    results = at_once(
        app,
        lambda number: annotations.save(
            id, content(place, number), author_id=None, expected=Expected(absent=True)
        ),
    )
    assert [getattr(result, "created", None) for result in results].count(True) == 1
    assert sum(isinstance(result, Conflict) for result in results) == WRITERS - 1


def test_the_same_save_sent_many_times_at_once_is_one_revision(app: APIFlask, place: Place) -> None:
    id = str(uuid.uuid4())
    results = at_once(
        app,
        lambda number: annotations.save(
            id, content(place, 1), author_id=None, expected=Expected(absent=True)
        ),
    )
    assert sorted(result.created for result in results) == [False] * (WRITERS - 1) + [True]
    assert {result.annotation["revision"] for result in results} == {1}


def test_everybody_who_retries_gets_in_and_every_state_is_kept(app: APIFlask, place: Place) -> None:
    id = str(uuid.uuid4())
    with app.app_context():
        annotations.save(id, content(place, 20), author_id=None, expected=Expected(absent=True))

    def insist(number: int) -> int:
        revision = 1
        while True:
            try:
                saved = annotations.save(
                    id, content(place, number), author_id=None, expected=Expected(revision=revision)
                )
                return int(saved.annotation["revision"])
            except Conflict as lost:
                revision = lost.extra["current"]["revision"]

    got = at_once(app, insist)
    assert sorted(got) == list(range(2, WRITERS + 2))
    with app.app_context():
        rows = db.session.query(AnnotationRevision).filter_by(annotation_id=id).all()
        notes = {row.revision: row.snapshot["note"] for row in rows}
        assert db.session.get_one(Annotation, id).revision == WRITERS + 1
    assert notes == {1: "writer 20"} | {revision: f"writer {number}" for number, revision in enumerate(got)}


def test_delete_against_save(app: APIFlask, place: Place) -> None:
    id = str(uuid.uuid4())
    with app.app_context():
        annotations.save(id, content(place, 20), author_id=None, expected=Expected(absent=True))

    def race(number: int) -> Any:
        expected = Expected(revision=1)
        if number % 2:
            return annotations.delete(id, author_id=None, expected=expected)
        return annotations.save(id, content(place, number), author_id=None, expected=expected)

    results = at_once(app, race)
    saves, deletes = results[0::2], results[1::2]
    with app.app_context():
        row = db.session.get_one(Annotation, id)
        assert row.revision == 2
        deleted = row.deleted_at is not None
    if deleted:
        assert all(isinstance(result, Conflict) and result.code == "deleted" for result in saves)
        assert deletes == [None] * len(deletes), "deleting again is fine"
    else:
        assert sum(isinstance(result, annotations.Saved) for result in saves) == 1
        assert all(isinstance(result, Conflict) for result in deletes)
