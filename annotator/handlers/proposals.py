"""Automatic masks: a run over images, a preview of one, a look for what was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from annotator.handlers.detection import detected
from annotator.handlers.embedded_images import stored_embedding
from annotator.handlers.loaded_model import model_for
from annotator.handlers.stored_images import read_pixels
from annotator.jobs import Report, Ticket
from annotator.models import Image


def automask(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Payload: purpose (proposals, detector, missed, preview), model_digest, parameters; see services/automask.py."""
    from annotator.services import automask_run

    def generate(
        image: Image, parameters: dict[str, Any], progress: Callable[[float], None]
    ) -> list[dict[str, Any]]:
        if ticket.payload["purpose"] == "detector":
            return detected(image, parameters["run_id"], ticket.payload["model_digest"])
        return records(image, parameters, ticket.payload["model_digest"], progress)

    report(0.0, "Loading the model")
    if ticket.payload["purpose"] == "preview":
        return automask_run.preview(ticket, report, generate)
    return automask_run.run(ticket, report, generate)


def records(
    image: Image, parameters: dict[str, Any], model_digest: str, progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """What the generator finds on an image, masks as COCO RLE; from its stored embedding if there is one."""
    from annotator.sam import SamAutomaticMaskGenerator

    model = model_for(model_digest)
    generator = SamAutomaticMaskGenerator(model, output_mode="coco_rle", **parameters)
    embedding = stored_embedding(image.sha256, model_digest)
    return generator.generate(read_pixels(image), embedding=embedding, progress=progress)
