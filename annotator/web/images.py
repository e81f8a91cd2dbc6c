"""Images: upload, list, files, embeddings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, request, url_for
from werkzeug.datastructures import FileStorage

from annotator.database import db
from annotator.errors import AnnotatorError, InvalidInput, NotFound
from annotator.models import Image, Project
from annotator.services import embeddings, image_filters, images, serving, tiles
from annotator.services.image_filters import FilterName
from annotator.services.ingest import image_key, ingest, thumbnail_key
from annotator.web import access
from annotator.web.files import send_blob
from annotator.web.language import spoken
from annotator.web.schemas import ImageOneQuery, ImagePatch, ImageQuery
from annotator.web.tiles import describe as describe_tiles

blueprint = APIBlueprint("images", __name__, url_prefix="/api/v1", tag="Images")

DIGEST = re.compile(r"[0-9a-f]{64}")


def describe_all(rows: Sequence[Image], digest: str | None) -> list[dict[str, Any]]:
    """The API form of images of one project; `digest` names the project's model."""
    by_image = serving.served(rows, digest)
    return [_describe(row, by_image[row.id]) for row in rows]


def _describe(image: Image, served: serving.Served) -> dict[str, Any]:
    version, state, url = image.sha256[:16], served.state, None
    if state.state == "ready":
        url = url_for("images.embedding", image_id=image.id, model_digest=served.digest)
    return {
        "id": image.id,
        "project_id": image.project_id,
        "name": image.name,
        "width": image.width,
        "height": image.height,
        "sha256": image.sha256,
        "mime": image.mime,
        "bytes": image.bytes,
        "status": image.status,
        "skip_reason": image.skip_reason or None,
        "position": image.position,
        "annotation_count": image.accepted_count,
        "proposal_count": image.proposal_count,
        "created_at": image.created_at.isoformat(),
        "embedding": {
            "state": state.state,
            "model_digest": served.digest,
            "coming": served.coming and served.coming.state,
            "url": url,
            "bytes": state.bytes,
            "message": state.message and spoken(state.message),
            "queue_position": state.queue_position,
            "eta_seconds": state.eta_seconds,
            "job_id": state.job_id,
        },
        "urls": {
            "file": url_for("images.file", image_id=image.id, v=version),
            "thumbnail": url_for("images.thumbnail", image_id=image.id, v=version),
        },
    }


def _project_digest(image: Image) -> str | None:
    return embeddings.model_digest(db.session.get_one(Project, image.project_id))


def _answer(image: Image, filter: FilterName | None = None) -> dict[str, Any]:
    project = db.session.get_one(Project, image.project_id)
    where = image_filters.condition(filter, access.user().id, project)
    previous_id, next_id = images.neighbours(image, where, image_filters.order(filter, project))
    described = describe_all([image], _project_digest(image))[0]
    extra = {"exif": image.exif, "tiles": describe_tiles(image)}
    return described | {"previous_id": previous_id, "next_id": next_id} | extra


@blueprint.get("/projects/<int:project_id>/images")
@blueprint.input(ImageQuery, location="query")
def listing(project_id: int, query_data: ImageQuery) -> dict[str, Any]:
    """A page of the project's images. Pass `next_cursor` as `cursor` for the next one."""
    project = access.get_project(project_id)
    page = images.page(
        project.id,
        status=query_data.status,
        text=query_data.q,
        cursor=query_data.cursor,
        limit=query_data.limit,
        where=image_filters.condition(query_data.filter, access.user().id, project),
        order=image_filters.order(query_data.filter, project),
    )
    return {
        "images": describe_all(page.images, embeddings.model_digest(project)),
        "next_cursor": None if page.next_cursor is None else str(page.next_cursor),
        "total": page.total,
    }


@blueprint.post("/projects/<int:project_id>/images")
@blueprint.doc(
    summary="Upload images as the multipart field `files`, repeated",
    responses={
        201: "What was stored, what was there already, and what was refused and why.",
        422: "Every file was refused; `rejected` says why.",
    },
)
def upload(project_id: int) -> tuple[dict[str, Any], int]:
    """Each file is judged alone: a bad one never costs the others."""
    project = access.get_project(project_id)
    files = request.files.getlist("files")
    limit = current_app.extensions["annotator_settings"].max_files
    if not files:
        raise InvalidInput(
            "Send at least one file in the multipart field 'files'.", code="no_files", field="files"
        )
    if len(files) > limit:
        raise InvalidInput(
            f"{len(files)} files in one request; send at most {limit} at a time.",
            code="too_many_files",
            field="files",
        )
    stored, known, rejected = _ingest_all(project, files)
    digest = embeddings.model_digest(db.session.get_one(Project, project_id))
    duplicates = describe_all([image for _, image in known], digest)
    body: dict[str, Any] = {
        "images": describe_all(stored, digest),
        "duplicates": [
            {"file": name, "image": image} for (name, _), image in zip(known, duplicates, strict=True)
        ],
        "rejected": rejected,
    }
    if stored or known:
        return body, 201
    first = rejected[0]
    message = f"{first['file']}: {first['message']}"
    if len(rejected) > 1:
        message = f"None of the {len(rejected)} files could be stored. {message}"
    raise InvalidInput(message, code=first["code"], field="files", extra=body)


def _ingest_all(
    project: Project, files: Sequence[FileStorage]
) -> tuple[list[Image], list[tuple[str, Image]], list[dict[str, str]]]:
    stored: list[Image] = []
    known: list[tuple[str, Image]] = []
    rejected: list[dict[str, str]] = []
    person = access.user()
    for file in files:
        name = file.filename or ""
        try:
            result = ingest(project, file.stream, name, person=person)
        except AnnotatorError as error:
            rejected.append({"file": name, "code": error.code, "message": error.message})
            continue
        if result.duplicate:
            known.append((name, result.image))
        else:
            stored.append(result.image)
    return stored, known, rejected


@blueprint.get("/images/<int:image_id>")
@blueprint.input(ImageOneQuery, location="query")
def one(image_id: int, query_data: ImageOneQuery) -> dict[str, Any]:
    """One image with its neighbours in the filter. Asking moves its embedding and tiles to the front of the queue."""
    image = access.get_image(image_id)
    tiles.request(image, priority=embeddings.OPENED, created_by=access.user().id)
    digest = _project_digest(image)
    if digest is not None:
        embeddings.bump(image, digest, created_by=access.user().id)
    return _answer(image, query_data.filter)


@blueprint.patch("/images/<int:image_id>")
@blueprint.input(ImagePatch)
def change(image_id: int, json_data: ImagePatch) -> dict[str, Any]:
    """Set the status, with a reason when it is skipped."""
    image = access.get_image(image_id)
    return _answer(images.update_image(image.id, json_data.model_dump(exclude_unset=True)))


@blueprint.delete("/images/<int:image_id>")
def delete(image_id: int) -> Response:
    """Remove an image with everything drawn on it (managers)."""
    images.delete_image(access.get_image(image_id, role="manager").id)
    return Response(status=204)


@blueprint.post("/images/<int:image_id>/embed")
def embed(image_id: int) -> dict[str, Any]:
    """Queue the image's embedding first in line, again after a failure."""
    image = access.get_image(image_id)
    digest = _project_digest(image)
    if digest is None:
        raise InvalidInput("No model is installed yet; see `flask model list`.", code="no_model")
    embeddings.bump(image, digest, created_by=access.user().id, again=True)
    return _answer(image)


@blueprint.get("/images/<int:image_id>/file")
@blueprint.doc(responses={200: "The upright image."})
def file(image_id: int) -> Response:
    """The picture, upright, as annotations refer to it."""
    image = access.get_image(image_id)
    return send_blob(image_key(image), mime=image.mime, etag=image.sha256)


@blueprint.get("/images/<int:image_id>/thumbnail")
@blueprint.doc(responses={200: "A WebP of at most 320 pixels a side."})
def thumbnail(image_id: int) -> Response:
    """A small version for lists."""
    image = access.get_image(image_id)
    return send_blob(thumbnail_key(image), mime="image/webp", etag=f"{image.sha256}-thumbnail")


@blueprint.get("/images/<int:image_id>/embeddings/<model_digest>")
@blueprint.doc(responses={200: "The embedding file (safetensors, float16)."})
def embedding(image_id: int, model_digest: str) -> Response:
    """What the decoder in the browser needs of an image; 404 `embedding_missing` until it is ready."""
    image = access.get_image(image_id)
    row = embeddings.find(image.sha256, model_digest) if DIGEST.fullmatch(model_digest) else None
    if row is None:
        raise NotFound("This embedding is not ready.", code="embedding_missing")
    return send_blob(
        row.blob_key, mime="application/octet-stream", etag=f"{image.sha256[:32]}-{model_digest[:32]}"
    )
