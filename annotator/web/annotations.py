"""Annotations of an image: list, save, delete, history. Revisions travel as ETag and If-Match."""

from __future__ import annotations

import re
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response, abort, jsonify, request
from pydantic import Field

from annotator.database import db
from annotator.errors import InvalidInput, NotFound
from annotator.models import Annotation
from annotator.services import annotations as service
from annotator.services.annotation_input import AnnotationInput, Input
from annotator.services.annotations import Expected
from annotator.web import access

blueprint = APIBlueprint("annotations", __name__, url_prefix="/api/v1", tag="Annotations")

MAX_BODY = 64 * 2**20
"""Largest annotation, in bytes: two masks of a few hundred thousand runs stay far below."""

ETAG = re.compile(r'"(0|[1-9][0-9]{0,9})"')


class RestoreInput(Input):
    """Which revision becomes the current one again."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


@blueprint.before_request
def _limit_body() -> None:
    # Uploads may be large, a mask may not: its JSON is held in memory at once. The length has to be known before,
    # because the CSRF check opens the body's stream with the general limit.
    if request.headers.get("Transfer-Encoding"):
        abort(411, "Send the body whole, with its Content-Length.")
    if (request.content_length or 0) > MAX_BODY:
        abort(413)


@blueprint.get("/images/<int:image_id>/annotations")
@blueprint.doc(responses={200: "All annotations of the image that are not deleted, bottom first."})
def of_image(image_id: int) -> dict[str, Any]:
    """List the annotations of an image."""
    image = access.get_image(image_id)
    return {"annotations": service.list_for_image(image.id)}


@blueprint.get("/annotations/<annotation_id>")
@blueprint.doc(responses={200: "The annotation; its revision is the ETag."})
def one(annotation_id: str) -> Response:
    """Read one annotation. A deleted one answers 404; its history remains readable."""
    row = access.get_annotation(annotation_id)
    if row.deleted_at is not None:
        raise NotFound("This annotation was deleted.", code="annotation_deleted")
    return _answer(service.to_json(row))


@blueprint.put("/annotations/<annotation_id>")
@blueprint.input(AnnotationInput)
@blueprint.doc(
    responses={
        200: "Saved, or exactly this was stored already.",
        201: "Created.",
        409: "Somebody else saved or deleted it meanwhile; `current` is what is stored.",
    },
)
def put(annotation_id: str, json_data: AnnotationInput) -> Response:
    """Create (If-None-Match: *) or update (If-Match) an annotation under an id that the client made.

    Sending the same again is safe: what is stored already answers 200 whatever the headers say.
    """
    if not access.UUID.fullmatch(annotation_id):
        raise InvalidInput("The id must be a UUID in lower case with hyphens.", code="bad_id", field="id")
    # Permission is judged on what is stored, and for a new one on its image.
    if db.session.get(Annotation, annotation_id) is not None:
        access.get_annotation(annotation_id)
    access.get_image(json_data.image_id)
    saved = service.save(
        annotation_id, json_data, author_id=access.user().id, expected=_expected(allow_absent=True)
    )
    return _answer(saved.annotation, 201 if saved.created else 200)


@blueprint.delete("/annotations/<annotation_id>")
@blueprint.doc(
    responses={204: "Deleted, now or before.", 409: "Somebody saved it meanwhile; see `current`."},
)
def delete(annotation_id: str) -> Response:
    """Delete an annotation. It can be restored from its history."""
    row = access.get_annotation(annotation_id)
    service.delete(row.id, author_id=access.user().id, expected=_expected())
    return Response(status=204)


@blueprint.get("/annotations/<annotation_id>/revisions")
@blueprint.doc(responses={200: "Every state the annotation ever had, newest first."})
def history(annotation_id: str) -> dict[str, Any]:
    """List all revisions: revision, author_id, created_at, deleted, annotation."""
    row = access.get_annotation(annotation_id)
    return {"revisions": service.revisions(row.id)}


@blueprint.post("/annotations/<annotation_id>/restore")
@blueprint.input(RestoreInput)
@blueprint.doc(
    responses={200: "The annotation with the content of that revision, as a new revision."},
)
def restore(annotation_id: str, json_data: RestoreInput) -> Response:
    """Make an earlier revision the current one again, undeleting if need be."""
    row = access.get_annotation(annotation_id)
    restored = service.restore(row.id, json_data.revision, author_id=access.user().id, expected=_expected())
    return _answer(restored)


def _answer(annotation: dict[str, Any], status: int = 200) -> Response:
    response = jsonify(annotation)
    response.status_code = status
    response.headers["ETag"] = f'"{annotation["revision"]}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _expected(*, allow_absent: bool = False) -> Expected:
    """The request's precondition. Raises InvalidInput for headers that say something else than a revision."""
    match, none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if match is not None and none_match is not None:
        raise InvalidInput(
            "Send If-Match or If-None-Match, not both.", code="bad_precondition", field="If-Match"
        )
    if none_match is not None and allow_absent:
        if none_match.strip() != "*":
            raise InvalidInput("If-None-Match must be *.", code="bad_precondition", field="If-None-Match")
        return Expected(absent=True)
    if match is None:
        return Expected()
    found = ETAG.fullmatch(match.strip())
    if found is None:
        raise InvalidInput(
            'If-Match must be the revision in quotes, for example "3".',
            code="bad_precondition",
            field="If-Match",
        )
    return Expected(revision=int(found.group(1)))
