"""Importing annotations: files of other tools, and our own exports, into a project.

Repeating an import changes nothing: every object gets the same id again, and what people have edited since wins over
the file.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from annotator.errors import Conflict, InvalidInput
from annotator.models import Annotation, Category, Image, Project, db, writing
from annotator.services import annotations as saving
from annotator.services import projects
from annotator.services.annotation_input import MAX_COORDINATE, MAX_POINTS, AnnotationInput
from annotator.services.annotations import Expected
from annotator.services.export_data import UNLABELLED
from annotator.services.ingest import ingest
from exporters import coco, sa1b
from exporters.dataset import AnnotationRecord, CategoryRecord, Dataset, FormatError, ImageRecord

NAMESPACE = uuid.UUID("5b0c1d1e-6a0b-5f0e-9d57-2f1f3f0f7c11")
BATCH = 200
PROBLEMS_LISTED = 100
MAX_NAME = 120

Progress = Callable[[int], None]


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
            # One transaction a batch: a save of its own for each object would wait for the disk each time.
            with writing():
                for record in records:
                    _store(record, images_by_id.get(record.image_id), categories, author_id, done)
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
    by_hash, by_name = _known_images(project.id)
    for record in records:
        name = Path(record.file_name).name
        candidates = by_hash.get(str(record.extra.get("sha256"))) or by_name.get(name) or []
        if not candidates and folder is not None:
            candidates = _add_image(project, folder, record.file_name, done)
        fitting = [
            image for image in candidates if (image.width, image.height) == (record.width, record.height)
        ]
        if len(fitting) == 1:
            found[record.id] = fitting[0].id
        elif not candidates:
            done.problem(f"{record.file_name}: this image is not in the project; name the folder it lies in.")
        elif not fitting:
            sizes = ", ".join(f"{image.width} × {image.height}" for image in candidates)
            done.problem(
                f"{record.file_name}: the file says {record.width} × {record.height}, the image is {sizes} (upright)."
            )
        else:
            done.problem(f"{record.file_name}: the project has {len(fitting)} images of this name.")
    return found


def _known_images(project_id: int) -> tuple[dict[str, list[Image]], dict[str, list[Image]]]:
    by_hash: dict[str, list[Image]] = {}
    by_name: dict[str, list[Image]] = {}
    for image in db.session.scalars(select(Image).where(Image.project_id == project_id)):
        by_hash.setdefault(image.sha256, []).append(image)
        by_name.setdefault(image.name, []).append(image)
    return by_hash, by_name


def _add_image(project: Project, folder: Path, file_name: str, done: Imported) -> list[Image]:
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
    return [stored.image]


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
    record: AnnotationRecord,
    image_id: int | None,
    categories: dict[int, int | None],
    author_id: int | None,
    done: Imported,
) -> None:
    if image_id is None:
        done.skipped += 1  # its image was reported
        return
    try:
        data = _input(record, image_id, categories)
        saved = saving.save(_id(record, image_id), data, author_id=author_id, expected=Expected())
    except Conflict:
        done.kept += 1
    except InvalidInput as error:
        done.skip(f"annotation {record.id}: {error.message}")
    except ValidationError as error:
        first = error.errors()[0]
        done.skip(f"annotation {record.id}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    else:
        done.created += saved.created
        done.unchanged += not saved.created


def _input(record: AnnotationRecord, image_id: int, categories: dict[int, int | None]) -> AnnotationInput:
    extra = record.extra
    given = extra.get("attributes")
    attributes: dict[str, Any] = given if isinstance(given, dict) else {}
    values: dict[str, Any] = {
        "image_id": image_id,
        "category_id": None if record.category_id is None else categories.get(record.category_id),
        "segmentation": record.mask.to_coco(),
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


def _id(record: AnnotationRecord, image_id: int) -> str:
    """The object's own UUID where the file has one that is free or already its own; else one made from its content."""
    try:
        own = str(uuid.UUID(str(record.extra.get("uuid"))))
    except ValueError:
        own = ""
    if own:
        stored = db.session.get(Annotation, own)
        if stored is None or stored.image_id == image_id:
            return own
    content = f"{image_id}/{own}/{record.category_id}/{record.id}/{record.mask.counts}"
    return str(uuid.uuid5(NAMESPACE, content))
