"""Images of a project: pages of the list, neighbours, status, deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from annotator.models import Annotation, Embedding, Image, db, writing
from annotator.services import crops
from annotator.services.ingest import image_key, thumbnail_key
from annotator.services.tiles import tiles_key
from annotator.storage import storage


@dataclass(frozen=True)
class Page:
    """One page; `next_cursor` is None on the last one, `total` counts everything that matches."""

    images: list[Image]
    next_cursor: int | None
    total: int


@dataclass(frozen=True)
class MaskCounts:
    annotations: int = 0
    proposals: int = 0


def page(
    project_id: int,
    *,
    status: str | None,
    text: str,
    cursor: int | None,
    limit: int,
    where: ColumnElement[bool] | None = None,
) -> Page:
    """Images in order, after the position `cursor`; `text` matches anywhere in the name, `where` is added."""
    query = select(Image).where(Image.project_id == project_id)
    if where is not None:
        query = query.where(where)
    if status is not None:
        query = query.where(Image.status == status)
    if text:
        query = query.where(Image.name.icontains(text, autoescape=True))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if cursor is not None:
        query = query.where(Image.position > cursor)
    images = list(db.session.scalars(query.order_by(Image.position).limit(limit + 1)))
    more = len(images) > limit
    images = images[:limit]
    return Page(images, images[-1].position if more else None, total)


def mask_counts(images: Sequence[Image]) -> dict[int, MaskCounts]:
    """Image id → numbers of accepted annotations and open proposals, in one query."""
    rows = db.session.execute(
        select(Annotation.image_id, Annotation.state, func.count())
        .where(Annotation.image_id.in_([image.id for image in images]), Annotation.deleted_at.is_(None))
        .group_by(Annotation.image_id, Annotation.state)
    )
    found: dict[int, dict[str, int]] = {}
    for image_id, state, number in rows:
        found.setdefault(image_id, {})[state] = number
    return {
        image.id: MaskCounts(
            found.get(image.id, {}).get("accepted", 0), found.get(image.id, {}).get("proposal", 0)
        )
        for image in images
    }


def neighbours(image: Image, where: ColumnElement[bool] | None = None) -> tuple[int | None, int | None]:
    """Ids of the previous and the next image of the project, among those that meet the condition."""
    same = select(Image.id).where(Image.project_id == image.project_id)
    if where is not None:
        same = same.where(where)
    before = same.where(Image.position < image.position).order_by(Image.position.desc())
    after = same.where(Image.position > image.position).order_by(Image.position)
    return _first(before), _first(after)


def _first(query: Select[tuple[int]]) -> int | None:
    return db.session.scalar(query.limit(1))


def update_image(image_id: int, changes: dict[str, Any]) -> Image:
    """Set status and skip_reason; an image that is no longer skipped has no reason."""
    with writing() as session:
        image = session.get_one(Image, image_id)
        for field, value in changes.items():
            if value is not None:
                setattr(image, field, value)
        if image.status != "skipped":
            image.skip_reason = ""
    return image


def delete_image(image_id: int) -> None:
    """Remove an image with its annotations, and its files unless another project shows the same picture."""
    with writing() as session:
        image = session.get_one(Image, image_id)
        sha256 = image.sha256
        keys = [image_key(image), thumbnail_key(image), tiles_key(image)]
        session.delete(image)
    # Rows first: an interruption here leaves files without rows, never rows without files. The second transaction
    # keeps uploads of the same picture out until its files are gone; they notice and write them again.
    with writing() as session:
        if session.scalar(select(Image.id).where(Image.sha256 == sha256).limit(1)) is not None:
            return
        for embedding in session.scalars(select(Embedding).where(Embedding.image_sha256 == sha256)):
            keys.append(embedding.blob_key)
            session.delete(embedding)
        for key in [*keys, *crops.keys_of(sha256)]:
            storage().delete(key)
