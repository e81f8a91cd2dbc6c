"""Objects that nobody annotated: stable, confident regions of an image that annotations hardly cover.

They are annotations with the state "missed", which appear in no list until somebody accepts them. Rejecting one keeps
it from coming back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycocotools import mask as coco_mask
from sqlalchemy import select

from annotator.database import db, writing
from annotator.models import Annotation, Job
from annotator.services import automask, proposals
from annotator.services.annotations import to_json
from annotator.services.automask_parameters import GivenParameters, complete
from annotator.services.proposals import Proposal, Replaced

COVERED = 0.2
"""Share of a region under annotations from which on nobody has missed it."""

PRESET = "things"
CONFIDENT = GivenParameters(pred_iou_thresh=0.6, stability_score_thresh=0.9)
SMALLEST_SHARE = 2e-4
"""Smaller regions, as shares of the image, are not worth a look."""


def parameters(preset: str | None, given: GivenParameters | None) -> dict[str, Any]:
    """The parameters of the search: confident ones unless something is given. Raises like `complete`."""
    if preset is None and given is None:
        return complete(PRESET, CONFIDENT)
    return complete(preset, given)


def store(image_id: int, found: Sequence[Proposal], *, model_digest: str) -> Replaced:
    """Keep the regions that annotations hardly cover, no two of them in one place. Joins a `writing` block."""
    with writing():
        taken = _annotated(image_id)
        regions = []
        for proposal in sorted(found, key=_confidence, reverse=True):
            mask = proposal.mask
            if mask.area < SMALLEST_SHARE * mask.height * mask.width:
                continue
            region = mask.to_coco()
            if _covered(region, taken) < COVERED:
                regions.append(proposal)
                taken = coco_mask.merge([region] if taken is None else [taken, region])
        return proposals.replace(
            image_id, regions, proposed_by="missed", model_digest=model_digest, state="missed"
        )


def _confidence(proposal: Proposal) -> float:
    return (proposal.predicted_iou or 0.0) * (proposal.stability_score or 0.0)


def regions(image_id: int) -> list[dict[str, Any]]:
    """The regions that are still uncovered, the most confident first: annotations in API form, with `covered`."""
    rows = db.session.scalars(
        select(Annotation).where(
            Annotation.image_id == image_id, Annotation.deleted_at.is_(None), Annotation.state == "missed"
        )
    ).all()
    taken = _annotated(image_id) if rows else None
    shares = [(row, _covered(_coco(row), taken)) for row in rows]
    shares.sort(key=lambda pair: -((pair[0].predicted_iou or 0.0) * (pair[0].stability_score or 0.0)))
    return [to_json(row) | {"covered": round(share, 4)} for row, share in shares if share < COVERED]


def latest_job(image_id: int) -> Job | None:
    """The last search on the image."""
    latest = (
        select(Job).where(Job.dedupe_key == automask.missed_key(image_id)).order_by(Job.id.desc()).limit(1)
    )
    return db.session.scalar(latest)


def _coco(row: Any) -> dict[str, Any]:
    return {"size": [row.height, row.width], "counts": row.rle}


def _annotated(image_id: int) -> dict[str, Any] | None:
    """Every pixel under an accepted annotation, as COCO RLE; None where there is none."""
    rows = db.session.execute(
        select(Annotation.rle, Annotation.height, Annotation.width).where(
            Annotation.image_id == image_id, Annotation.deleted_at.is_(None), Annotation.state == "accepted"
        )
    ).all()
    return coco_mask.merge([_coco(row) for row in rows]) if rows else None


def _covered(region: dict[str, Any], taken: dict[str, Any] | None) -> float:
    if taken is None:
        return 0.0
    shared = coco_mask.area(coco_mask.merge([region, taken], intersect=True))
    return float(shared) / float(coco_mask.area(region))
