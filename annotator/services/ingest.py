"""One uploaded file → a stored image with thumbnail and a queued embedding, or a reason why not."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import IO

from flask import current_app
from sqlalchemy import func, select

from annotator.database import db, writing
from annotator.errors import InvalidInput
from annotator.models import Image, Project, User
from annotator.races import again_when_overtaken
from annotator.services import embeddings, projects, tiles
from annotator.services.pictures import (
    MIMES,
    Limits,
    Picture,
    check_name,
    encode_thumbnail,
    encode_upright,
    open_picture,
)
from annotator.storage import Storage, content_key, storage

CHUNK = 1 << 20
SUFFIX_OF_MIME = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True)
class Ingested:
    """The stored image; `duplicate` when the project already had these bytes."""

    image: Image
    duplicate: bool


def image_key(image: Image) -> str:
    """Blob key of the upright file."""
    return content_key("images", image.sha256, SUFFIX_OF_MIME[image.mime])


def thumbnail_key(image: Image) -> str:
    """Blob key of the thumbnail (WebP)."""
    return content_key("thumbnails", image.sha256, ".webp")


def ingest(project: Project, file: IO[bytes], name: str, *, person: User | None) -> Ingested:
    """Validate, store and queue one file; `file` is seekable and at its start.

    Raises InvalidInput with a reason for people when the file is refused. Blobs are written before the row: an
    interrupted upload leaves at most an unreferenced blob, never a row without its file.
    """
    settings = current_app.extensions["annotator_settings"]
    project_id, person_id = project.id, person.id if person is not None else None
    check_name(name)
    source_sha256, size = _digest(file, settings.max_file_bytes)
    known = _find(project_id, source_sha256)
    db.session.rollback()  # no read transaction while pixels are decoded
    if known is not None:
        return Ingested(known, duplicate=True)
    picture = open_picture(file, name, Limits(side=settings.max_image_side, pixels=settings.max_image_pixels))
    while True:
        stored = _store(storage(), picture, file, source_sha256, size, settings.thumbnail_side)
        image = Image(
            project_id=project_id,
            name=name,
            source_sha256=source_sha256,
            width=picture.pixels.width,
            height=picture.pixels.height,
            exif=picture.exif,
            created_by=person_id,
            status="new",
            skip_reason="",
            **stored,
        )
        ingested = _insert(image)
        if ingested is not None:
            return ingested


def _digest(file: IO[bytes], limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > limit:
            raise InvalidInput(
                f"The file is larger than {limit / 2**20:.0f} MiB, the most this server accepts.",
                code="file_too_large",
            )
    file.seek(0)
    return digest.hexdigest(), size


def _find(project_id: int, source_sha256: str) -> Image | None:
    return db.session.scalar(
        select(Image).where(Image.project_id == project_id, Image.source_sha256 == source_sha256)
    )


def _store(
    blobs: Storage, picture: Picture, file: IO[bytes], source_sha256: str, size: int, thumbnail_side: int
) -> dict[str, str | int]:
    """Write file and thumbnail; returns sha256, mime and bytes of the upright file."""
    if picture.original:
        sha256, mime = source_sha256, MIMES[picture.format]
        file.seek(0)
        with blobs.writer(content_key("images", sha256, SUFFIX_OF_MIME[mime])) as target:
            shutil.copyfileobj(file, target, CHUNK)
    else:
        data, mime = encode_upright(picture)
        sha256, size = hashlib.sha256(data).hexdigest(), len(data)
        blobs.put(content_key("images", sha256, SUFFIX_OF_MIME[mime]), data)
    blobs.put(content_key("thumbnails", sha256, ".webp"), encode_thumbnail(picture, thumbnail_side))
    return {"sha256": sha256, "mime": mime, "bytes": size}


@again_when_overtaken
def _insert(image: Image) -> Ingested | None:
    """Add the row; None when somebody deleted the same picture, and its files, after they were written."""
    with writing() as session:
        if not (storage().exists(image_key(image)) and storage().exists(thumbnail_key(image))):
            return None
        projects.in_turn(image.project_id)
        known = _find(image.project_id, image.source_sha256)
        if known is not None:  # the same file came twice at the same time
            return Ingested(known, duplicate=True)
        last = session.scalar(select(func.max(Image.position)).where(Image.project_id == image.project_id))
        image.position = 0 if last is None else last + 1
        session.add(image)
        session.flush()
        tiles.request(image, priority=embeddings.BACKGROUND, created_by=image.created_by)
        digest = embeddings.model_digest(session.get_one(Project, image.project_id))
        if digest is not None:
            embeddings.request(image, digest, created_by=image.created_by)
    return Ingested(image, duplicate=False)
