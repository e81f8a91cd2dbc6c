"""Saving, deleting and restoring annotations.

Every change names the revision it was made from. The check and the write are one transaction, so of several writers
that start from the same revision exactly one wins; the others get Conflict with the state that won. Every state that
was ever current is kept as an AnnotationRevision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from annotator.database import db, now, writing
from annotator.errors import Conflict, InvalidInput, NotFound
from annotator.masks import Rle
from annotator.models import Annotation, AnnotationRevision, Category, Image, Project
from annotator.races import again_when_overtaken
from annotator.services import annotation_content, mask_facts
from annotator.services.annotation_input import AnnotationInput

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
    values = annotation_content.from_input(data)
    return _save(annotation_id, data, values, author_id, expected)


@again_when_overtaken
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
        return Saved(_record(session, row, author_id, mask=data.segmentation.mask()), created=False)


def _create(
    session: Session, annotation_id: str, data: AnnotationInput, values: dict[str, Any], author_id: int | None
) -> dict[str, Any]:
    row = _new(session, annotation_id, data, values, author_id)
    row.revision = 0
    _begin(session.get_one(Image, row.image_id))
    session.add(row)
    return _record(session, row, author_id, mask=data.segmentation.mask())


def _new(
    session: Session, annotation_id: str, data: AnnotationInput, values: dict[str, Any], author_id: int | None
) -> Annotation:
    """The first revision of an annotation, not added yet."""
    image = session.get(Image, data.image_id)
    if image is None:
        raise InvalidInput(f"There is no image {data.image_id}.", code="image_not_found", field="image_id")
    _check_category(session, image.project_id, data.category_id, stored=None)
    moment = now()
    return Annotation(
        id=annotation_id,
        image_id=image.id,
        project_id=image.project_id,
        revision=1,
        created_by=author_id,
        updated_by=author_id,
        created_at=moment,
        updated_at=moment,
        **values,
    )


def create_many(items: Mapping[str, AnnotationInput], *, author_id: int | None) -> None:
    """Create annotations that do not exist yet (id → input), together and many times sooner than `save` one by one.

    Joins the caller's transaction. Raises InvalidInput like `save` for the first input that cannot be used, before
    anything is changed; IntegrityError when one of the ids exists.
    """
    held = _loaded(db.session(), items.values())
    contents = {id: annotation_content.from_input(data) for id, data in items.items()}
    with writing() as session:
        held = _loaded(session, items.values())
        rows = [_new(session, id, items[id], values, author_id) for id, values in contents.items()]
        for image in held[0]:
            _begin(image)
        session.add_all(rows)
        session.flush()
        with session.no_autoflush:
            for row in rows:
                mask = items[row.id].segmentation.mask()
                mask_facts.record(session, row, author_id=author_id, moment=row.updated_at, mask=mask)
            if rows:
                session.execute(insert(AnnotationRevision), [_revision(row, author_id) for row in rows])


def _loaded(
    session: Session, items: Iterable[AnnotationInput]
) -> tuple[Sequence[Image], Sequence[Project | Category]]:
    """The images of these inputs, their projects and categories: a session asks again for what nobody holds."""
    wanted = {(item.image_id, item.category_id) for item in items}
    images = session.scalars(select(Image).where(Image.id.in_({image for image, _ in wanted}))).all()
    project_ids = {image.project_id for image in images}
    category_ids = {category for _, category in wanted if category is not None}
    of_projects = select(Project).where(Project.id.in_(project_ids))
    of_categories = select(Category).where(Category.id.in_(category_ids))
    return images, [*session.scalars(of_projects), *session.scalars(of_categories)]


def _begin(image: Image) -> None:
    if image.status == "new":
        image.status = "in_progress"


def _record(
    session: Session,
    row: Annotation,
    author_id: int | None,
    *,
    mask: Rle | None = None,
    deleted: bool = False,
) -> dict[str, Any]:
    """Count the revision up and keep its snapshot; returns the API form. `mask` saves reading the row's."""
    row.revision += 1
    row.updated_by = author_id
    row.updated_at = now()
    session.flush()
    mask_facts.record(session, row, author_id=author_id, moment=row.updated_at, mask=mask)
    revision = _revision(row, author_id)
    snapshot: dict[str, Any] = revision["snapshot"]
    if deleted:
        revision["snapshot"] = {**snapshot, "deleted": True}
    session.add(AnnotationRevision(**revision))
    return snapshot


def _revision(row: Annotation, author_id: int | None) -> dict[str, Any]:
    """What the annotation is now, as columns of an entry of its history."""
    return {
        "annotation_id": row.id,
        "revision": row.revision,
        "snapshot": to_json(row),
        "author_id": author_id,
    }


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
        values = annotation_content.from_snapshot(kept.snapshot)
        if values["category_id"] is not None and session.get(Category, values["category_id"]) is None:
            values["category_id"] = None
        for name, value in values.items():
            setattr(row, name, value)
        row.deleted_at = None
        return _record(session, row, author_id)
