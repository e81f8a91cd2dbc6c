"""Accepted masks that a new model sees otherwise: most are where the model is wrong, some where a person was.

After a run every accepted mask is compared with what the new model makes of the prompts stored with it, or of its box.
The WORST of them form the queue, those that agree least first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, select

from annotator.database import db, now, writing
from annotator.errors import NotFound
from annotator.models import Annotation, Category, Image, LookAgain

WORST = 500
AGREES = 0.9
"""From this IoU on a mask is not worth another look."""


ACCEPTED = (Annotation.state == "accepted", Annotation.deleted_at.is_(None))


@dataclass(frozen=True)
class Compared:
    """One accepted mask against the new model's answer."""

    annotation_id: str
    revision: int
    iou: float


def images_to_compare(project_id: int) -> list[int]:
    """Ids of the images that have accepted masks."""
    return list(
        db.session.scalars(
            select(Annotation.image_id)
            .where(Annotation.project_id == project_id, *ACCEPTED)
            .distinct()
            .order_by(Annotation.image_id)
        )
    )


def accepted(image_id: int) -> Select[tuple[Annotation]]:
    """The masks of an image to compare."""
    return select(Annotation).where(Annotation.image_id == image_id, *ACCEPTED).order_by(Annotation.id)


def replace(run_id: int, project_id: int, compared: dict[int, list[Compared]]) -> int:
    """Store the worst of a run in place of what it stored before; returns their number. Keys are image ids."""
    doubtful = [(c.iou, image_id, c) for image_id, each in compared.items() for c in each if c.iou < AGREES]
    doubtful.sort(key=lambda item: (item[0], item[2].annotation_id))
    with writing() as session:
        session.execute(delete(LookAgain).where(LookAgain.run_id == run_id))
        session.add_all(
            LookAgain(
                run_id=run_id,
                project_id=project_id,
                image_id=image_id,
                annotation_id=each.annotation_id,
                revision=each.revision,
                iou=value,
            )
            for value, image_id, each in doubtful[:WORST]
        )
    return len(doubtful[:WORST])


def queue(project_id: int, *, limit: int = 100) -> list[dict[str, Any]]:
    """What is still to be looked at after the project's latest compared run, least agreement first, in API form.

    An object that was changed or deleted since is done, and so is one that somebody dismissed.
    """
    rows = db.session.execute(
        _open(project_id, LookAgain, Annotation, Image, Category.name)
        .outerjoin(Category, Category.id == Annotation.category_id)
        .order_by(LookAgain.iou, LookAgain.id)
        .limit(limit)
    )
    return [
        {
            "id": item.id,
            "run_id": item.run_id,
            "image_id": image.id,
            "image_name": image.name,
            "image_sha256": image.sha256,
            "annotation_id": annotation.id,
            "category": category,
            "bbox": [annotation.bbox_x, annotation.bbox_y, annotation.bbox_w, annotation.bbox_h],
            "iou": round(item.iou, 4),
        }
        for item, annotation, image, category in rows
    ]


def count(project_id: int) -> int:
    """How many masks wait for another look."""
    return db.session.scalar(_open(project_id, func.count())) or 0


def _open(project_id: int, *columns: Any) -> Select[Any]:
    latest = select(func.max(LookAgain.run_id)).where(LookAgain.project_id == project_id).scalar_subquery()
    return (
        select(*columns)
        .select_from(LookAgain)
        .join(Annotation, Annotation.id == LookAgain.annotation_id)
        .join(Image, Image.id == LookAgain.image_id)
        .where(
            LookAgain.project_id == project_id,
            LookAgain.run_id == latest,
            LookAgain.dismissed_at.is_(None),
            Annotation.revision == LookAgain.revision,
            Annotation.deleted_at.is_(None),
        )
    )


def get(item_id: int) -> LookAgain:
    """One entry; raises NotFound."""
    item = db.session.get(LookAgain, item_id)
    if item is None:
        raise NotFound("There is no such entry.", code="entry_not_found")
    return item


def dismiss(item_id: int, dismissed: bool) -> None:
    """The mask is right as it is; or, undone, it is to be looked at after all."""
    with writing() as session:
        session.get_one(LookAgain, item_id).dismissed_at = now() if dismissed else None
