"""A project's numbers, against masks whose numbers are known."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask

from annotator.database import db, writing
from annotator.masks import encode, parse_rle
from annotator.models import Image, MaskFact
from annotator.services import mask_facts, proposals, statistics
from annotator.services.proposals import Proposal
from annotator.services.statistics import Period
from tests.server.data_engine.conftest import HEIGHT, WIDTH, record

pytestmark = pytest.mark.databases

URL = "/api/v1/projects/1/statistics"


def rectangle(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    mask: dict[str, Any] = record(x, y, width, height)["segmentation"]
    return mask


def draw(client: Any, image_id: int, **values: Any) -> dict[str, Any]:
    """Save an annotation; returns it."""
    body = {
        "image_id": image_id,
        "category_id": None,
        "segmentation": rectangle(2, 2, 10, 10),
        "source": "assisted",
        "prompts": {"points": [[5, 5]], "labels": [1], "boxes": []},
        "active_ms": 1000,
    }
    answer = client.put(f"/api/v1/annotations/{uuid.uuid4()}", json=body | values)
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json
    return saved


def decide(client: Any, row: dict[str, Any], **changes: Any) -> None:
    kept = ("image_id", "category_id", "segmentation", "source", "prompts", "active_ms", "model_segmentation")
    body = {name: row[name] for name in kept} | changes
    answer = client.put(
        f"/api/v1/annotations/{row['id']}", json=body, headers={"If-Match": f'"{row["revision"]}"'}
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture
def propose(app: APIFlask) -> Callable[..., None]:
    """propose(image_id, rectangles): as automatic masks do."""

    def store(image_id: int, *places: tuple[int, int, int, int]) -> None:
        found = [
            Proposal(parse_rle(rectangle(*place)), 0.9, 0.9, {"points": [[1, 1]], "labels": [1], "boxes": []})
            for place in places
        ]
        with app.app_context():
            proposals.replace(image_id, found, proposed_by="automask", model_digest=None)

    return store


def test_an_empty_project_has_numbers_too(annotator: Any) -> None:
    found = annotator.get(URL).json
    assert found["total"] == {
        "masks": 0,
        "images": 0,
        "images_done": 0,
        "masks_per_image": None,
        "median_seconds": None,
        "clicks_per_mask": None,
        "corrected_share": None,
        "proposals_accepted": 0,
        "proposals_rejected": 0,
        "acceptance_rate": None,
        "agreement_good": None,
        "agreement_fair": None,
    }
    assert found["agreement"]["counts"] == [0] * 20
    assert found["images"] == {"new": 3, "in_progress": 0, "done": 0, "skipped": 0, "total": 3}
    assert found["queue"] == {"length": 3, "images_per_day": None, "days_left": None, "finish_on": None}
    assert found["complete"] is True
    assert (found["stages"], found["categories"], found["annotators"], found["weeks"]) == ([], [], [], [])


def test_masks_time_clicks_and_corrections(admin: Any, annotator: Any, images: list[int]) -> None:
    category = admin.post("/api/v1/projects/1/categories", json={"name": "cat"}).json["id"]
    two_clicks = {"points": [[5, 5], [6, 6]], "labels": [1, 0], "boxes": [[1, 1, 9, 9]]}
    draw(annotator, images[0], active_ms=1000, category_id=category)
    draw(annotator, images[0], active_ms=9000, prompts=two_clicks, model_segmentation=rectangle(2, 2, 10, 8))
    draw(admin, images[1], active_ms=3000, source="manual", prompts=None)
    draw(admin, images[1], active_ms=0, source="imported", prompts=None)
    gone = draw(admin, images[1], active_ms=500_000)
    admin.delete(f"/api/v1/annotations/{gone['id']}", headers={"If-Match": '"1"'})
    admin.patch(f"/api/v1/images/{images[0]}", json={"status": "done"})
    found = admin.get(URL).json
    total = found["total"]
    assert (total["masks"], total["images"], total["images_done"], total["masks_per_image"]) == (4, 2, 1, 2.0)
    assert total["median_seconds"] == 3.0
    assert total["clicks_per_mask"] == pytest.approx(4 / 3, abs=1e-4), (
        "one, three and none; imports do not count"
    )
    assert total["corrected_share"] == 0.5
    assert total["agreement_good"] == 0.5, "80 of 100 pixels; the other one is the model's own"
    assert total["agreement_fair"] == 1.0
    counts = found["agreement"]["counts"]
    assert (counts[16], counts[19], sum(counts)) == (1, 1, 2)
    assert (found["agreement"]["good_share"], found["agreement"]["fair_share"]) == (0.5, 1.0)
    people = {
        row["name"]: (row["masks"], row["median_seconds"], row["images_done"]) for row in found["annotators"]
    }
    assert people == {"ann": (2, 5.0, 1), "root": (2, 3.0, 0)}
    categories = {row["name"]: row["masks"] for row in found["categories"]}
    assert categories == {"cat": 1, None: 3}
    assert [(row["stage"], row["masks"]) for row in found["stages"]] == [("assisted_manual", 4)]
    assert [row["masks"] for row in found["weeks"]] == [4]
    assert found["queue"] == {
        "length": 2,
        "images_per_day": 1.0,
        "days_left": 2.0,
        "finish_on": (datetime.now(UTC) + timedelta(days=2)).date().isoformat(),
    }


def test_decisions_on_proposals(admin: Any, images: list[int], propose: Callable[..., None]) -> None:
    admin.patch("/api/v1/projects/1", json={"stage": "semi_automatic"})
    propose(images[0], (1, 1, 10, 10), (15, 1, 10, 10), (28, 1, 10, 10), (1, 14, 8, 8), (15, 14, 8, 8))
    rows = {row["bbox"][0] + 100 * row["bbox"][1]: row for row in _annotations(admin, images[0])}
    decide(admin, rows[101], state="accepted", active_ms=200)
    decide(admin, rows[115], state="accepted", segmentation=rectangle(15, 1, 10, 9))
    decide(admin, rows[128], state="rejected")
    admin.delete(f"/api/v1/annotations/{rows[1401]['id']}", headers={"If-Match": '"1"'})
    total = admin.get(URL).json["total"]
    assert total["masks"] == 2, "the one that nobody decided on is not a mask yet"
    assert (total["proposals_accepted"], total["proposals_rejected"]) == (2, 2)
    assert total["acceptance_rate"] == 0.5
    assert total["clicks_per_mask"] == 0.0, "the point that found a proposal was nobody's click"
    assert total["agreement_good"] == 1.0, "exactly .90 counts"
    assert [row["stage"] for row in admin.get(URL).json["stages"]] == ["semi_automatic"]


def test_taking_a_decision_back_takes_it_out(
    app: APIFlask, admin: Any, images: list[int], propose: Callable[..., None]
) -> None:
    propose(images[0], (1, 1, 10, 10))
    [row] = _annotations(admin, images[0])
    decide(admin, row, state="accepted")
    [row] = _annotations(admin, images[0])
    decide(admin, row, state="proposal")
    assert admin.get(URL).json["total"]["masks"] == 0
    admin.patch("/api/v1/projects/1", json={"stage": "semi_automatic"})
    [row] = _annotations(admin, images[0])
    decide(admin, row, state="accepted")
    with app.app_context():
        fact = db.session.query(MaskFact).one()
        assert (fact.stage, fact.state) == ("semi_automatic", "accepted")


def _annotations(client: Any, image_id: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/api/v1/images/{image_id}/annotations").json["annotations"]
    return rows


def test_the_first_decision_counts(app: APIFlask, admin: Any, annotator: Any, images: list[int]) -> None:
    row = draw(annotator, images[0])
    decide(admin, row, category_id=None, note="checked", active_ms=1500)
    found = admin.get(URL).json
    assert [person["name"] for person in found["annotators"]] == ["ann"]
    assert found["total"]["median_seconds"] == 1.5


def test_only_the_days_asked_for(app: APIFlask, admin: Any, images: list[int]) -> None:
    for _ in range(3):
        draw(admin, images[0])
    with app.app_context(), writing() as session:
        moments = [datetime(2024, 5, day, 23, 59, tzinfo=UTC) for day in (5, 6, 7)]
        for fact, moment in zip(session.query(MaskFact).all(), moments, strict=True):
            fact.decided_at, fact.week = moment, mask_facts.monday(moment)

    def count(query: str) -> int:
        masks: int = admin.get(f"{URL}?{query}").json["total"]["masks"]
        return masks

    assert [
        count(query) for query in ("", "from=2024-05-06", "to=2024-05-06", "from=2024-05-06&to=2024-05-06")
    ] == [*(3, 2, 2, 1)]
    weeks = [(row["week"], row["masks"]) for row in admin.get(URL).json["weeks"]]
    assert weeks == [("2024-04-29", 1), ("2024-05-06", 2)]


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=2024-05-07&to=2024-05-06", "since=2024-05-07", "to=2024-13-01"]
)
def test_bad_days_are_named(annotator: Any, query: str) -> None:
    answer = annotator.get(f"{URL}?{query}")
    assert answer.status_code == 422
    assert query.split("=")[0] in f"{answer.json['error']['field']} {answer.json['error']['message']}"


@pytest.mark.parametrize("path", ["statistics", "dataset-report"])
def test_strangers_see_no_numbers(make_client: Callable[..., Any], images: list[int], path: str) -> None:
    assert make_client("otto").get(f"/api/v1/projects/1/{path}").status_code == 404


def test_older_annotations_get_their_facts(app: APIFlask, admin: Any, images: list[int]) -> None:
    row = draw(admin, images[0], active_ms=7000)
    with app.app_context(), writing() as session:
        session.query(MaskFact).delete()
    found = admin.get(URL).json
    assert (found["total"]["masks"], found["total"]["median_seconds"], found["complete"]) == (1, 7.0, True)
    assert found["annotators"][0]["name"] == "root"
    after = admin.get(f"/api/v1/annotations/{row['id']}").json
    assert after["updated_at"] == row["updated_at"], "nobody edited it"


def test_while_facts_are_missing_it_says_so(
    app: APIFlask, admin: Any, images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(admin, images[0])
    with app.app_context(), writing() as session:
        session.query(MaskFact).delete()
    monkeypatch.setattr("annotator.web.statistics.PATIENCE_SECONDS", -1.0)
    assert admin.get(URL).json["complete"] is False
    monkeypatch.undo()
    assert admin.get(URL).json["complete"] is True


def test_numbers_are_kept_until_something_changes(
    app: APIFlask, admin: Any, images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    original = statistics._compute

    def counting(project: Any, period: Period) -> dict[str, Any]:
        computed.append(project.name)
        return original(project, period)

    monkeypatch.setattr(statistics, "_compute", counting)
    for _ in range(3):
        admin.get(URL)
    assert len(computed) == 1
    row = draw(admin, images[0])
    assert admin.get(URL).json["total"]["masks"] == 1
    decide(admin, row, active_ms=2000)
    assert admin.get(URL).json["total"]["median_seconds"] == 2.0
    admin.patch(f"/api/v1/images/{images[0]}", json={"status": "done"})
    assert admin.get(URL).json["total"]["images_done"] == 1
    admin.patch("/api/v1/projects/1", json={"stage": "fully_automatic", "sample_share": 0.0001})
    assert admin.get(URL).json["queue"]["length"] == 0
    assert len(computed) == 5


def test_the_dataset_report(admin: Any, images: list[int]) -> None:
    area = HEIGHT * WIDTH
    draw(admin, images[0], segmentation=rectangle(0, 0, 8, 6))
    bitmap = np.zeros((HEIGHT, WIDTH), dtype=bool)
    bitmap[12:22, 30] = bitmap[21, 30:40] = True
    draw(admin, images[0], segmentation=encode(bitmap).to_coco())
    admin.patch(f"/api/v1/images/{images[1]}", json={"status": "done"})
    found = admin.get("/api/v1/projects/1/dataset-report").json
    assert (found["masks"], found["images"], found["complete"]) == (2, 2, True)
    sizes = [int(np.sqrt(share / area) * 20) for share in (48, 19)]
    assert [found["relative_size"]["counts"][place] for place in sizes] == [1, 1]
    assert found["concavity"]["counts"][0] == 1
    assert found["concavity"]["counts"][int((1 - 19 / 59.5) * 20)] == 1
    cells = np.array(found["centers"])
    assert cells.shape == (32, 32)
    assert cells.sum() == 2
    assert cells[int(3 / HEIGHT * 32), int(4 / WIDTH * 32)] == 1, "rows from the top, columns from the left"
    assert found["masks_per_image"] == {
        "least": [0, 1, 6, 11, 21, 51, 101, 201],
        "counts": [1, 1, 0, 0, 0, 0, 0, 0],
    }


def test_the_command_prints_the_same(app: APIFlask, admin: Any, images: list[int]) -> None:
    draw(admin, images[0])
    done = app.test_cli_runner().invoke(args=["project", "stats", "Street", "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.output)
    assert printed["statistics"] == admin.get(URL).json
    assert printed["dataset_report"] == admin.get("/api/v1/projects/1/dataset-report").json
    plain = app.test_cli_runner().invoke(args=["project", "stats", "Street"])
    assert "masks" in plain.output
    empty = app.test_cli_runner().invoke(
        args=["project", "stats", "Street", "--from", "2999-01-01", "--json"]
    )
    assert json.loads(empty.output)["statistics"]["total"]["masks"] == 0


def test_every_annotation_has_one_fact(app: APIFlask, admin: Any, images: list[int]) -> None:
    row = draw(admin, images[0])
    decide(admin, row, active_ms=1)
    admin.delete(f"/api/v1/images/{images[0]}")
    with app.app_context():
        assert db.session.query(MaskFact).count() == 0, "facts go with their image"
        assert db.session.query(Image).count() == 2
