"""A project's stage changes which images people are led through, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db, writing
from annotator.masks import parse_rle
from annotator.models import Image
from annotator.services import proposals
from annotator.services.proposals import Proposal
from tests.server.data_engine.conftest import record


@pytest.fixture
def propose(app: APIFlask) -> Callable[[int], None]:
    """propose(image_id): one proposal on the image."""

    def store(image_id: int) -> None:
        mask = parse_rle(record(1, 1, 4, 4)["segmentation"])
        found = [Proposal(mask, 0.9, 0.9, {"points": [], "labels": [], "boxes": [[1, 1, 5, 5]]})]
        with app.app_context():
            proposals.replace(image_id, found, proposed_by="detector", model_digest=None)

    return store


def queue(client: Any, **query: Any) -> list[int]:
    page = client.get("/api/v1/projects/1/images", query_string={"filter": "needs_me", **query}).json
    return [image["id"] for image in page["images"]]


def test_proposals_come_first_in_the_semi_automatic_stage(
    admin: Any, images: list[int], propose: Callable[[int], None]
) -> None:
    first, second, third = images
    propose(third)
    assert queue(admin) == [first, second, third]
    admin.patch("/api/v1/projects/1", json={"stage": "semi_automatic"})
    assert queue(admin) == [third, first, second]
    page = admin.get("/api/v1/projects/1/images?filter=needs_me&limit=1").json
    assert queue(admin, cursor=page["next_cursor"]) == [first, second]
    here = admin.get(f"/api/v1/images/{third}?filter=needs_me").json
    assert (here["previous_id"], here["next_id"]) == (None, first)
    there = admin.get(f"/api/v1/images/{second}?filter=needs_me").json
    assert (there["previous_id"], there["next_id"]) == (first, None)
    everything = admin.get("/api/v1/projects/1/images").json["images"]
    assert [image["id"] for image in everything] == [first, second, third], "only the queue is ordered so"


def test_a_cursor_that_is_a_position_leads_on(
    admin: Any, images: list[int], propose: Callable[[int], None]
) -> None:
    """The workbench asks for what comes after the image in front of it."""
    propose(images[1])
    admin.patch("/api/v1/projects/1", json={"stage": "semi_automatic"})
    position = admin.get(f"/api/v1/images/{images[1]}").json["position"]
    assert queue(admin, cursor=position) == [images[0], images[2]]


def test_the_fully_automatic_stage_draws_a_sample(app: APIFlask, admin: Any, images: list[int]) -> None:
    with app.app_context(), writing() as session:
        project_id = session.get_one(Image, images[0]).project_id
        for number in range(1000):
            sha256 = f"{number * 2654435761 % 2**32:064x}"
            session.add(
                Image(
                    project_id=project_id,
                    name=f"{number}.jpg",
                    sha256=sha256,
                    source_sha256=sha256,
                    width=8,
                    height=8,
                    mime="image/jpeg",
                    bytes=1,
                    position=1000 + number,
                )
            )
    url = "/api/v1/projects/1/images?filter=needs_me"
    change = {"stage": "fully_automatic", "sample_share": 0.2}
    assert admin.patch("/api/v1/projects/1", json=change).json["sample_share"] == 0.2
    sample = admin.get(f"{url}&limit=500").json
    assert 150 < sample["total"] < 250
    assert admin.get(f"{url}&limit=500").json["images"] == sample["images"], "the same for everybody, always"
    admin.patch("/api/v1/projects/1", json={"sample_share": 0.4})
    larger = {image["id"] for image in admin.get(f"{url}&limit=500").json["images"]}
    admin.patch("/api/v1/projects/1", json={"sample_share": 1})
    assert {image["id"] for image in sample["images"]} < larger
    assert admin.get(url).json["total"] == 1003
    with app.app_context():
        assert db.session.query(Image).count() == 1003, "nothing is lost"


@pytest.mark.parametrize("share", [0, -1, 1.5, "many"])
def test_a_share_that_is_none_is_refused(admin: Any, images: list[int], share: Any) -> None:
    answer = admin.patch("/api/v1/projects/1", json={"sample_share": share})
    assert answer.status_code == 422
    assert "sample_share" in answer.json["error"]["message"]


def test_a_done_image_says_when(app: APIFlask, admin: Any, images: list[int]) -> None:
    def done_at() -> Any:
        with app.app_context():
            return db.session.get_one(Image, images[0]).done_at

    assert done_at() is None
    admin.patch(f"/api/v1/images/{images[0]}", json={"status": "done"})
    first = done_at()
    assert first is not None
    admin.patch(f"/api/v1/images/{images[0]}", json={"status": "done"})
    assert done_at() == first
    admin.patch(f"/api/v1/images/{images[0]}", json={"status": "in_progress"})
    assert done_at() is None
