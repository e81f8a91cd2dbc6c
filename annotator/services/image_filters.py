"""Which images a person wants to go through: conditions on the image table, by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, select

from annotator.database import now
from annotator.models import Image, Project, contribution
from annotator.services import stages

FilterName = Literal["needs_me", "unlabelled", "in_progress", "proposals", "rejected", "mine"]

# A colleague who saved something on an image within this time is taken to be still at it.
BUSY = timedelta(minutes=30)


def _needs(person_id: int) -> ColumnElement[bool]:
    """Open, and no colleague is working on it right now."""
    busy = select(contribution.c.image_id).where(
        contribution.c.last_at > now() - BUSY, contribution.c.user_id != person_id
    )
    return and_(Image.status.in_(("new", "in_progress")), Image.id.not_in(busy))


def _mine(person_id: int) -> ColumnElement[bool]:
    """It carries something, and the person saved something on it."""
    carries = Image.accepted_count + Image.proposal_count + Image.rejected_count > 0
    worked_on = select(contribution.c.image_id).where(contribution.c.user_id == person_id)
    return and_(carries, Image.id.in_(worked_on))


CONDITIONS: dict[FilterName, Callable[[int], ColumnElement[bool]]] = {
    "needs_me": _needs,
    "unlabelled": lambda _: Image.accepted_count == 0,
    "in_progress": lambda _: Image.status == "in_progress",
    "proposals": lambda _: Image.proposal_count > 0,
    "rejected": lambda _: Image.rejected_count > 0,
    "mine": _mine,
}


def condition(name: FilterName | None, person_id: int, project: Project) -> ColumnElement[bool] | None:
    """What an image of the project must meet; None lets every image through."""
    if name is None:
        return None
    met = CONDITIONS[name](person_id)
    return and_(met, stages.sampled(project)) if name == "needs_me" else met


def order(name: FilterName | None, project: Project) -> ColumnElement[int]:
    """What images are sorted by: one number each, no two alike in a project."""
    return stages.order(project) if name == "needs_me" else Image.position.expression
