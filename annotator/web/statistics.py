"""What managers and annotators want to know of a project in numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

from apiflask import APIBlueprint
from pydantic import Field

from annotator.services.dataset_report import dataset_report
from annotator.services.statistics import Period, statistics
from annotator.web import access
from annotator.web.schemas import Input

blueprint = APIBlueprint("statistics", __name__, url_prefix="/api/v1", tag="Projects")

PATIENCE_SECONDS = 3.0


class PeriodQuery(Input):
    """Days, ISO 8601, both included."""

    since: date | None = Field(default=None, alias="from")
    until: date | None = Field(default=None, alias="to")


@blueprint.get("/projects/<int:project_id>/statistics")
@blueprint.input(PeriodQuery, location="query")
def numbers(project_id: int, query_data: PeriodQuery) -> dict[str, Any]:
    """Masks, time, clicks, corrections and proposals: over all, by stage, category, person and week."""
    project = access.get_project(project_id)
    return statistics(project, Period(query_data.since, query_data.until), seconds=PATIENCE_SECONDS)


@blueprint.get("/projects/<int:project_id>/dataset-report")
def report(project_id: int) -> dict[str, Any]:
    """Size, concavity, centres and masks per image of the accepted masks."""
    return dataset_report(access.get_project(project_id), seconds=PATIENCE_SECONDS)
