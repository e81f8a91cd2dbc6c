"""Saving, deleting and restoring annotations.

Every change names the revision it was made from. The check and the write are one transaction, so of several writers
that start from the same revision exactly one wins; the others get Conflict with the state that won. Every state that
was ever current is kept as an AnnotationRevision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotator.errors import Conflict, InvalidInput, NotFound
from annotator.masks import MaskError, Rle, parse_rle
from annotator.models import Annotation, AnnotationRevision, Category, Image, db, now, writing
from annotator.services import mask_facts
from annotator.services.annotation_input import AnnotationInput, Segmentation

# Members that a PUT may leave out; they keep what is stored.
OPTIONAL = ("state", "z", "note", "attributes", "crop_box")


@dataclass(frozen=True, slots=True)
class Expected:
    """What the writer believes is stored. `revision` = If-Match; `absent` = If-None-Match: *; neither = don't know."""

    revision: int | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """The stored annotation in API form and whether this call created it."""

    annotation: dict[str, Any]
    created: bool


def to_json(row: Annotation) -> dict[str, Any]:
    """API form of an annotation: masks as COCO RLE, box x,y,width,height in pixels, times ISO 8601 in UTC."""
    size = [row.height, row.width]
    return {
        "id": row.id,
        "image_id": row.image_id,
        "project_id": row.project_id,
        "category_id": row.category_id,
        "state": row.state,
        "revision": row.revision,
        "segmentation": {"size": size, "counts": row.rle},
        "area": row.area,
        "bbox": [row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h],
        "source": row.source,
        "prompts": row.prompts,
        "candidate": row.candidate,
        "predicted_iou": row.predicted_iou,
        "stability_score": row.stability_score,
        "model_digest": row.model_digest,
        "model_segmentation": None if row.model_rle is None else {"size": size, "counts": row.model_rle},
        "proposed_by": row.proposed_by,
        "proposal_iou": row.proposal_iou,
        "crop_box": row.crop_box,
        "active_ms": row.active_ms,
        "z": row.z,
        "note": row.note,
        "attributes": row.attributes,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "created_at": _iso(row.created_at),
        "updated_at": _iso(row.updated_at),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def list_for_image(image_id: int) -> list[dict[str, Any]]:
    """All annotations of an image but deleted ones and missed regions, bottom first, in API form: one query."""
    rows = db.session.scalars(
        select(Annotation)
        .where(
            Annotation.image_id == image_id,
            Annotation.deleted_at.is_(None),
            Annotation.state != "missed",
        )
        .order_by(Annotation.z, Annotation.created_at, Annotation.id)
    )
    return [to_json(row) for row in rows]


def revisions(annotation_id: str) -> list[dict[str, Any]]:
    """Every state the annotation ever had, newest first: revision, author_id, created_at, deleted, annotation."""
    rows = db.session.scalars(
        select(AnnotationRevision)
        .where(AnnotationRevision.annotation_id == annotation_id)
        .order_by(AnnotationRevision.revision.desc())
    )
    found = []
    for row in rows:
        snapshot = dict(row.snapshot)
        deleted = snapshot.pop("deleted", False)
        found.append(
            {
                "revision": row.revision,
                "author_id": row.author_id,
                "created_at": _iso(row.created_at),
                "deleted": deleted,
                "annotation": snapshot,
            }
        )
    return found


def save(annotation_id: str, data: AnnotationInput, *, author_id: int | None, expected: Expected) -> Saved:
    """Create or replace one annotation, safely repeatable.

    Sending what is stored already changes nothing and succeeds whatever `expected` says. Raises InvalidInput for a
    mask that is malformed, empty or not of the image's size, a category of another project, or another image than
    the stored one; NotFound when an update finds no annotation; Conflict (`current` in its extra) when the stored
    revision is not the expected one, code "deleted" when the annotation was deleted meanwhile.
    """
    values = _content(data)
    try:
        return _save(annotation_id, data, values, author_id, expected)
    except IntegrityError:
        # Two first saves of one id met where transactions run side by side (PostgreSQL); the second now sees a row.
        return _save(annotation_id, data, values, author_id, expected)


def _save(
    annotation_id: str,
    data: AnnotationInput,
    values: dict[str, Any],
    author_id: int | None,
    expected: Expected,
) -> Saved:
    with writing() as session:
        row = session.get(Annotation, annotation_id, with_for_update=True)
        if row is None:
            if expected.revision is not None:
                raise NotFound("There is no such annotation to update.", code="annotation_not_found")
            return Saved(_create(session, annotation_id, data, values, author_id), created=True)
        if row.image_id != data.image_id:
            raise InvalidInput(
                "This annotation belongs to another image.", code="wrong_image", field="image_id"
            )
        if row.deleted_at is not None:
            raise _conflict(
                row, "deleted", "This object was deleted meanwhile. Restore it or save a new one."
            )
        given = {
            name: value
            for name, value in values.items()
            if name not in OPTIONAL or name in data.model_fields_set
        }
        if all(getattr(row, name) == value for name, value in given.items()):
            return Saved(to_json(row), created=False)
        _require_revision(row, expected)
        _check_category(session, row.project_id, data.category_id, stored=row.category_id)
        for name, value in given.items():
            setattr(row, name, value)
        _begin(session.get_one(Image, row.image_id))
        return Saved(_record(session, row, author_id), created=False)


def _content(data: AnnotationInput) -> dict[str, Any]:
    """Column values of the input. Masks are parsed here, before the transaction begins."""
    image = db.session.get(Image, data.image_id)
    if image is None:
        raise InvalidInput(f"There is no image {data.image_id}.", code="image_not_found", field="image_id")
    mask = _mask(data.segmentation, image, "segmentation")
    if mask.area == 0:
        raise InvalidInput(
            "The mask has no pixels. Draw something, or delete the object instead of saving it empty.",
            code="empty_mask",
            field="segmentation",
        )
    model_mask = data.model_segmentation and _mask(data.model_segmentation, image, "model_segmentation")
    x, y, width, height = mask.bbox
    return {
        **data.model_dump(exclude={"image_id", "segmentation", "model_segmentation"}),
        "rle": mask.counts,
        "height": mask.height,
        "width": mask.width,
        "area": mask.area,
        "bbox_x": x,
        "bbox_y": y,
        "bbox_w": width,
        "bbox_h": height,
        "model_rle": model_mask.counts if model_mask else None,
    }


def _mask(segmentation: Segmentation, image: Image, field: str) -> Rle:
    if segmentation.size != [image.height, image.width]:
        raise InvalidInput(
            f"The mask is {segmentation.size[0]} × {segmentation.size[1]} (height × width), the image "
            f"{image.height} × {image.width}. Reload the page: the image may have been replaced.",
            code="wrong_size",
            field=f"{field}.size",
        )
    try:
        return parse_rle({"size": segmentation.size, "counts": segmentation.counts})
    except MaskError as error:
        name = field if error.field == "segmentation" else f"{field}.{error.field}"
        raise InvalidInput(f"The mask cannot be used: {error}", code="invalid_mask", field=name) from None


def _create(
    session: Session, annotation_id: str, data: AnnotationInput, values: dict[str, Any], author_id: int | None
) -> dict[str, Any]:
    image = session.get(Image, data.image_id)
    if image is None:
        raise InvalidInput(f"There is no image {data.image_id}.", code="image_not_found", field="image_id")
    _check_category(session, image.project_id, data.category_id, stored=None)
    row = Annotation(
        id=annotation_id,
        image_id=image.id,
        project_id=image.project_id,
        revision=0,
        created_by=author_id,
        **values,
    )
    session.add(row)
    _begin(image)
    return _record(session, row, author_id)


def _begin(image: Image) -> None:
    if image.status == "new":
        image.status = "in_progress"


def _record(
    session: Session, row: Annotation, author_id: int | None, *, deleted: bool = False
) -> dict[str, Any]:
    """Count the revision up and keep its snapshot; returns the API form."""
    row.revision += 1
    row.updated_by = author_id
    row.updated_at = now()
    session.flush()
    mask_facts.record(session, row, author_id=author_id, moment=row.updated_at)
    snapshot = to_json(row)
    session.add(
        AnnotationRevision(
            annotation_id=row.id,
            revision=row.revision,
            snapshot={**snapshot, "deleted": True} if deleted else snapshot,
            author_id=author_id,
        )
    )
    return snapshot


def _check_category(
    session: Session, project_id: int, category_id: int | None, *, stored: int | None
) -> None:
    if category_id is None or category_id == stored:
        return
    category = session.get(Category, category_id)
    if category is None or category.project_id != project_id or category.archived_at is not None:
        raise InvalidInput(
            f"There is no category {category_id} in this project.",
            code="category_not_found",
            field="category_id",
        )


def _require_revision(row: Annotation, expected: Expected) -> None:
    if expected.revision != row.revision:
        raise _conflict(row, "conflict", "Somebody saved this object meanwhile.")


def _conflict(row: Annotation, code: str, message: str) -> Conflict:
    return Conflict(message, code=code, extra={"current": to_json(row)})


def _locked(session: Session, annotation_id: str) -> Annotation:
    row = session.get(Annotation, annotation_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such annotation.", code="annotation_not_found")
    return row


def delete(annotation_id: str, *, author_id: int | None, expected: Expected) -> None:
    """Mark as deleted; one that is deleted already stays so. Raises NotFound, and Conflict like `save`."""
    with writing() as session:
        row = _locked(session, annotation_id)
        if row.deleted_at is not None:
            return
        _require_revision(row, expected)
        row.deleted_at = now()
        _record(session, row, author_id, deleted=True)


def restore(
    annotation_id: str, revision: int, *, author_id: int | None, expected: Expected
) -> dict[str, Any]:
    """Make an earlier revision the current one again, as a new revision, undeleting if need be.

    What is current now stays in the history, so `expected` is checked only when it names a revision. A category
    that was archived since is kept; one that is gone becomes None. Raises NotFound and Conflict.
    """
    with writing() as session:
        row = _locked(session, annotation_id)
        if expected.revision is not None:
            _require_revision(row, expected)
        kept = session.scalar(
            select(AnnotationRevision).where(
                AnnotationRevision.annotation_id == annotation_id, AnnotationRevision.revision == revision
            )
        )
        if kept is None:
            raise NotFound(
                f"This object has no revision {revision}.", code="revision_not_found", field="revision"
            )
        values = _columns(kept.snapshot)
        if values["category_id"] is not None and session.get(Category, values["category_id"]) is None:
            values["category_id"] = None
        for name, value in values.items():
            setattr(row, name, value)
        row.deleted_at = None
        return _record(session, row, author_id)


def _columns(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Content columns of a snapshot; the inverse of `to_json` without identity, authors and times."""
    same = (
        "category_id",
        "state",
        "area",
        "source",
        "prompts",
        "candidate",
        "predicted_iou",
        "stability_score",
        "model_digest",
        "active_ms",
        "z",
        "note",
        "attributes",
    )
    model = snapshot["model_segmentation"]
    crop_box = {"crop_box": snapshot["crop_box"]} if "crop_box" in snapshot else {}
    height, width = snapshot["segmentation"]["size"]
    return {
        **{name: snapshot[name] for name in same},
        **crop_box,
        **dict(zip(("bbox_x", "bbox_y", "bbox_w", "bbox_h"), snapshot["bbox"], strict=True)),
        "rle": snapshot["segmentation"]["counts"],
        "height": height,
        "width": width,
        "model_rle": None if model is None else model["counts"],
    }
