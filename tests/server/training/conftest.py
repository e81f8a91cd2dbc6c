"""A project with a few labelled images, a tiny model, a worker, and training that takes no time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image

from annotator.database import db, writing
from annotator.handlers import training as handler
from annotator.handlers.training_process import Order
from annotator.masks import encode
from annotator.models import Annotation, Category, Membership, Project, User
from annotator.services.ingest import ingest
from annotator.services.projects import create_category, create_project
from annotator.worker import Worker
from tests.server.pictures import encode as encode_picture

HEIGHT, WIDTH = 48, 80
IMAGES = 6


def disc(x: int, y: int, radius: int) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.uint8)


@pytest.fixture(autouse=True)
def _no_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting a decoder takes longer than all the rest of a test, and is tested elsewhere."""
    facts = {"image_size": 128, "embedding_size": [8, 8], "mask_size": [32, 32], "parameters": 1}
    facts |= {"decoder_bytes": 4, "decoder_sha256": "0" * 64}
    monkeypatch.setattr("annotator.services.models._store_decoder", lambda *_: facts)


@pytest.fixture
def labelled(app: APIFlask, tiny_model: str) -> int:
    """Id of a project of IMAGES images with two accepted discs each, of two categories, and a proposal."""
    with app.app_context():
        project = create_project("Discs")
        categories = [create_category(project.id, name) for name in ("small", "large")]
        for number in range(IMAGES):
            _add_image(project, categories, number)
        return project.id


def _add_image(project: Project, categories: list[Category], number: int) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), (30, 40, 20 * number), np.uint8)
    bitmaps = [disc(18 + number, 24, 8), disc(56, 22 + number, 15)]
    for bitmap in bitmaps:
        pixels[bitmap > 0] = (230, 200, 40)
    content = io.BytesIO(encode_picture(Image.fromarray(pixels), "PNG"))
    image = ingest(project, content, f"{number}.png", person=None).image
    with writing() as session:
        for category, bitmap in zip(categories, bitmaps, strict=True):
            session.add(_annotation(project, image.id, category.id, bitmap, "accepted"))
        session.add(_annotation(project, image.id, None, disc(40, 5, 4), "proposal"))


def _annotation(
    project: Project, image_id: int, category_id: int | None, bitmap: np.ndarray[Any, Any], state: str
) -> Annotation:
    mask = encode(bitmap)
    x, y, width, height = mask.bbox
    return Annotation(
        project_id=project.id,
        image_id=image_id,
        category_id=category_id,
        state=state,
        rle=mask.counts,
        height=mask.height,
        width=mask.width,
        area=mask.area,
        bbox_x=x,
        bbox_y=y,
        bbox_w=width,
        bbox_h=height,
        source="assisted",
        prompts={"points": [[x + width / 2, y + height / 2]], "labels": [1], "boxes": []},
    )


@pytest.fixture
def manager(app: APIFlask, make_client: Callable[..., Any], labelled: int) -> Any:
    """A client of the project's manager."""
    return _member(app, make_client, labelled, "mia", "manager")


@pytest.fixture
def annotator(app: APIFlask, make_client: Callable[..., Any], labelled: int) -> Any:
    """A client of one of its annotators."""
    return _member(app, make_client, labelled, "ann", "annotator")


def _member(app: APIFlask, make_client: Callable[..., Any], project_id: int, name: str, role: str) -> Any:
    client = make_client(name)
    with app.app_context(), writing() as session:
        person = db.session.query(User).filter_by(name=name).one()
        session.add(Membership(user_id=person.id, project_id=project_id, role=role))
    return client


@pytest.fixture
def work(app: APIFlask) -> Callable[[], int]:
    """Does the jobs of training that wait; embeddings stay in the queue."""
    from annotator.handlers import HANDLERS

    return Worker(app, {kind: HANDLERS[kind] for kind in ("train", "evaluate")}).run_until_idle


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Training without training: weights a little off those it begins with, and a log. Lists the orders."""
    orders: list[Order] = []

    def stand_in(order: Order, watch: Callable[[], None]) -> None:
        import torch

        from annotator.sam.checkpoints import load_checkpoint, save_checkpoint

        orders.append(order)
        order.state.mkdir(parents=True, exist_ok=True)
        lines = [
            {"step": 0, "minutes": 0.0, "progress": 0.0, "val_iou_point": 0.4},
            {"step": 20, "minutes": 0.5, "progress": 0.5, "loss0": 2.5, "images": 80},
            {"step": 40, "minutes": 1.0, "progress": 1.0, "val_iou_point": 0.6},
        ]
        (order.state / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        watch()
        sam = load_checkpoint(order.weights)
        with torch.no_grad():
            sam.mask_decoder.iou_token.weight += 0.5 * len(orders)
        save_checkpoint(sam, order.state / "model.safetensors")
        (order.state / "finished").touch()

    monkeypatch.setattr(handler, "train_aside", stand_in)
    return orders
