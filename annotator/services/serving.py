"""Which model's embedding an image is shown with: the project's, or the one before until the new one is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from annotator.database import db
from annotator.models import Embedding, Image, Model, Project
from annotator.services import embeddings
from annotator.services.embeddings import EmbeddingState


@dataclass(frozen=True)
class Served:
    """The state of an image's embedding and the model it is of. `coming` says how far that of the project's model is
    while another one serves."""

    digest: str | None
    state: EmbeddingState
    coming: EmbeddingState | None = None


def served(images: Sequence[Image], digest: str | None) -> dict[int, Served]:
    """Image id → what serves it, the project using the model `digest`.

    An image without an embedding of that model keeps its latest one of another registered model: after a change of
    model, work goes on while the new embeddings are made.
    """
    states = embeddings.states(images, digest)
    lacking = {image.sha256 for image in images if states[image.id].state != "ready"}
    before = _latest(lacking) if digest is not None else {}
    found = {}
    for image in images:
        state = states[image.id]
        earlier = before.get(image.sha256) if state.state != "ready" else None
        if earlier is None:
            found[image.id] = Served(digest, state)
        else:
            ready = EmbeddingState("ready", bytes=earlier.bytes)
            found[image.id] = Served(earlier.model_digest, ready, coming=state)
    return found


def digest_for(image: Image) -> str | None:
    """The model that serves an image at the moment; None while there is no model at all."""
    project = db.session.get_one(Project, image.project_id)
    return served([image], embeddings.model_digest(project))[image.id].digest


def _latest(hashes: set[str]) -> dict[str, Embedding]:
    """SHA-256 → the newest embedding by a model that is still registered."""
    if not hashes:
        return {}
    rows = db.session.scalars(
        select(Embedding)
        .join(Model, Model.digest == Embedding.model_digest)
        .where(Embedding.image_sha256.in_(hashes))
        .order_by(Embedding.id)
    )
    return {row.image_sha256: row for row in rows}
