"""What statistics need of every annotation that somebody decided on, kept beside it in a narrow table.

Statistics read a hundred thousand masks at once; from the annotations themselves they would read every mask's runs.
Facts are written with each save. Annotations from before the table, or inserted around `annotations.save`, get theirs
from `fill_missing`.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from annotator.database import db, writing
from annotator.mask_figures import centre, concavity
from annotator.masks import Rle, iou, parse_counts
from annotator.models import Annotation, AnnotationRevision, MaskFact, Project

DELETED = "deleted"
DECIDED = ("accepted", "rejected")
CENTRE_STEPS = 1024
FILL_BATCH = 100
"""Annotations measured in one transaction: other writers wait about a fifth of a second for it."""


def record(
    session: Session, row: Annotation, *, author_id: int | None, moment: datetime, mask: Rle | None = None
) -> None:
    """Bring the facts of a saved annotation up to date, and its `proposal_iou`. Joins the caller's transaction.

    The first decision counts: who first accepted or rejected the mask, when, and in which stage of the project. `mask`
    is the row's, where the caller has read it already.
    """
    if mask is None:
        mask = parse_counts(row.rle, height=row.height, width=row.width)
    row.proposal_iou = _proposal_iou(session, row, mask)
    fact = session.get(MaskFact, row.id) if row.revision > 1 else None
    if fact is None:
        fact = MaskFact(annotation_id=row.id, project_id=row.project_id, image_id=row.image_id)
    fact.state = DELETED if row.deleted_at is not None else row.state
    # Deleting a proposal decides on it, too.
    decided = fact.state in DECIDED or (fact.state == DELETED and row.proposed_by is not None)
    if decided and fact.decided_at is None:
        fact.decided_at, fact.week = moment, monday(moment)
        fact.annotator_id = author_id
        fact.stage = session.get_one(Project, row.project_id).stage
    elif not decided and fact.state != DELETED:
        fact.decided_at = fact.week = fact.stage = fact.annotator_id = None
    fact.category_id, fact.source, fact.proposed_by = row.category_id, row.source, row.proposed_by
    fact.active_ms, fact.clicks, fact.corrected = row.active_ms, _clicks(row), row.model_rle is not None
    _measure(fact, row, mask)
    session.add(fact)


def monday(moment: datetime) -> str:
    """The first day of the week, ISO 8601, in UTC."""
    return (moment.date() - timedelta(days=moment.weekday())).isoformat()


def _clicks(row: Annotation) -> int:
    """Points and boxes that a person gave; the one that found a proposal is nobody's."""
    prompts = row.prompts or {}
    given = len(prompts.get("points") or ()) + len(prompts.get("boxes") or ())
    return max(0, given - (row.proposed_by is not None))


def _measure(fact: MaskFact, row: Annotation, mask: Rle) -> None:
    x, y = centre(mask)
    fact.agreement = _agreement(row, mask)
    fact.relative_size = _thousandths(math.sqrt(mask.area / (mask.height * mask.width)))
    fact.concavity = _thousandths(concavity(mask))
    fact.center_x = math.floor((x + 0.5) / mask.width * CENTRE_STEPS)
    fact.center_y = math.floor((y + 0.5) / mask.height * CENTRE_STEPS)


def _thousandths(share: float) -> int:
    # Rounded down: a mask that just misses a threshold must not be counted as reaching it.
    return math.floor(share * 1000 + 1e-9)


def _agreement(row: Annotation, mask: Rle) -> int | None:
    """IoU of the mask with what a model made of it, in thousandths; None where no model was at work."""
    if row.proposal_iou is not None:
        return _thousandths(row.proposal_iou)
    if row.source not in ("assisted", "proposal"):
        return None
    if row.model_rle is None:
        return 1000
    return _thousandths(iou(mask, parse_counts(row.model_rle, height=row.height, width=row.width)))


def _proposal_iou(session: Session, row: Annotation, mask: Rle) -> float | None:
    """IoU with the mask that was proposed, which is the first revision's; None unless a proposal was accepted."""
    if row.proposed_by is None or row.state != "accepted":
        return None
    first = session.scalar(
        select(AnnotationRevision.snapshot).where(
            AnnotationRevision.annotation_id == row.id, AnnotationRevision.revision == 1
        )
    )
    if first is None:
        return None
    proposed = first["segmentation"]
    height, width = proposed["size"]
    return iou(mask, parse_counts(proposed["counts"], height=height, width=width))


def _decided(project_id: int) -> ColumnElement[bool]:
    return and_(
        Annotation.project_id == project_id,
        Annotation.deleted_at.is_(None),
        Annotation.state.in_(DECIDED),
    )


def fill_missing(project_id: int, *, seconds: float) -> bool:
    """Write facts that are missing, for at most about so many seconds; True when none is missing any more."""
    deadline = time.monotonic() + seconds
    # Both counts come from indexes alone; looking for the missing ones reads the annotations.
    decided = db.session.scalar(select(func.count()).where(_decided(project_id))) or 0
    known = db.session.scalar(
        select(func.count()).where(MaskFact.project_id == project_id, MaskFact.state.in_(DECIDED))
    )
    missing = decided - (known or 0)
    while missing > 0:
        if time.monotonic() > deadline:
            return False
        missing = _fill_some(project_id, missing)
    return True


def _fill_some(project_id: int, missing: int) -> int:
    """Facts for some of the annotations that lack them; returns how many still do."""
    known = select(MaskFact.annotation_id).where(MaskFact.annotation_id == Annotation.id).exists()
    with writing() as session:
        rows = session.scalars(select(Annotation).where(_decided(project_id), ~known).limit(FILL_BATCH)).all()
        for row in rows:
            updated_at = row.updated_at
            record(session, row, author_id=row.updated_by or row.created_by, moment=updated_at)
            row.updated_at = updated_at  # nobody edited it
            flag_modified(row, "updated_at")
    return missing - len(rows) if rows else 0
