"""`flask automask`, with a real model small enough for tests; its masks against the generator called directly."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from apiflask import APIFlask
from click.testing import Result

from annotator.database import db
from annotator.masks import parse_rle
from annotator.models import Annotation, Job
from annotator.sam.embedding_file import EmbeddingFile
from annotator.services.ingest import ingest
from annotator.services.projects import create_project
from tests.server.data_engine.conftest import Generator, numbered

Command = Callable[..., Result]


@pytest.fixture
def automask(app: APIFlask) -> Command:
    """automask("Street", …) → what the command did."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["automask", *arguments])


def test_it_proposes_masks_and_says_so(
    app: APIFlask, images: list[int], generator: Generator, automask: Command
) -> None:
    done = automask("Street")
    assert done.exit_code == 0, done.output
    assert "3 images: 6 new proposals" in done.output
    with app.app_context():
        assert db.session.query(Annotation).filter_by(proposed_by="automask").count() == 6


def test_images_are_named_by_name_or_id(
    app: APIFlask, images: list[int], generator: Generator, automask: Command
) -> None:
    assert automask("Street", "--image", "1.png", "--image", str(images[2])).exit_code == 0
    assert generator.calls == ["1.png", "2.png"]


def test_parameters_come_from_preset_and_options(
    app: APIFlask, images: list[int], generator: Generator, automask: Command
) -> None:
    assert (
        automask(
            "Street", "--preset", "cells", "--points-per-side", "5", "--pred-iou-thresh", "0.5"
        ).exit_code
        == 0
    )
    with app.app_context():
        parameters = db.session.query(Job).filter_by(kind="automask").one().payload["parameters"]
    assert (parameters["points_per_side"], parameters["pred_iou_thresh"]) == (5, 0.5)
    assert parameters["min_mask_region_area"] == 20


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["Road"], "Road"),
        (["Street", "--image", "9.png"], "9.png"),
        (["Street", "--preset", "trees"], "trees"),
        (["Street", "--points-per-side", "0"], "--points-per-side"),
        (["Street", "--points-per-side", "128", "--crop-n-layers", "1"], "points_per_side"),
    ],
)
def test_wrong_arguments_fail_with_a_reason(
    images: list[int], generator: Generator, automask: Command, arguments: list[str], reason: str
) -> None:
    done = automask(*arguments)
    assert done.exit_code != 0
    assert reason in done.output
    assert generator.calls == []


def test_a_failed_image_is_a_failure(
    app: APIFlask, images: list[int], generator: Generator, automask: Command
) -> None:
    def fail(name: str) -> None:
        if name == "1.png":
            raise RuntimeError("out of memory")

    generator.failing = fail
    done = automask("Street")
    assert done.exit_code == 1
    assert "1.png: RuntimeError: out of memory" in done.output
    assert "1 of 3 images failed" in done.output


def test_the_masks_are_the_generators_own(
    app: APIFlask, tiny_model: str, automask: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored proposals equal those of `SamAutomaticMaskGenerator` called directly with the same parameters."""
    from annotator.handlers.loaded_model import model_for
    from annotator.handlers.stored_images import read_pixels
    from annotator.sam import SamAutomaticMaskGenerator, SamPredictor

    options = {
        "points_per_side": 4,
        "pred_iou_thresh": 0.0,
        "stability_score_thresh": 0.0,
        "box_nms_thresh": 0.95,
    }
    with app.app_context():
        image = ingest(create_project("Street"), io.BytesIO(numbered(0)), "0.png", person=None).image
        model, pixels = model_for(tiny_model), read_pixels(image)
        # Random weights mark everything alike; a high threshold makes their masks small and different.
        predictor = SamPredictor(model)
        predictor.set_image(pixels)
        logits, *_ = predictor.predict(np.array([[20, 12]]), np.array([1]), return_logits=True)
        monkeypatch.setattr(model, "mask_threshold", float(np.quantile(logits, 0.95)))
        generator = SamAutomaticMaskGenerator(model, output_mode="coco_rle", **options)  # type: ignore[arg-type]
        expected = [record for record in generator.generate(pixels) if record["area"] > 0]
        db.session.remove()
    flags = [str(part) for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    done = automask("Street", *flags, "--min-mask-region-area", "0")
    assert done.exit_code == 0, done.output
    with app.app_context():
        stored = {row.rle: row for row in db.session.query(Annotation).filter_by(proposed_by="automask")}
    assert len(expected) >= 4
    assert {parse_rle(record["segmentation"]).counts for record in expected} == set(stored)
    for record in expected:
        same = stored[parse_rle(record["segmentation"]).counts]
        assert same.predicted_iou == pytest.approx(record["predicted_iou"])
        assert same.stability_score == pytest.approx(record["stability_score"])
        assert (same.crop_box, same.prompts["points"]) == (record["crop_box"], record["point_coords"])


def test_a_stored_embedding_is_used(
    app: APIFlask, tiny_model: str, automask: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.sam import SamAutomaticMaskGenerator
    from annotator.worker import Worker

    given: list[str | None] = []

    def generate(
        self: object, image: object, *, embedding: EmbeddingFile | None, progress: object
    ) -> list[object]:
        given.append(embedding and embedding.model_digest)
        return []

    monkeypatch.setattr(SamAutomaticMaskGenerator, "generate", generate)
    with app.app_context():
        ingest(create_project("Street"), io.BytesIO(numbered(0)), "0.png", person=None)
    assert automask("Street").exit_code == 0
    Worker(app).run_until_idle()
    assert automask("Street").exit_code == 0
    assert given == [None, tiny_model]
