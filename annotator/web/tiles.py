"""Display tiles of very large images."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, make_response, request, url_for

from annotator.errors import NotFound
from annotator.models import Image
from annotator.services import tiles
from annotator.services.embeddings import OPENED
from annotator.web import access
from annotator.web.headers import IMMUTABLE

blueprint = APIBlueprint("tiles", __name__, url_prefix="/api/v1", tag="Images")


def describe(image: Image) -> dict[str, Any] | None:
    """The API form of an image's tiles; None for images that are shown whole."""
    if not tiles.is_tiled(image):
        return None
    one = url_for("tiles.tile", image_id=image.id, level=0, column=0, row=0, v=image.sha256[:16])
    return {
        "ready": tiles.are_ready(image),
        "side": tiles.SIDE,
        "levels": tiles.Layout(image.width, image.height).levels,
        "url": one.replace("/0/0/0?", "/{level}/{column}/{row}?"),
    }


@blueprint.get("/images/<int:image_id>/tiles/<int:level>/<int:column>/<int:row>")
@blueprint.doc(responses={200: "A JPEG or PNG of at most 512 × 512 pixels; level 0 is the full size."})
def tile(image_id: int, level: int, column: int, row: int) -> Response:
    """A part of a very large image; 404 `tiles_missing` until they are made, which asking sets going."""
    image = access.get_image(image_id)
    etag = f"{image.sha256[:32]}-{level}-{column}-{row}"
    if etag in request.if_none_match:
        response = Response(status=304)
    else:
        try:
            data, mime = tiles.read(image, level, column, row)
        except NotFound:
            tiles.request(image, priority=OPENED, created_by=access.user().id)
            raise
        response = make_response(data)
        response.mimetype = mime
    response.set_etag(etag)
    response.headers["Cache-Control"] = IMMUTABLE
    return response
