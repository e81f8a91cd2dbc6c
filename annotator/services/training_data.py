"""A project's accepted masks as training takes them: a frozen folder, some of whose images are only looked at."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from annotator.database import db
from annotator.errors import InvalidInput
from annotator.masks import parse_counts
from annotator.models import Annotation, Category, Image
from annotator.services.ingest import image_key
from annotator.storage import storage

if TYPE_CHECKING:
    from annotator.training.project_data import LabelledImage, LabelledMask

UNLABELLED = "unlabelled"
SOURCE = "project"


def freeze(folder: Path, project_id: int, data: Path | None, *, longest: int) -> dict[str, Any]:
    """Writes the data of a run: the project's, or that of a COCO or SA-1B folder `data`; returns its counts.

    Raises InvalidInput when there is too little.
    """
    from annotator.training.project_data import held_back, read_folder, write_snapshot

    session: Session = db.session()
    try:
        if data is None:
            sources: dict[str, Any] = {SOURCE: project_images(session, project_id)}
            hashes = set(session.scalars(select(Image.sha256).where(_labelled(project_id))))
        else:
            sources = dict(read_folder(data))
            hashes = {image.sha256 for images in sources.values() for image in images}
        counts = write_snapshot(folder, sources, held_back(hashes), longest=longest)
        return {**vars(counts), "categories": dict(counts.categories)}
    except (ValueError, FileNotFoundError) as error:
        raise InvalidInput(f"{error}.", code="bad_training_data") from error
    finally:
        db.session.remove()


def _labelled(project_id: int) -> Any:
    return (Image.project_id == project_id) & exists().where(
        Annotation.image_id == Image.id, Annotation.state == "accepted", Annotation.deleted_at.is_(None)
    )


def boxes(session: Session, project_id: int) -> dict[str, list[tuple[int, int, int, int]]]:
    """Content hash → boxes x0, y0, x1, y1 in pixels of all accepted masks of that image; ends the transaction."""
    rows = session.execute(
        select(Image.sha256, Annotation.bbox_x, Annotation.bbox_y, Annotation.bbox_w, Annotation.bbox_h)
        .join(Image, Image.id == Annotation.image_id)
        .where(
            Image.project_id == project_id,
            Annotation.state == "accepted",
            Annotation.deleted_at.is_(None),
        )
        .order_by(Image.id, Annotation.id)
    )
    found: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for sha256, x, y, width, height in rows:
        found[sha256].append((x, y, x + width, y + height))
    db.session.remove()
    return dict(found)


def project_images(session: Session, project_id: int) -> Iterator[LabelledImage]:
    """The project's images that have accepted masks, one after another."""
    from annotator.training.project_data import LabelledImage

    names = dict(
        session.execute(select(Category.id, Category.name).where(Category.project_id == project_id))
        .tuples()
        .all()
    )
    images = session.scalars(select(Image).where(_labelled(project_id)).order_by(Image.id)).all()
    for image in images:
        masks = tuple(_masks(session, image, names))
        key = image_key(image)
        yield LabelledImage(image.sha256, Path(key).suffix, fetch_blob(key), masks)


def _masks(session: Session, image: Image, names: dict[int, str]) -> Iterator[LabelledMask]:
    from annotator.training.project_data import LabelledMask

    known = defaultdict(lambda: UNLABELLED, names)
    rows = session.execute(
        select(
            Annotation.id, Annotation.category_id, Annotation.rle, Annotation.height, Annotation.width
        ).where(
            Annotation.image_id == image.id, Annotation.state == "accepted", Annotation.deleted_at.is_(None)
        )
    )
    for row in rows:
        mask = parse_counts(row.rle, height=row.height, width=row.width)
        yield LabelledMask(row.id, known[row.category_id], mask)


def fetch_blob(key: str) -> Callable[[Path], None]:
    """How to put a blob somewhere as a file."""
    from annotator.training.project_data import link_or_copy

    local = storage().local_path(key)
    if local is not None:
        return link_or_copy(local)
    blobs = storage()

    def fetch(target: Path) -> None:
        with blobs.open(key) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

    return fetch
