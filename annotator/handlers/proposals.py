"""Automatic masks: a run over images, a preview of one, a look for what was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from annotator.handlers.detection import detected
from annotator.handlers.embedded_images import stored_embedding
from annotator.handlers.loaded_model import model_for
from annotator.handlers.stored_images import read_pixels
from annotator.jobs import Report, Ticket
from annotator.lines import line
from annotator.models import Image


def automask(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Payload: purpose (proposals, detector, missed, preview), model_digest, parameters; see services/automask.py."""
    from annotator.services import automask_run

    def find(image: Image, progress: Callable[[float], None]) -> list[dict[str, Any]]:
        return generate(ticket.payload, image, progress)

    report(0.0, line("Loading the model"))
    if ticket.payload["purpose"] == "preview":
        return automask_run.preview(ticket, report, find)
    return automask_run.run(ticket, report, find)


def generate(
    payload: dict[str, Any], image: Image, progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """The records of one image that a job with this payload asks for, masks as COCO RLE."""
    parameters, digest = payload["parameters"], payload["model_digest"]
    if payload["purpose"] == "detector":
        return detected(image, parameters["run_id"], digest)
    return records(image, parameters, digest, progress)


def records(
    image: Image, parameters: dict[str, Any], model_digest: str, progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """What the generator finds on an image, masks as COCO RLE; from its stored embedding if there is one."""
    from annotator.sam import SamAutomaticMaskGenerator

    model = model_for(model_digest)
    generator = SamAutomaticMaskGenerator(model, output_mode="coco_rle", **parameters)
    embedding = stored_embedding(image.sha256, model_digest)
    return generator.generate(read_pixels(image), embedding=embedding, progress=progress)
