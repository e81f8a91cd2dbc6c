"""Regions that no annotation covers: found, kept out of every list, accepted, dismissed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from annotator.worker import Worker
from tests.server.data_engine.conftest import Generator, record
from tests.server.data_engine.test_automask import save, start


def look(client: Any, image_id: int, worker: Worker, **body: Any) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/images/{image_id}/missed", json=body)
    assert answer.status_code == 202, answer.text
    worker.run_until_idle()
    return regions(client, image_id)


def regions(client: Any, image_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/images/{image_id}/missed").json["missed"]
    return found


def draw(client: Any, image_id: int, x: int, y: int, width: int, height: int) -> None:
    mask = record(x, y, width, height)["segmentation"]
    body = {"image_id": image_id, "category_id": None, "segmentation": mask, "source": "manual"}
    assert client.put(f"/api/v1/annotations/{uuid.uuid4()}", json=body).status_code == 201


def places(rows: list[dict[str, Any]]) -> list[list[int]]:
    return [row["bbox"] for row in rows]


@pytest.fixture
def found(generator: Generator) -> Generator:
    """The generator finds three objects, one of them twice, and a speck of a single pixel."""
    generator.records = [
        record(1, 1, 10, 10, 0.9),
        record(1, 1, 10, 8, 0.8),
        record(15, 1, 10, 10, 0.95),
        record(28, 1, 10, 10, 0.85),
    ]
    return generator


def test_what_annotations_hardly_cover_is_shown(
    admin: Any, images: list[int], found: Generator, worker: Worker
) -> None:
    draw(admin, images[0], 15, 1, 10, 5)
    draw(admin, images[0], 28, 1, 10, 1)
    rows = look(admin, images[0], worker)
    assert places(rows) == [[1, 1, 10, 10], [28, 1, 10, 10]], "the most confident first, each place once"
    assert [row["covered"] for row in rows] == [0.0, 0.1]
    assert {(row["state"], row["proposed_by"]) for row in rows} == {("missed", "missed")}
    state = admin.get(f"/api/v1/images/{images[0]}/missed").json["job"]
    assert (state["state"], state["kind"]) == ("done", "automask")


def test_they_are_in_no_list_and_no_count(
    admin: Any, images: list[int], found: Generator, worker: Worker
) -> None:
    assert len(look(admin, images[0], worker)) == 3
    assert admin.get(f"/api/v1/images/{images[0]}/annotations").json["annotations"] == []
    image = admin.get(f"/api/v1/images/{images[0]}").json
    assert (image["annotation_count"], image["proposal_count"], image["status"]) == (0, 0, "new")
    assert admin.get("/api/v1/projects/1/images?filter=proposals").json["total"] == 0
    assert admin.get("/api/v1/projects/1/statistics").json["total"]["masks"] == 0


def test_drawing_over_a_region_settles_it(
    admin: Any, images: list[int], found: Generator, worker: Worker
) -> None:
    look(admin, images[0], worker)
    draw(admin, images[0], 1, 1, 9, 9)
    assert places(regions(admin, images[0])) == [[15, 1, 10, 10], [28, 1, 10, 10]]


def test_accepting_makes_an_ordinary_annotation_and_dismissing_lasts(
    admin: Any, images: list[int], found: Generator, worker: Worker
) -> None:
    first, second, third = look(admin, images[0], worker)
    strip = {"covered"}
    accepted = save(admin, {k: v for k, v in first.items() if k not in strip}, state="accepted")
    assert (accepted["proposed_by"], accepted["proposal_iou"], accepted["revision"]) == ("missed", 1.0, 2)
    save(admin, {k: v for k, v in second.items() if k not in strip}, state="rejected")
    assert [row["id"] for row in regions(admin, images[0])] == [third["id"]]
    again = look(admin, images[0], worker)
    assert [row["id"] for row in again] == [third["id"]]
    taken_back = save(admin, accepted, state="missed")
    assert taken_back["proposal_iou"] is None
    assert {row["id"] for row in regions(admin, images[0])} == {first["id"], third["id"]}
    total = admin.get("/api/v1/projects/1/statistics").json["total"]
    assert total["acceptance_rate"] is None, "not proposals of the stage"


def test_proposals_do_not_mind_missed_regions_nor_the_other_way_round(
    admin: Any, images: list[int], found: Generator, worker: Worker
) -> None:
    look(admin, images[0], worker)
    start(admin, image_ids=[images[0]])
    worker.run_until_idle()
    proposed = admin.get(f"/api/v1/images/{images[0]}/annotations").json["annotations"]
    assert len(proposed) == 4
    assert look(admin, images[0], worker) == [], "what is proposed already has not been missed"


def test_asking_twice_is_one_search(admin: Any, images: list[int], found: Generator) -> None:
    ids = {admin.post(f"/api/v1/images/{images[0]}/missed", json={}).json["id"] for _ in range(2)}
    assert len(ids) == 1
