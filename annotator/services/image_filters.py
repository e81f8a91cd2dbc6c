"""Which images a person wants to go through: conditions on the image table, by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, or_, select

from annotator.models import Annotation, Image, now

FilterName = Literal["needs_me", "unlabelled", "in_progress", "proposals", "rejected", "mine"]

# A colleague who saved something on an image within this time is taken to be still at it.
BUSY = timedelta(minutes=30)


def _has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The image carries an annotation, not deleted, that meets the conditions."""
    live = (Annotation.image_id == Image.id, Annotation.deleted_at.is_(None))
    return exists(select(Annotation.id).where(*live, *conditions))


def _by(person_id: int) -> ColumnElement[bool]:
    return or_(Annotation.created_by == person_id, Annotation.updated_by == person_id)


def _needs(person_id: int) -> ColumnElement[bool]:
    """Open, and no colleague is working on it right now."""
    colleague = and_(
        Annotation.updated_by.is_not(None),
        Annotation.updated_by != person_id,
        Annotation.updated_at > now() - BUSY,
    )
    return and_(Image.status.in_(("new", "in_progress")), ~_has(colleague))


CONDITIONS: dict[FilterName, Callable[[int], ColumnElement[bool]]] = {
    "needs_me": _needs,
    "unlabelled": lambda _: ~_has(Annotation.state == "accepted"),
    "in_progress": lambda _: Image.status == "in_progress",
    "proposals": lambda _: _has(Annotation.state == "proposal"),
    "rejected": lambda _: _has(Annotation.state == "rejected"),
    "mine": lambda person_id: _has(_by(person_id)),
}


def condition(name: FilterName | None, person_id: int) -> ColumnElement[bool] | None:
    """What an image must meet; None lets every image through."""
    return None if name is None else CONDITIONS[name](person_id)
