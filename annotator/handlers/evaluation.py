"""What became of a training run: the new model against the old one, and the masks that it sees otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from annotator.database import db
from annotator.errors import AnnotatorError
from annotator.handlers.embedded_images import set_image
from annotator.handlers.loaded_model import model_for
from annotator.jobs import Report, Ticket
from annotator.lines import line
from annotator.masks import encode, iou, parse_counts
from annotator.models import Annotation, Image, TrainingRun
from annotator.services import look_again, training_runs
from annotator.services.look_again import Compared

if TYPE_CHECKING:
    from annotator.sam.predictor import SamPredictor

COMPARED = 0.6
"""Share of the job after which the comparison is over and the old masks are looked at."""


def evaluate(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compares a run's new model with the old one and fills the queue of masks to look at again. Payload: run_id."""
    return judge(ticket.payload["run_id"], report)


def judge(run_id: int, report: Report) -> dict[str, Any]:
    """See `evaluate`; what is there already is not computed again."""
    run = training_runs.get(run_id)
    project_id, evaluation = run.project_id, run.evaluation
    if evaluation is None:
        evaluation = _compare(run, report)
        training_runs.note(run_id, evaluation=evaluation)
    doubtful = _look_again(run_id, project_id, report)
    training_runs.set_state(run_id, "done", line("Done"))
    return {"run_id": run_id, "objects": evaluation["objects"], "look_again": doubtful}


def _compare(run: TrainingRun, report: Report) -> dict[str, Any]:
    from annotator.evaluation.comparison import compare, held_objects
    from annotator.evaluation.model_segmenter import ModelSegmenter
    from annotator.services.models import load_registered

    assert run.digest is not None
    objects = held_objects(training_runs.folder(run.id) / "data" / "held")
    old, new = (ModelSegmenter(load_registered(digest), digest) for digest in (run.base_digest, run.digest))
    db.session.remove()

    def progress(done: int, total: int) -> None:
        text = line("Object {number} of {total} on held-back images", number=done, total=total)
        report(COMPARED * done / total, text)

    return compare(old, new, objects, progress)


def _look_again(run_id: int, project_id: int, report: Report) -> int:
    from annotator.sam.predictor import SamPredictor

    digest = training_runs.get(run_id).digest
    assert digest is not None
    predictor = SamPredictor(model_for(digest))
    images = look_again.images_to_compare(project_id)
    db.session.remove()
    compared: dict[int, list[Compared]] = {}
    for done, image_id in enumerate(images):
        share = COMPARED + (1 - COMPARED) * done / len(images)
        text = line("Image {number} of {total} seen by the new model", number=done + 1, total=len(images))
        report(share, text)
        if _embed(predictor, image_id):
            rows = db.session.scalars(look_again.accepted(image_id)).all()
            compared[image_id] = [Compared(row.id, row.revision, agreement(predictor, row)) for row in rows]
            db.session.remove()
    return look_again.replace(run_id, project_id, compared)


def _embed(predictor: SamPredictor, image_id: int) -> bool:
    """Sets the predictor to an image; False when it was deleted or cannot be read."""
    image = db.session.get(Image, image_id)
    try:
        return image is not None and set_image(predictor, image.sha256)
    except AnnotatorError:
        return False


def agreement(predictor: SamPredictor, row: Annotation) -> float:
    """IoU of an accepted mask with what the model makes of its prompts, or of its box where none are stored.

    Of an ambiguous prompt the candidate that agrees most counts: which one was meant is not the model's to know.
    """
    stored = row.prompts or {}
    points, labels = stored.get("points") or [], stored.get("labels") or []
    boxes = stored.get("boxes") or []
    if not points and not boxes:
        boxes = [[row.bbox_x, row.bbox_y, row.bbox_x + row.bbox_w, row.bbox_y + row.bbox_h]]
    ambiguous = len(points) == 1 and not boxes
    found, _, _ = predictor.predict(
        point_coords=np.array(points, dtype=np.float64) if points else None,
        point_labels=np.array(labels) if points else None,
        box=np.array(boxes[0], dtype=np.float64) if boxes else None,
        multimask_output=ambiguous,
    )
    wanted = parse_counts(row.rle, height=row.height, width=row.width)
    return max(iou(encode(np.asarray(mask)), wanted) for mask in found)
