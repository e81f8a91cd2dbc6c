"""Images of a project: pages of the list, neighbours, status, deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from annotator.database import db, now, writing
from annotator.models import Embedding, Image
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


def page(
    project_id: int,
    *,
    status: str | None,
    text: str,
    cursor: int | None,
    limit: int,
    where: ColumnElement[bool] | None = None,
    order: ColumnElement[int] | None = None,
) -> Page:
    """Images in order, after the place `cursor`; `text` matches anywhere in the name, `where` is added.

    `order` is one number an image, its position unless given, and what cursors are.
    """
    place = Image.position if order is None else order
    query = select(Image).where(Image.project_id == project_id)
    if where is not None:
        query = query.where(where)
    if status is not None:
        query = query.where(Image.status == status)
    if text:
        query = query.where(Image.name.icontains(text, autoescape=True))
    shown = query if cursor is None else query.where(place > cursor)
    # First which, from an index alone, then all of them.
    placed = (
        shown.with_only_columns(Image.id, place.label("place")).order_by("place").limit(limit + 1).subquery()
    )
    chosen = select(Image, placed.c.place).join(placed, Image.id == placed.c.id).order_by(placed.c.place)
    rows = db.session.execute(chosen).all()
    found = [row[0] for row in rows[:limit]]
    if len(rows) <= limit and cursor is None:
        return Page(found, None, len(found))
    following = int(rows[limit - 1].place) if len(rows) > limit else None
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return Page(found, following, total)


def neighbours(
    image: Image, where: ColumnElement[bool] | None = None, order: ColumnElement[int] | None = None
) -> tuple[int | None, int | None]:
    """Ids of the previous and the next image of the project in `page`'s order, among those that meet the condition."""
    place = Image.position if order is None else order
    here = db.session.scalar(select(place).where(Image.id == image.id))
    same = select(Image.id).where(Image.project_id == image.project_id)
    if where is not None:
        same = same.where(where)
    before = same.where(place < here).order_by(place.desc())
    after = same.where(place > here).order_by(place)
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
        if image.status != "done":
            image.done_at = None
        elif image.done_at is None:
            image.done_at = now()
    return image


def delete_image(image_id: int) -> None:
    """Remove an image with its annotations, and its files unless another project shows the same picture."""
    with writing() as session:
        image = session.get_one(Image, image_id, with_for_update=True)
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
