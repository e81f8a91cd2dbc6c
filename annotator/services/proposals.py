"""Masks that a model proposes: stored for people to decide on, replaced by a later run unless somebody touched them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from annotator.database import writing
from annotator.masks import Rle
from annotator.models import Annotation, AnnotationRevision, Image
from annotator.services.annotations import to_json

NAMESPACE = uuid.UUID("d6a3b1f4-58e0-5c8e-8a39-6f2f0f9d5b42")
SAME_OBJECT = 0.7
"""A proposal whose IoU with what is there already exceeds this shows nothing new."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposed mask. `prompts` found it (points, labels, boxes as stored with annotations); `crop_box` is where it
    was sought: x, y, width, height in pixels of the image."""

    mask: Rle
    predicted_iou: float | None
    stability_score: float | None
    prompts: dict[str, Any]
    crop_box: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """What `replace` did. `known`: left out because the object is annotated, rejected or proposed already; `kept`:
    earlier proposals of this kind that somebody has touched."""

    created: int = 0
    unchanged: int = 0
    removed: int = 0
    known: int = 0
    kept: int = 0


def replace(
    image_id: int,
    proposals: Sequence[Proposal],
    *,
    proposed_by: str,
    model_digest: str | None,
    state: str = "proposal",
) -> Replaced:
    """Make these the untouched proposals of their kind on the image, in one transaction; repeating it changes nothing.

    Untouched ones from before go, others stay. Left out are empty masks, masks of objects that are already there
    (accepted, proposed by others, or touched) and of what people rejected or deleted. Joins the caller's `writing`
    block. On an image that is gone it does nothing.
    """
    with writing() as session:
        image = session.get(Image, image_id)
        if image is None:
            return Replaced()
        own = and_(Annotation.proposed_by == proposed_by, Annotation.image_id == image_id)
        untouched = and_(
            own, Annotation.state == state, Annotation.revision == 1, Annotation.deleted_at.is_(None)
        )
        earlier = set(session.scalars(select(Annotation.id).where(untouched)))
        kept = len(session.scalars(select(Annotation.id).where(own)).all()) - len(earlier)
        solid = [proposal for proposal in proposals if proposal.mask.area > 0]
        there = _masks(session, image_id, earlier)
        fresh = [solid[index] for index in np.flatnonzero(~_known([each.mask for each in solid], there))]
        wanted = {_id(image_id, proposed_by, model_digest, each.mask): each for each in fresh}
        gone = earlier - wanted.keys()
        session.execute(delete(Annotation).where(Annotation.id.in_(gone)))
        added = {key: proposal for key, proposal in wanted.items() if key not in earlier}
        _insert(session, image, added, proposed_by=proposed_by, model_digest=model_digest, state=state)
        return Replaced(
            created=len(added),
            unchanged=len(wanted) - len(added),
            removed=len(gone),
            known=len(solid) - len(fresh),
            kept=kept,
        )


def _id(image_id: int, proposed_by: str, model_digest: str | None, mask: Rle) -> str:
    """The same proposal has the same id, so that a run that finds it again leaves it alone."""
    return str(uuid.uuid5(NAMESPACE, f"{image_id}/{proposed_by}/{model_digest}/{mask.counts}"))


def _masks(session: Session, image_id: int, without: Iterable[str]) -> list[dict[str, Any]]:
    """COCO RLE of the image's annotations but `without` and missed regions, and of deleted proposals."""
    rows = session.execute(
        select(Annotation.id, Annotation.rle, Annotation.height, Annotation.width).where(
            Annotation.image_id == image_id,
            Annotation.state != "missed",
            or_(Annotation.deleted_at.is_(None), Annotation.proposed_by.is_not(None)),
        )
    )
    left_out = set(without)
    return [{"size": [row.height, row.width], "counts": row.rle} for row in rows if row.id not in left_out]


def _known(masks: Sequence[Rle], there: Sequence[dict[str, Any]]) -> NDArray[np.bool_]:
    """Which of the masks show what one of the stored COCO RLEs shows."""
    if not masks or not there:
        return np.zeros(len(masks), dtype=bool)
    found = coco_mask.iou([mask.to_coco() for mask in masks], list(there), [0] * len(there))
    return np.asarray(found).max(axis=1) > SAME_OBJECT


def _insert(
    session: Session,
    image: Image,
    proposals: dict[str, Proposal],
    *,
    proposed_by: str,
    model_digest: str | None,
    state: str,
) -> None:
    rows = []
    for key, proposal in proposals.items():
        x, y, width, height = proposal.mask.bbox
        rows.append(
            Annotation(
                id=key,
                project_id=image.project_id,
                image_id=image.id,
                state=state,
                rle=proposal.mask.counts,
                height=proposal.mask.height,
                width=proposal.mask.width,
                area=proposal.mask.area,
                bbox_x=x,
                bbox_y=y,
                bbox_w=width,
                bbox_h=height,
                source="proposal",
                prompts=proposal.prompts,
                predicted_iou=proposal.predicted_iou,
                stability_score=proposal.stability_score,
                crop_box=proposal.crop_box,
                model_digest=model_digest,
                proposed_by=proposed_by,
            )
        )
    # Below what people drew, and small ones above the large ones that hold them.
    rows.sort(key=lambda row: row.area)
    for place, row in enumerate(rows, start=1):
        row.z = -place
    session.add_all(rows)
    session.flush()
    session.add_all(
        AnnotationRevision(annotation_id=row.id, revision=row.revision, snapshot=to_json(row)) for row in rows
    )
