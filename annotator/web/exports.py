"""Exports: ask for one, look at its job, fetch the file."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response

from annotator import jobs
from annotator.errors import Conflict, NotFound
from annotator.services.annotation_input import Input
from annotator.services.exports import FORMATS, export_key
from annotator.web import access
from annotator.web.files import send_blob
from annotator.web.jobs import describe

blueprint = APIBlueprint("exports", __name__, url_prefix="/api/v1", tag="Exports")

PRIORITY = 5
"""After the embedding of an image that somebody has open (10), before those that nobody waits for (0)."""


class ExportInput(Input):
    """What to export. Proposals are masks that nobody has accepted yet."""

    format: Literal["coco", "sa1b"] = "coco"
    include_proposals: bool = False


@blueprint.post("/projects/<int:project_id>/exports")
@blueprint.input(ExportInput)
@blueprint.doc(responses={202: "The job; `result.url` is the file once `state` is done."})
def start(project_id: int, json_data: ExportInput) -> tuple[dict[str, Any], int]:
    """Export a project in the background."""
    project = access.get_project(project_id)
    job = jobs.enqueue(
        "export",
        json_data.model_dump(),
        project_id=project.id,
        priority=PRIORITY,
        created_by=access.user().id,
    )
    return describe(job), 202


@blueprint.get("/exports/<int:job_id>/file")
@blueprint.doc(responses={200: "The exported file.", 409: "The export is not finished."})
def file(job_id: int) -> Response:
    """Download the file of a finished export."""
    job = access.get_job(job_id)
    if job.kind != "export":
        raise NotFound("There is no such export.", code="export_not_found")
    if job.state != "done" or job.result is None:
        raise Conflict(f"This export is {job.state}; there is no file.", code="export_not_ready")
    found, fmt = job.result["file"], job.result["format"]
    return send_blob(
        export_key(found["sha256"], fmt),
        mime=FORMATS[fmt].mime,
        etag=found["sha256"],
        download_name=found["name"],
        immutable=False,
    )
