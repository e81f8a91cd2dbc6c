"""Two projects with an image each, and people who belong to one of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from annotator.database import db, writing
from annotator.masks import encode
from annotator.models import Category, Image, Membership, Project, User

HEIGHT, WIDTH = 30, 50


def rectangle(
    x: int, y: int, width: int, height: int, shape: tuple[int, int] = (HEIGHT, WIDTH)
) -> dict[str, Any]:
    """COCO RLE of a filled rectangle."""
    bitmap = np.zeros(shape, dtype=np.uint8)
    bitmap[y : y + height, x : x + width] = 1
    return encode(bitmap).to_coco()


@dataclass
class Place:
    """A project with two categories and two images; ids only, rows belong to a session."""

    project_id: int
    category_ids: list[int]
    image_ids: list[int]
    name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def make_place(name: str, images: int = 2) -> Place:
    """Must run inside an application context."""
    with writing() as session:
        project = Project(name=name)
        session.add(project)
        session.flush()
        categories = [
            Category(project_id=project.id, name=label, color="#aabbcc", position=position)
            for position, label in enumerate(("cat", "dog"))
        ]
        rows = [
            Image(
                project_id=project.id,
                name=f"{name}-{position}.jpg",
                sha256=f"{position:064x}",
                source_sha256=f"{position:064x}",
                width=WIDTH,
                height=HEIGHT,
                mime="image/jpeg",
                bytes=1,
                position=position,
            )
            for position in range(images)
        ]
        session.add_all([*categories, *rows])
        session.flush()
        return Place(project.id, [row.id for row in categories], [row.id for row in rows], name)


@pytest.fixture
def place(app: APIFlask) -> Place:
    with app.app_context():
        return make_place("one")


@pytest.fixture
def elsewhere(app: APIFlask) -> Place:
    with app.app_context():
        return make_place("two")


@pytest.fixture
def member(app: APIFlask, make_client: Callable[..., Any], place: Place) -> Any:
    """A client of an annotator of the first project."""
    client = make_client("ann")
    with app.app_context(), writing() as session:
        person = db.session.query(User).filter_by(name="ann").one()
        session.add(Membership(user_id=person.id, project_id=place.project_id, role="annotator"))
    return client


@pytest.fixture
def outsider(make_client: Callable[..., Any]) -> Any:
    """A client of somebody who belongs to no project."""
    return make_client("otto")


@pytest.fixture
def body(place: Place) -> dict[str, Any]:
    """A complete PUT body."""
    return {
        "image_id": place.image_ids[0],
        "category_id": place.category_ids[0],
        "state": "accepted",
        "segmentation": rectangle(5, 6, 10, 8),
        "source": "assisted",
        "prompts": {"points": [[8.5, 9]], "labels": [1], "boxes": []},
        "candidate": 2,
        "predicted_iou": 0.93,
        "stability_score": 0.97,
        "model_digest": "ab" * 32,
        "model_segmentation": rectangle(5, 6, 10, 9),
        "active_ms": 4200,
        "z": 1,
        "note": "ears",
        "attributes": {"occluded": True},
    }


class Saver:
    """PUTs with the headers of the contract."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.id = str(uuid.uuid4())

    def put(
        self, body: Any, *, match: int | str | None = None, absent: bool = False, id: str | None = None
    ) -> TestResponse:
        headers = {}
        if match is not None:
            headers["If-Match"] = match if isinstance(match, str) else f'"{match}"'
        if absent:
            headers["If-None-Match"] = "*"
        return self.client.put(f"/api/v1/annotations/{id or self.id}", json=body, headers=headers)

    def delete(self, *, match: int | None = None) -> TestResponse:
        headers = {} if match is None else {"If-Match": f'"{match}"'}
        return self.client.delete(f"/api/v1/annotations/{self.id}", headers=headers)


@pytest.fixture
def saver(member: Any) -> Saver:
    return Saver(member)


def error(response: Any) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal; it always says something."""
    found = response.json["error"]
    assert set(found) == {"code", "message", "field"}
    assert found["message"]
    return response.status_code, found["code"], found["field"]
