"""Models: what there is, which one is active, the decoder for the browser."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, url_for

from annotator import jobs
from annotator.database import db
from annotator.errors import NotFound
from annotator.models import Model
from annotator.services import model_activation
from annotator.services import models as service
from annotator.web import access
from annotator.web.files import send_blob
from annotator.web.jobs import describe as describe_job
from annotator.web.schemas import ModelInstall

blueprint = APIBlueprint("models", __name__, url_prefix="/api/v1", tag="Models")


def describe(model: Model) -> dict[str, Any]:
    config = dict(model.config)
    return {
        "digest": model.digest,
        "name": model.name,
        "source": model.source,
        "active": model.active,
        "parameters": config.get("parameters"),
        "config": config,
        "decoder": {
            "url": url_for("models.decoder", digest=model.digest),
            "bytes": config.get("decoder_bytes"),
            "sha256": config.get("decoder_sha256"),
            "graphs": {
                # Kept for good by browsers, so a graph that is made anew has a new address.
                name: {"url": url_for("models.graph", digest=model.digest, name=name, v=file["sha256"][:12])}
                | file
                for name, file in service.current_graphs(model).items()
            },
        },
    }


def _get(digest: str) -> Model:
    model = db.session.get(Model, digest)
    if model is None:
        raise NotFound("There is no such model.", code="model_not_found")
    return model


@blueprint.get("/models")
def listing() -> dict[str, Any]:
    """All models, the active one first."""
    return {"models": [describe(model) for model in service.list_models()]}


@blueprint.get("/models/<digest>")
def one(digest: str) -> dict[str, Any]:
    """One model."""
    return describe(_get(digest))


@blueprint.get("/models/<digest>/decoder.onnx")
@blueprint.doc(responses={200: "Prompt encoder and mask decoder as ONNX."})
def decoder(digest: str) -> Response:
    """The whole decoder, which the browser runs for models without graphs."""
    model = _get(digest)
    etag = str(model.config.get("decoder_sha256") or model.digest)
    return send_blob(model.decoder_key, mime="application/octet-stream", etag=etag)


@blueprint.get("/models/<digest>/graphs/<name>.onnx")
@blueprint.doc(responses={200: "One graph of the decoder as ONNX."})
def graph(digest: str, name: str) -> Response:
    """A part of the decoder: what runs once per image, per mask prompt, or per click."""
    file = service.current_graphs(_get(digest)).get(name)
    if file is None:
        raise NotFound(f"This model has no graph {name!r}.", code="graph_not_found")
    return send_blob(service.graph_key(digest, name), mime="application/octet-stream", etag=file["sha256"])


@blueprint.post("/models/install")
@blueprint.input(ModelInstall)
@blueprint.doc(responses={202: "The job that downloads, checks and registers the model."})
def install(json_data: ModelInstall) -> tuple[dict[str, Any], int]:
    """Install a released SAM checkpoint (administrators)."""
    person = access.require_admin()
    job = jobs.enqueue(
        "install_model",
        {"name": json_data.name},
        dedupe_key=f"install_model:{json_data.name}",
        created_by=person.id,
    )
    return describe_job(job), 202


@blueprint.post("/models/<digest>/activate")
def activate(digest: str) -> dict[str, Any]:
    """Use a model in all projects that name none (administrators); the embeddings they lack are queued."""
    person = access.require_admin()
    return describe(model_activation.activate_everywhere(_get(digest).digest, created_by=person.id))
