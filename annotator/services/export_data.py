"""A project as the exporters see it, streamed from one database snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from annotator.database import now
from annotator.masks import MaskError, parse_counts
from annotator.models import Annotation, Category, Image, Project
from exporters.dataset import AnnotationRecord, CategoryRecord, Dataset, FormatError, ImageRecord

IMAGES_AT_ONCE = 500
ANNOTATED_AT_ONCE = 20
UNLABELLED = "unlabelled"
LICENSE_ID = 1


def dataset_for_project(session: Session, project: Project, *, include_proposals: bool = False) -> Dataset:
    """The project's images and accepted annotations; open proposals too when asked for, rejected ones never.

    Rows are fetched while iterating, so memory stays constant; iterate within one transaction of `session` to see
    one state. Objects without a category go to one called "unlabelled", because COCO requires one.
    """
    # Without the project: a database may not prefer its index to that of the images that are asked for.
    wanted = and_(
        Annotation.deleted_at.is_(None),
        Annotation.state.in_(("accepted", "proposal") if include_proposals else ("accepted",)),
    )
    here = and_(Annotation.project_id == project.id, wanted)
    categories = _categories(session, project.id)
    fallback = None
    if session.scalar(select(exists().where(here, Annotation.category_id.is_(None)))):
        fallback = CategoryRecord(
            max((category.id for category in categories), default=0) + 1, _free(categories)
        )
        categories = (*categories, fallback)
    moment = now()
    return Dataset(
        categories=categories,
        images=_Images(session, project.id),
        annotations=_Annotations(session, project.id, wanted, fallback.id if fallback else None),
        info={
            "description": project.name,
            "url": "",
            "version": "1.0",
            "year": moment.year,
            "contributor": "",
            "date_created": moment.isoformat(timespec="seconds"),
        },
        licenses=({"id": LICENSE_ID, "name": "not stated", "url": ""},),
    )


def count_annotations(session: Session, dataset: Dataset) -> int:
    """How many annotations a dataset of this module will yield, for progress bars."""
    assert isinstance(dataset.annotations, _Annotations)
    wanted = and_(Annotation.project_id == dataset.annotations.project_id, dataset.annotations.wanted)
    return session.scalar(select(func.count()).where(wanted)) or 0


def _categories(session: Session, project_id: int) -> tuple[CategoryRecord, ...]:
    # An archived category still names the objects it was given to.
    used = exists().where(Annotation.category_id == Category.id, Annotation.deleted_at.is_(None))
    rows = session.execute(
        select(Category.id, Category.name, Category.color)
        .where(Category.project_id == project_id, or_(Category.archived_at.is_(None), used))
        .order_by(Category.position, Category.id)
    )
    return tuple(CategoryRecord(row.id, row.name, row.color) for row in rows)


def _free(categories: Sequence[CategoryRecord]) -> str:
    name = UNLABELLED
    while any(category.name == name for category in categories):
        name += "_"
    return name


def _image_rows(session: Session, project_id: int, at_once: int) -> Iterator[Sequence[Row[Any]]]:
    """The project's images in their order, so many at a time, each batch beginning where the last one ended."""
    place = tuple_(Image.position, Image.id)
    query = (
        select(Image.id, Image.name, Image.width, Image.height, Image.sha256, Image.status, Image.position)
        .where(Image.project_id == project_id)
        .order_by(Image.position, Image.id)
        .limit(at_once)
    )
    rows = session.execute(query).all()
    while rows:
        yield rows
        last = rows[-1]
        # The first condition alone finds the place in the index.
        following = query.where(Image.position >= last.position, place > (last.position, last.id))
        rows = session.execute(following).all()


@dataclass(frozen=True, slots=True)
class _Images:
    session: Session
    project_id: int

    def __iter__(self) -> Iterator[ImageRecord]:
        for rows in _image_rows(self.session, self.project_id, IMAGES_AT_ONCE):
            for row in rows:
                extra = {"sha256": row.sha256, "status": row.status}
                yield ImageRecord(row.id, row.name, row.width, row.height, license=LICENSE_ID, extra=extra)


@dataclass(frozen=True, slots=True)
class _Annotations:
    session: Session
    project_id: int
    wanted: ColumnElement[bool]
    fallback_category: int | None

    def __iter__(self) -> Iterator[AnnotationRecord]:
        number = 0
        for images in _image_rows(self.session, self.project_id, ANNOTATED_AT_ONCE):
            by_image: dict[int, list[Row[Any]]] = {image.id: [] for image in images}
            for row in self._rows(list(by_image)):
                by_image[row.image_id].append(row)
            for row in chain.from_iterable(by_image.values()):
                number += 1
                yield self._record(number, row)

    def _rows(self, image_ids: list[int]) -> Sequence[Row[Any]]:
        return self.session.execute(
            select(
                Annotation.id,
                Annotation.image_id,
                Annotation.category_id,
                Annotation.rle,
                Annotation.height,
                Annotation.width,
                Annotation.state,
                Annotation.source,
                Annotation.predicted_iou,
                Annotation.stability_score,
                Annotation.prompts,
                Annotation.crop_box,
                Annotation.model_digest,
                Annotation.active_ms,
                Annotation.note,
                Annotation.attributes,
            )
            .where(self.wanted, Annotation.image_id.in_(image_ids))
            .order_by(Annotation.z, Annotation.created_at, Annotation.id)
        ).all()

    def _record(self, number: int, row: Row[Any]) -> AnnotationRecord:
        try:
            mask = parse_counts(row.rle, height=row.height, width=row.width)
        except MaskError as error:
            raise FormatError(f"The stored mask of annotation {row.id} is damaged: {error}") from None
        prompts = row.prompts or {}
        pairs = zip(prompts.get("points", ()), prompts.get("labels", ()), strict=False)
        return AnnotationRecord(
            id=number,
            image_id=row.image_id,
            category_id=self.fallback_category if row.category_id is None else row.category_id,
            mask=mask,
            predicted_iou=row.predicted_iou,
            stability_score=row.stability_score,
            crop_box=_crop_box(row.crop_box, prompts.get("crop_box")),
            point_coords=tuple((point[0], point[1]) for point, label in pairs if label == 1),
            extra=_extra(row),
        )


def _crop_box(
    sought: Sequence[float] | None, looked_closer: Sequence[float] | None
) -> tuple[float, float, float, float] | None:
    """x, y, width, height of where automatic masks were sought, else of the closer look, stored as x0, y0, x1, y1."""
    if sought is not None:
        x, y, width, height = sought
        return x, y, width, height
    if looked_closer is None:
        return None
    x0, y0, x1, y1 = looked_closer
    return x0, y0, x1 - x0, y1 - y0


def _extra(row: Row[Any]) -> dict[str, Any]:
    """What our own import reads back and other tools ignore; empty values are left out."""
    values = {
        "uuid": row.id,
        "source": row.source,
        "state": row.state,
        "prompts": row.prompts,
        "model_digest": row.model_digest,
        "active_ms": row.active_ms,
        "note": row.note,
        "attributes": row.attributes,
    }
    return {name: value for name, value in values.items() if value}
