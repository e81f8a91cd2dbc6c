"""Automatic masks: presets, a preview on one image, a run over many, and what annotations have missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import Field

from annotator.database import db
from annotator.errors import InvalidInput
from annotator.models import Image, Job, Project
from annotator.services import automask, image_filters, missed
from annotator.services.automask_parameters import PRESETS, GivenParameters, complete
from annotator.services.image_filters import FilterName
from annotator.web import access
from annotator.web.jobs import describe
from annotator.web.schemas import Input

blueprint = APIBlueprint("automask", __name__, url_prefix="/api/v1", tag="Automatic masks")

MAX_IMAGES_NAMED = 100_000


class AutomaskIn(Input):
    """Whose parameters: a preset's (the first one's by default) under those that are given."""

    preset: Annotated[str, Field(max_length=40)] | None = None
    parameters: GivenParameters | None = None


class AutomaskRunIn(AutomaskIn):
    """Which images: those named, those of a filter, or else all that are neither done nor skipped."""

    image_ids: (
        Annotated[
            list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Field(min_length=1, max_length=MAX_IMAGES_NAMED)
        ]
        | None
    ) = None
    filter: FilterName | None = None


@blueprint.get("/automask/presets")
def presets() -> dict[str, Any]:
    """Sets of parameters for common purposes, complete and under the released generator's names."""
    return {
        "presets": [
            {"name": preset.name, "title": preset.title, "parameters": asdict(preset.parameters)}
            for preset in PRESETS
        ]
    }


@blueprint.post("/images/<int:image_id>/automask-preview")
@blueprint.input(AutomaskIn)
@blueprint.doc(responses={202: "A job; its `result` holds `proposals` and `seconds`."})
def preview(image_id: int, json_data: AutomaskIn) -> tuple[dict[str, Any], int]:
    """Find what a run would propose on one image, and store nothing (managers)."""
    image = access.get_image(image_id, role="manager")
    return _queue(automask.queue_preview, image, complete(json_data.preset, json_data.parameters))


@blueprint.post("/projects/<int:project_id>/automask")
@blueprint.input(AutomaskRunIn)
@blueprint.doc(
    responses={
        202: "A job; `result` tells how far it is.",
        409: "Another run of the project is unfinished; `job_id` names it.",
    }
)
def run(project_id: int, json_data: AutomaskRunIn) -> tuple[dict[str, Any], int]:
    """Propose masks on many images (managers). Proposals that nobody has touched are replaced, the rest stays."""
    project = access.get_project(project_id, role="manager")
    person_id = access.user().id
    if json_data.image_ids is not None and json_data.filter is not None:
        raise InvalidInput("Send image_ids or filter, not both.", code="two_choices", field="filter")
    parameters = complete(json_data.preset, json_data.parameters)
    if json_data.image_ids is not None:
        where = automask.images_named(project, json_data.image_ids)
    else:
        chosen = image_filters.condition(json_data.filter, person_id, project)
        where = automask.unfinished_images() if chosen is None else chosen
    job = automask.queue_run(project, parameters, where=where, preset=json_data.preset, created_by=person_id)
    return describe(job), 202


@blueprint.get("/images/<int:image_id>/missed")
def missed_regions(image_id: int) -> dict[str, Any]:
    """Stable, confident regions of which annotations cover less than a fifth, and the job that looked for them."""
    image = access.get_image(image_id)
    job = missed.latest_job(image.id)
    return {"missed": missed.regions(image.id), "job": None if job is None else describe(job)}


@blueprint.post("/images/<int:image_id>/missed")
@blueprint.input(AutomaskIn)
@blueprint.doc(responses={202: "A job; when it is done, ask for the regions."})
def look_for_missed(image_id: int, json_data: AutomaskIn) -> tuple[dict[str, Any], int]:
    """Look for objects that nobody annotated; whoever reviews an image may."""
    image = access.get_image(image_id)
    return _queue(automask.queue_missed, image, missed.parameters(json_data.preset, json_data.parameters))


def _queue(queue: Callable[..., Job], image: Image, parameters: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The answer to a question about one image: a job for whoever asks."""
    project = db.session.get_one(Project, image.project_id)
    return describe(queue(image, project, parameters, created_by=access.user().id)), 202
