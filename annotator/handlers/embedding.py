"""Embeddings: of one image, of a chunk of images, of a part of an image."""

from __future__ import annotations

import time
from typing import Any

from flask import current_app

from annotator import chunks
from annotator.handlers.loaded_model import model_for
from annotator.handlers.stored_images import find_image, read_pixels
from annotator.jobs import Report, Ticket
from annotator.lines import line
from annotator.models import Image


def embed(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compute and store one embedding. Payload: image_sha256, model_digest."""
    return embed_image(ticket.payload["image_sha256"], ticket.payload["model_digest"], report)


def embed_image(sha256: str, digest: str, report: Report) -> dict[str, Any]:
    """Compute and store the embedding of one image, unless it is there."""
    from annotator.services import embeddings
    from annotator.storage import storage

    if embeddings.find(sha256, digest) is not None:
        return {"embedding": "was there already"}
    image = find_image(sha256)
    if image is None:
        return {"embedding": "the image was deleted"}
    model = _ready_model(digest, report)
    started = time.monotonic()
    data = _in_chosen_form(_encode(model, image, None))
    report(0.9, line("Storing the embedding"))
    storage().put(embeddings.embedding_key(sha256, digest), data)
    seconds = time.monotonic() - started
    embeddings.record(sha256, digest, size=len(data), seconds=seconds)
    return {"bytes": len(data), "seconds": round(seconds, 3)}


def embed_chunk(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compute and store the embeddings of many images. Payload: items (SHA-256 of each), model_digest.

    An image that cannot be done gets a job of its own, where its reason shows and can be tried again.
    """
    from annotator.services import embeddings

    digest = ticket.payload["model_digest"]

    def do(sha256: str) -> None:
        embed_image(sha256, digest, _silent)

    def alone(sha256: str) -> None:
        image = find_image(sha256)
        if image is not None:
            embeddings.request(image, digest, created_by=ticket.created_by)

    waiting = embeddings.without(ticket.payload["items"], digest)
    return chunks.work_through(ticket, report, waiting, do, alone=alone)


def _silent(share: float, message: str = "") -> None:
    """One image of many: the chunk reports."""


def crop(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compute and store the embedding of a part of an image. Payload: image_sha256, model_digest, box."""
    from annotator.sam.embedding_file import of_crop
    from annotator.services import crops

    sha256, digest = ticket.payload["image_sha256"], ticket.payload["model_digest"]
    x0, y0, x1, y1 = ticket.payload["box"]
    box = (x0, y0, x1, y1)
    if crops.find(sha256, digest, box) is not None:
        return {"crop": "was there already"}
    image = find_image(sha256)
    if image is None:
        return {"crop": "the image was deleted"}
    data = _in_chosen_form(of_crop(_encode(_ready_model(digest, report), image, box), box))
    report(0.9, line("Storing the embedding"))
    crops.store(sha256, digest, box, data)
    return {"bytes": len(data)}


def _ready_model(digest: str, report: Report) -> Any:
    report(0.0, line("Loading the model"))
    model = model_for(digest)
    report(0.1, line("Computing the embedding"))
    return model


def _encode(model: Any, image: Image, box: tuple[int, int, int, int] | None) -> bytes:
    """The embedding file of an image's stored pixels, all of them or those of `box` (x0, y0, x1, y1)."""
    from annotator.sam.predictor import encode_image

    return encode_image(model, read_pixels(image, box), image_sha256=image.sha256)


def _in_chosen_form(data: bytes) -> bytes:
    """The embedding file as the setting `embedding_form` wants it stored and sent."""
    from annotator.sam.embedding_file import in_whole_numbers

    form = current_app.extensions["annotator_settings"].embedding_form
    return in_whole_numbers(data) if form == "int8" else data
