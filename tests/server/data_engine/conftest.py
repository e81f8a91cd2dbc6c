"""A project with images, a stand-in for the generator, and a worker that uses it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image

from annotator.database import db, writing
from annotator.handlers import proposals as handler
from annotator.masks import encode
from annotator.models import Membership, User
from annotator.services.ingest import ingest
from annotator.services.projects import create_project, find_project
from annotator.worker import Worker
from tests.server.pictures import encode as encode_picture
from tests.server.pictures import pixels

HEIGHT, WIDTH = 24, 40
"""Size of `pixels()`."""


def record(x: int, y: int, width: int, height: int, score: float = 0.9) -> dict[str, Any]:
    """A generator's record of a rectangle."""
    bitmap = np.zeros((HEIGHT, WIDTH), dtype=bool)
    bitmap[y : y + height, x : x + width] = True
    rle = encode(bitmap)
    return {
        "segmentation": rle.to_coco(),
        "area": rle.area,
        "bbox": [x, y, width - 1, height - 1],
        "predicted_iou": score,
        "point_coords": [[x + width / 2, y + height / 2]],
        "stability_score": score,
        "crop_box": [0, 0, WIDTH, HEIGHT],
    }


def numbered(number: int) -> bytes:
    """A picture unlike those of other numbers."""
    grid = pixels()
    grid[0, 0] = number
    return encode_picture(Image.fromarray(grid), "PNG")


class Generator:
    """Stands in for the model: `records` by image name, or the same for all; `calls` counts."""

    def __init__(self) -> None:
        self.records: Any = [record(2, 2, 8, 6), record(20, 4, 10, 12, 0.95)]
        self.calls: list[str] = []
        self.failing: Callable[[str], None] = lambda name: None

    def __call__(self, image: Any, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        self.calls.append(image.name)
        self.failing(image.name)
        return list(self.records[image.name] if isinstance(self.records, dict) else self.records)


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Generator:
    found = Generator()
    monkeypatch.setattr(handler, "records", lambda image, parameters, *_: found(image, parameters))
    return found


@pytest.fixture
def images(app: APIFlask, register_model: Callable[..., str]) -> list[int]:
    """Ids of three images of the project "Street", whose id is 1; nothing is queued."""
    with app.app_context():
        project = create_project("Street")
        ids = [
            ingest(project, io.BytesIO(numbered(number)), f"{number}.png", person=None).image.id
            for number in range(3)
        ]
    register_model()
    return ids


@pytest.fixture
def worker(app: APIFlask) -> Worker:
    return Worker(app)


@pytest.fixture
def annotator(app: APIFlask, make_client: Callable[..., Any], images: list[int]) -> Any:
    """A client of somebody who belongs to the project and does not manage it."""
    client = make_client("ann")
    with app.app_context(), writing() as session:
        person = db.session.query(User).filter_by(name="ann").one()
        project_id = find_project("Street").id
        session.add(Membership(user_id=person.id, project_id=project_id, role="annotator"))
    return client
