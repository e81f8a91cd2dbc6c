"""Closer looks: embeddings of a part of an image."""

from __future__ import annotations

import re
from typing import Any

from apiflask import APIBlueprint
from flask import Response, url_for

from annotator.errors import InvalidInput, NotFound
from annotator.models import Image
from annotator.services import crops, serving
from annotator.web import access
from annotator.web.files import send_blob
from annotator.web.schemas import CropIn

blueprint = APIBlueprint("crops", __name__, url_prefix="/api/v1", tag="Images")

DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"\d{1,6}(-\d{1,6}){3}")


def _describe(image: Image, digest: str, state: crops.CropState) -> dict[str, Any]:
    url = None
    if state.state == "ready":
        name = "-".join(map(str, state.box))
        url = url_for("crops.embedding", image_id=image.id, name=name, model_digest=digest)
    return {
        "box": list(state.box),
        "state": state.state,
        "model_digest": digest,
        "url": url,
        "bytes": state.bytes,
        "job_id": state.job_id,
    }


@blueprint.post("/images/<int:image_id>/crops")
@blueprint.input(CropIn)
@blueprint.doc(
    responses={
        200: "The crop is ready; its embedding is at `url`.",
        202: "A job makes it; ask again when `job_id` has finished.",
        422: "The box is not a proper part of the image.",
        429: "You wait for several crops already.",
    }
)
def request_crop(image_id: int, json_data: CropIn) -> tuple[dict[str, Any], int]:
    """Encode a part of the image, first in line, for finer masks of small objects. Asking again is safe."""
    image = access.get_image(image_id)
    digest = serving.digest_for(image)
    if digest is None:
        raise InvalidInput("No model is installed yet; see `flask model list`.", code="no_model")
    box = crops.check_box(json_data.box, image)
    state = crops.request(image, digest, box, created_by=access.user().id)
    return _describe(image, digest, state), 200 if state.state == "ready" else 202


@blueprint.get("/images/<int:image_id>/crops/<name>/embeddings/<model_digest>")
@blueprint.doc(responses={200: "The embedding file (safetensors, float16) with `crop_box` in its metadata."})
def embedding(image_id: int, name: str, model_digest: str) -> Response:
    """What the decoder needs of a part, named x0-y0-x1-y1; 404 `crop_missing` until it is ready."""
    image = access.get_image(image_id)
    found = None
    if NAME.fullmatch(name) and DIGEST.fullmatch(model_digest):
        x0, y0, x1, y1 = map(int, name.split("-"))
        found = crops.find(image.sha256, model_digest, (x0, y0, x1, y1))
    if found is None:
        raise NotFound("This closer look is not ready; ask for it first.", code="crop_missing")
    return send_blob(
        crops.crop_key(image.sha256, model_digest, found.box),
        mime="application/octet-stream",
        etag=f"{image.sha256[:32]}-{model_digest[:32]}-{name}",
    )
