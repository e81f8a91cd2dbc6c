"""Closer looks: embeddings of a part of an image, made when somebody asks, kept while there is room.

The part is a box x0, y0, x1, y1 in pixels of the upright image, its right and bottom edge excluded. What is stored can
be made again at any time, so there is no row for it: the blob's key says what it is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import func, select

from annotator import jobs
from annotator.database import db, writing
from annotator.errors import AnnotatorError, InvalidInput
from annotator.models import UNFINISHED, Image, Job
from annotator.storage import storage

Box = tuple[int, int, int, int]

FOLDER = "crops"
INTERACTIVE = 20
"""Priority: somebody waits in front of the image."""
MIN_SIDE = 32
MAX_WAITING = 4
MAX_ATTEMPTS = 20


class TooManyCrops(AnnotatorError):
    """The person has enough crops under way."""

    status = 429


@dataclass(frozen=True)
class CropState:
    """state: ready, queued or running; `bytes` of a ready one, `job_id` of the others."""

    box: Box
    state: str
    bytes: int | None = None
    job_id: int | None = None


def check_box(box: Sequence[int], image: Image) -> Box:
    """The box if it is a proper part of the image. Raises InvalidInput naming value and remedy."""
    x0, y0, x1, y1 = box
    shown = f"[{x0}, {y0}, {x1}, {y1}]"
    if x0 >= x1 or y0 >= y1:
        raise _bad(f"{shown} is empty; send [x0, y0, x1, y1] with x0 < x1 and y0 < y1.")
    if x0 < 0 or y0 < 0 or x1 > image.width or y1 > image.height:
        raise _bad(
            f"{shown} reaches outside the image of {image.width} × {image.height} pixels; "
            f"keep it within [0, 0, {image.width}, {image.height}]."
        )
    if min(x1 - x0, y1 - y0) < min(MIN_SIDE, image.width, image.height):
        raise _bad(f"{shown} is {x1 - x0} × {y1 - y0} pixels; each side must be at least {MIN_SIDE}.")
    if max(x1 - x0, y1 - y0) >= max(image.width, image.height):
        raise _bad(f"{shown} is as long as the image, whose own embedding shows as much; choose a part.")
    return x0, y0, x1, y1


def _bad(message: str) -> InvalidInput:
    return InvalidInput(f"box: {message}", code="bad_box", field="box")


def _folder(image_sha256: str) -> str:
    return f"{FOLDER}/{image_sha256[:2]}/{image_sha256}"


def crop_key(image_sha256: str, model_digest: str, box: Box) -> str:
    """Blob key of a crop's embedding: one image, one model, one box."""
    return f"{_folder(image_sha256)}/{model_digest[:16]}-{'-'.join(map(str, box))}.safetensors"


def dedupe_key(image_sha256: str, model_digest: str, box: Box) -> str:
    return f"crop:{image_sha256}:{model_digest}:{'-'.join(map(str, box))}"


def find(image_sha256: str, model_digest: str, box: Box) -> CropState | None:
    """The stored crop, if it is there."""
    key = crop_key(image_sha256, model_digest, box)
    return CropState(box, "ready", bytes=storage().size(key)) if storage().exists(key) else None


def request(image: Image, model_digest: str, box: Box, *, created_by: int) -> CropState:
    """The crop, or the job that makes it, queued first in line.

    Raises TooManyCrops when the person waits for several already.
    """
    found = find(image.sha256, model_digest, box)
    if found is not None:
        return found
    with writing() as session:
        key = dedupe_key(image.sha256, model_digest, box)
        job = session.scalar(select(Job).where(Job.dedupe_key == key, Job.state.in_(UNFINISHED)))
        if job is None:
            _check_waiting(created_by)
            job = jobs.enqueue(
                "crop",
                {"image_sha256": image.sha256, "model_digest": model_digest, "box": list(box)},
                project_id=image.project_id,
                dedupe_key=key,
                priority=INTERACTIVE,
                created_by=created_by,
                max_attempts=MAX_ATTEMPTS,
            )
        return CropState(box, job.state, job_id=job.id)


def _check_waiting(person_id: int) -> None:
    waiting = db.session.scalar(
        select(func.count()).where(Job.kind == "crop", Job.created_by == person_id, Job.state.in_(UNFINISHED))
    )
    if waiting is not None and waiting >= MAX_WAITING:
        raise TooManyCrops(
            f"You already wait for {waiting} crops, the most at a time. Wait for one, or cancel its job.",
            code="too_many_crops",
        )


def store(image_sha256: str, model_digest: str, box: Box, data: bytes) -> None:
    """Keep a crop's embedding; the oldest ones go when there is no room left."""
    storage().put(crop_key(image_sha256, model_digest, box), data)
    storage().trim(FOLDER, current_app.extensions["annotator_settings"].crop_cache_bytes)


def keys_of(image_sha256: str) -> list[str]:
    """Blob keys of all crops of an image."""
    return storage().keys(_folder(image_sha256))
