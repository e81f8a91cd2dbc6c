"""Training a project's detector: embeddings that are stored or made now, boxes of accepted masks, a minute of a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from annotator.database import db
from annotator.handlers.embedded_images import set_image
from annotator.handlers.loaded_model import model_for
from annotator.jobs import Report
from annotator.lines import line
from annotator.services import detectors, training_data, training_runs

if TYPE_CHECKING:
    from annotator.training.detector_training import BoxedImage

COLLECTED = 0.3
"""Share of the job after which all embeddings are there."""

MINUTES = 2.0


def perform(run_id: int, report: Report) -> dict[str, Any]:
    """Trains, measures on held-back images and stores the detector of a run; returns its digest."""
    from annotator.training.detector import save_detector
    from annotator.training.detector_training import choose_confident, train_detector
    from annotator.training.project_data import held_back

    run = training_runs.get(run_id)
    settings, base, project_id = run.settings, run.base_digest, run.project_id
    boxes = training_data.boxes(db.session(), project_id)
    images = _collect(boxes, base, report)
    held = held_back(boxes.keys())
    training, judging = (
        [image for sha, image in images.items() if (sha in held) is side] for side in (False, True)
    )
    training_runs.note(run_id, data=_counts(training, judging))
    curve: list[dict[str, float]] = []

    def watch(share: float, figures: dict[str, float]) -> None:
        curve.append(figures)
        training_runs.note(run_id, curve=training_runs.thinned(curve))
        report(COLLECTED + (1 - COLLECTED) * share, line("Training the detector"))

    detector = train_detector(
        training,
        input_size=model_for(base).config.image_size,
        base_digest=base,
        minutes=settings.get("minutes") or (None if settings.get("steps") else MINUTES),
        steps=settings.get("steps"),
        watch=watch,
    )
    found = choose_confident(detector, judging)
    path = training_runs.folder(run_id) / "detector.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_detector(detector, path)
    digest = detectors.store(path)
    path.unlink()
    training_runs.note(run_id, digest=digest, evaluation=vars(found) | {"objects": _objects(judging)})
    training_runs.set_state(run_id, "done", line("Done"))
    return {"run_id": run_id, "digest": digest}


def _collect(
    boxes: dict[str, list[tuple[int, int, int, int]]], base: str, report: Report
) -> dict[str, BoxedImage]:
    """Content hash → embedding and boxes in the model's input frame."""
    from annotator.sam.predictor import SamPredictor
    from annotator.training.detector_training import BoxedImage

    predictor = SamPredictor(model_for(base))
    images = {}
    for done, (sha256, each) in enumerate(boxes.items()):
        text = line("Image {number} of {total} encoded", number=done + 1, total=len(boxes))
        report(COLLECTED * done / len(boxes), text)
        if not set_image(predictor, sha256):
            continue
        corners = predictor.transform.apply_boxes(np.array(each), predictor.original_size)
        embedding = predictor.get_image_embedding()[0].cpu().numpy().astype(np.float16)
        images[sha256] = BoxedImage(embedding, corners.astype(np.float32))
    return images


def _counts(training: Sequence[BoxedImage], held: Sequence[BoxedImage]) -> dict[str, Any]:
    return {
        "images": len(training),
        "masks": _objects(training),
        "held_images": len(held),
        "held_masks": _objects(held),
        "categories": {},
    }


def _objects(images: Sequence[BoxedImage]) -> int:
    return sum(len(image.boxes) for image in images)
