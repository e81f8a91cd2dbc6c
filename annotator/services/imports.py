"""Importing annotations: files of other tools, and our own exports, into a project.

Repeating an import changes nothing: every object gets the same id again, and what people have edited since wins over
the file.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import select

from annotator.database import db, writing
from annotator.errors import Conflict, InvalidInput
from annotator.models import Annotation, Category, Image, Project
from annotator.services import annotations as saving
from annotator.services import projects
from annotator.services.annotation_input import MAX_COORDINATE, MAX_POINTS, AnnotationInput, Segmentation
from annotator.services.annotations import Expected
from annotator.services.export_data import UNLABELLED
from annotator.services.ingest import ingest
from exporters import coco, sa1b
from exporters.dataset import AnnotationRecord, CategoryRecord, Dataset, FormatError, ImageRecord

NAMESPACE = uuid.UUID("5b0c1d1e-6a0b-5f0e-9d57-2f1f3f0f7c11")
BATCH = 500
PROBLEMS_LISTED = 100
MAX_NAME = 120

Progress = Callable[[int], None]


class Known(NamedTuple):
    """An image of the project: what matching needs of it."""

    id: int
    width: int
    height: int


@dataclass(slots=True)
class Imported:
    """What an import did with the objects of the file, and what it added.

    `kept` = people changed or deleted them since an earlier import; `skipped` = could not be used, see `problems`.
    """

    created: int = 0
    unchanged: int = 0
    kept: int = 0
    skipped: int = 0
    images_added: int = 0
    categories_added: int = 0
    problems: list[str] = field(default_factory=list)

    def skip(self, text: str) -> None:
        """Count an object that could not be used, and say why."""
        self.skipped += 1
        self.problem(text)

    def problem(self, text: str) -> None:
        """Say what went wrong; the first hundred are listed."""
        if len(self.problems) < PROBLEMS_LISTED:
            self.problems.append(text)


def import_annotations(
    project_id: int,
    path: Path,
    *,
    fmt: str = "coco",
    images: Path | None = None,
    author_id: int | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Read a COCO file, or SA-1B files, into a project.

    Images are found in the project by content hash (our own exports) or name, and otherwise taken from the folder
    `images` through the usual ingest. Categories are found by name or made. An object that cannot be used is
    reported and left out; a file that cannot be read raises InvalidInput.
    """
    project = db.session.get_one(Project, project_id)
    done = Imported()
    try:
        dataset = _read(path, fmt, done)
        images_by_id = _match_images(project, dataset.images, images, done)
        categories = _match_categories(project, dataset.categories, done)
        finished, stream = 0, iter(dataset.annotations)
        while records := list(islice(stream, BATCH)):
            _store(records, images_by_id, categories, author_id, done)
            finished += len(records)
            if progress is not None:
                progress(finished)
    except (FormatError, OSError) as error:
        raise InvalidInput(f"{path} cannot be imported: {error}", code="import_failed") from None
    return done


def _read(path: Path, fmt: str, done: Imported) -> Dataset:
    if fmt == "coco":
        return coco.read(path, on_problem=done.skip)
    if fmt == "sa1b":
        return sa1b.read(path)
    raise InvalidInput(
        f"There is no import format {fmt!r}; choose coco or sa1b.", code="unknown_format", field="format"
    )


def _match_images(
    project: Project, records: Iterable[ImageRecord], folder: Path | None, done: Imported
) -> dict[int, int]:
    """File image id → id of the project's image; images that cannot be matched are reported and left out."""
    found = {}
    stream = iter(records)
    while batch := list(islice(stream, BATCH)):
        by_hash, by_name = _known_images(project.id, batch)
        for record in batch:
            candidates = by_hash.get(str(record.extra.get("sha256"))) or by_name.get(_name(record)) or []
            if not candidates and folder is not None:
                candidates = _add_image(project, folder, record.file_name, done)
            fitting = _fitting(record, candidates, done)
            if fitting is not None:
                found[record.id] = fitting
    return found


def _name(record: ImageRecord) -> str:
    return Path(record.file_name).name


def _fitting(record: ImageRecord, candidates: Sequence[Known], done: Imported) -> int | None:
    """Id of the one image of the record's size; None, with the reason reported, when that is not one."""
    fitting = [image for image in candidates if (image.width, image.height) == (record.width, record.height)]
    if len(fitting) == 1:
        return fitting[0].id
    if not candidates:
        done.problem(f"{record.file_name}: this image is not in the project; name the folder it lies in.")
    elif not fitting:
        sizes = ", ".join(f"{image.width} × {image.height}" for image in candidates)
        done.problem(
            f"{record.file_name}: the file says {record.width} × {record.height}, the image is {sizes} (upright)."
        )
    else:
        done.problem(f"{record.file_name}: the project has {len(fitting)} images of this name.")
    return None


def _known_images(
    project_id: int, records: Sequence[ImageRecord]
) -> tuple[dict[str, list[Known]], dict[str, list[Known]]]:
    """The project's images that these records may mean, by content hash and by name."""
    known = select(Image.id, Image.width, Image.height, Image.sha256, Image.name).where(
        Image.project_id == project_id
    )
    by_hash: dict[str, list[Known]] = {}
    by_name: dict[str, list[Known]] = {}
    hashes = {str(record.extra.get("sha256")) for record in records}
    for row in db.session.execute(known.where(Image.sha256.in_(hashes))):
        by_hash.setdefault(row.sha256, []).append(Known(row.id, row.width, row.height))
    names = {_name(record) for record in records if str(record.extra.get("sha256")) not in by_hash}
    if names:  # there is no index on names: this reads the project
        for row in db.session.execute(known.where(Image.name.in_(names))):
            by_name.setdefault(row.name, []).append(Known(row.id, row.width, row.height))
    return by_hash, by_name


def _add_image(project: Project, folder: Path, file_name: str, done: Imported) -> list[Known]:
    path = (folder / file_name).resolve()
    if not path.is_file():
        path = (folder / Path(file_name).name).resolve()
    # The name comes from the file: it must not lead out of the folder.
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            stored = ingest(project, file, path.name, person=None)
    except InvalidInput as error:
        done.problem(error.message)
        return []
    done.images_added += not stored.duplicate
    return [Known(stored.image.id, stored.image.width, stored.image.height)]


def _match_categories(
    project: Project, records: Iterable[CategoryRecord], done: Imported
) -> dict[int, int | None]:
    """File category id → id of the project's category; "unlabelled" of our own exports → None."""
    rows = db.session.execute(
        select(Category.name, Category.id).where(
            Category.project_id == project.id, Category.archived_at.is_(None)
        )
    )
    known: dict[str, int] = {row.name: row.id for row in rows}
    found: dict[int, int | None] = {}
    for record in records:
        name = record.name.strip()
        if len(name) > MAX_NAME or not name.isprintable():
            raise FormatError(
                f"The category name {name[:40]!r}… needs to be 1 to {MAX_NAME} printable characters."
            )
        if name not in known and name != UNLABELLED:
            known[name] = projects.create_category(project.id, name).id
            done.categories_added += 1
        found[record.id] = known.get(name)
    return found


def _store(
    records: Sequence[AnnotationRecord],
    images_by_id: Mapping[int, int],
    categories: dict[int, int | None],
    author_id: int | None,
    done: Imported,
) -> None:
    """Save a batch in one transaction: for each object alone the disk would be waited for, each time."""
    with writing():
        prepared = list(_prepare(records, images_by_id, categories, done))
        there = _image_of(id for id, _, _ in prepared)
        fresh = {id: data for id, data, _ in prepared if id not in there}
        try:
            saving.create_many(fresh, author_id=author_id)
        except InvalidInput:
            fresh = {}  # one by one, then each says what is wrong with it
        done.created += len(fresh)
        for id, data, record in prepared:
            if fresh.get(id) is not data:
                _store_one(id, data, record, author_id, done)


def _store_one(
    id: str, data: AnnotationInput, record: AnnotationRecord, author_id: int | None, done: Imported
) -> None:
    try:
        saved = saving.save(id, data, author_id=author_id, expected=Expected())
    except Conflict:
        done.kept += 1
    except InvalidInput as error:
        done.skip(f"annotation {record.id}: {error.message}")
    else:
        done.created += saved.created
        done.unchanged += not saved.created


def _prepare(
    records: Sequence[AnnotationRecord],
    images_by_id: Mapping[int, int],
    categories: dict[int, int | None],
    done: Imported,
) -> Iterator[tuple[str, AnnotationInput, AnnotationRecord]]:
    """Id, input and record of each object that can be used; the others are counted and reported."""
    owners = _image_of(own for own in map(_own_id, records) if own)
    for record in records:
        image_id = images_by_id.get(record.image_id)
        if image_id is None:
            done.skipped += 1  # its image was reported
            continue
        try:
            data = _input(record, image_id, categories)
        except ValidationError as error:
            first = error.errors()[0]
            done.skip(f"annotation {record.id}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
            continue
        yield _id(record, image_id, owners), data, record


def _image_of(ids: Iterable[str]) -> dict[str, int]:
    """Id → image of those annotations that exist."""
    rows = db.session.execute(select(Annotation.id, Annotation.image_id).where(Annotation.id.in_(list(ids))))
    return {row.id: row.image_id for row in rows}


def _input(record: AnnotationRecord, image_id: int, categories: dict[int, int | None]) -> AnnotationInput:
    extra = record.extra
    given = extra.get("attributes")
    attributes: dict[str, Any] = given if isinstance(given, dict) else {}
    values: dict[str, Any] = {
        "image_id": image_id,
        "category_id": None if record.category_id is None else categories.get(record.category_id),
        "segmentation": Segmentation.of(record.mask),
        "source": "imported",
        "predicted_iou": record.predicted_iou,
        "stability_score": record.stability_score,
        "crop_box": _usable(record.crop_box),
        "prompts": _prompts(record),
        "state": "proposal" if extra.get("state") == "proposal" else "accepted",
        "note": extra["note"] if isinstance(extra.get("note"), str) else "",
        "attributes": {**attributes, "iscrowd": True} if record.iscrowd else attributes,
    }
    return AnnotationInput.model_validate(values)


def _usable(numbers: Sequence[float] | None) -> list[float] | None:
    """Numbers that annotations can hold; what is beyond them helps nobody and must not cost the mask."""
    fitting = numbers is not None and all(abs(number) <= MAX_COORDINATE for number in numbers)
    return list(numbers) if numbers is not None and fitting else None


def _prompts(record: AnnotationRecord) -> dict[str, Any] | None:
    """The foreground points that found the mask, where the file tells them."""
    points = [point for point in map(_usable, record.point_coords[:MAX_POINTS]) if point is not None]
    return {"points": points, "labels": [1] * len(points), "boxes": []} if points else None


def _own_id(record: AnnotationRecord) -> str:
    """The object's own UUID; empty where the file has none."""
    try:
        return str(uuid.UUID(str(record.extra.get("uuid"))))
    except ValueError:
        return ""


def _id(record: AnnotationRecord, image_id: int, owners: Mapping[str, int]) -> str:
    """The object's own UUID where it is free or already its own; else one made from its content."""
    own = _own_id(record)
    if own and owners.get(own, image_id) == image_id:
        return own
    content = f"{image_id}/{own}/{record.category_id}/{record.id}/{record.mask.counts}"
    return str(uuid.uuid5(NAMESPACE, content))
