"""Background work: look, cancel, try again."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import or_, select

from annotator import jobs
from annotator.database import db
from annotator.models import Job, Membership
from annotator.web import access
from annotator.web.language import translate_line, translate_message
from annotator.web.schemas import JobQuery

blueprint = APIBlueprint("jobs", __name__, url_prefix="/api/v1", tag="Jobs")


def describe(job: Job) -> dict[str, Any]:
    """The API form of a job."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "message": translate_line(job.message, job.message_parts) or None,
        "error": job.error and job.error | {"message": translate_message(job.error["message"])},
        "project_id": job.project_id,
        "payload": job.payload,
        "result": job.result,
        "cancel_requested": job.cancel_requested,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


@blueprint.get("/jobs")
@blueprint.input(JobQuery, location="query")
def listing(query_data: JobQuery) -> dict[str, Any]:
    """The latest jobs of your projects, newest first; administrators see all."""
    person = access.user()
    query = select(Job).order_by(Job.id.desc()).limit(query_data.limit)
    if query_data.project_id is not None:
        query = query.where(Job.project_id == access.get_project(query_data.project_id).id)
    elif not person.is_admin:
        mine = select(Membership.project_id).where(Membership.user_id == person.id)
        query = query.where(or_(Job.project_id.in_(mine)))
    if query_data.state is not None:
        query = query.where(Job.state == query_data.state)
    if query_data.kind is not None:
        query = query.where(Job.kind == query_data.kind)
    return {"jobs": [_in_list(job) for job in db.session.scalars(query)]}


def _in_list(job: Job) -> dict[str, Any]:
    """A job without the masks of a preview, which can be a megabyte each."""
    described = describe(job)
    if job.result is not None and "proposals" in job.result:
        described["result"] = {name: value for name, value in job.result.items() if name != "proposals"}
    return described


@blueprint.get("/jobs/<int:job_id>")
def one(job_id: int) -> dict[str, Any]:
    """One job."""
    return describe(access.get_job(job_id))


def _changeable(job_id: int) -> Job:
    """The job, if the caller asked for it or manages its project. Raises NotFound or Forbidden."""
    job = access.get_job(job_id)
    return job if job.created_by == access.user().id else access.get_job(job_id, role="manager")


@blueprint.post("/jobs/<int:job_id>/cancel")
def cancel(job_id: int) -> dict[str, Any]:
    """Cancel a job that waits or runs."""
    jobs.cancel(_changeable(job_id).id)
    return one(job_id)


@blueprint.post("/jobs/<int:job_id>/retry")
def retry(job_id: int) -> dict[str, Any]:
    """Queue a failed or cancelled job again."""
    jobs.retry(_changeable(job_id).id)
    return one(job_id)
