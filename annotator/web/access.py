"""Loading what a request names, existence and permission in one step.

Each loader answers 404 for what does not exist *and* for what the caller may not know of, so ids cannot be probed.
"""

from __future__ import annotations

import re

from flask_login import current_user
from sqlalchemy import select

from annotator.database import db
from annotator.errors import AnnotatorError, Forbidden, NotFound
from annotator.models import Annotation, Category, Image, Job, Membership, Project, User


class SignedOut(AnnotatorError):
    """Nobody is signed in."""

    status = 401


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def user() -> User:
    """Who asks. Raises SignedOut (401)."""
    if not current_user.is_authenticated:
        raise SignedOut("Sign in first.", code="signed_out")
    return current_user.row


def require_admin() -> User:
    """The asking administrator. Raises Forbidden (403) for everybody else."""
    person = user()
    if not person.is_admin:
        raise Forbidden("Only administrators may do this.", code="admin_only")
    return person


def require_manager_somewhere() -> User:
    """Somebody who manages at least one project. Raises Forbidden (403) for everybody else."""
    person = user()
    manages = select(Membership.project_id).where(
        Membership.user_id == person.id, Membership.role == "manager"
    )
    if not person.is_admin and db.session.scalar(manages.limit(1)) is None:
        raise Forbidden("Only managers may do this.", code="manager_only")
    return person


def role_in(project_id: int) -> str | None:
    """The role of the asking person, or None when they have none or the project is deleted.

    Administrators manage everything.
    """
    person = user()
    project = db.session.get(Project, project_id)
    if project is None or project.archived_at is not None:
        return None
    if person.is_admin:
        return "manager"
    return db.session.scalar(
        select(Membership.role).where(Membership.user_id == person.id, Membership.project_id == project_id)
    )


def _check(project_id: int, role: str | None, what: str) -> None:
    held = role_in(project_id)
    if held is None:
        raise NotFound(f"There is no such {what}.", code=f"{what}_not_found")
    if role == "manager" and held != "manager":
        raise Forbidden("Only managers of this project may do this.", code="manager_only")


def get_project(project_id: int, role: str | None = None) -> Project:
    """A project the caller belongs to. Raises NotFound, or Forbidden when `role="manager"` and they are not one."""
    _check(project_id, role, "project")
    return db.session.get_one(Project, project_id)


def get_image(image_id: int, role: str | None = None) -> Image:
    """An image of a project the caller belongs to. Raises like get_project."""
    of_image = select(Image, Project).join(Project, Project.id == Image.project_id)
    found = db.session.execute(
        of_image.where(Image.id == image_id)
    ).first()  # the check below needs the project too
    if found is None:
        user()
        raise NotFound("There is no such image.", code="image_not_found")
    image: Image = found.Image
    _check(image.project_id, role, "image")
    return image


def get_category(category_id: int, role: str | None = None) -> Category:
    """A category of a project the caller belongs to. Raises like get_project."""
    category = db.session.get(Category, category_id)
    if category is None or category.archived_at is not None:
        user()
        raise NotFound("There is no such category.", code="category_not_found")
    _check(category.project_id, role, "category")
    return category


def get_annotation(annotation_id: str) -> Annotation:
    """An annotation, deleted ones included, of a project the caller belongs to. Raises like get_project."""
    annotation = db.session.get(Annotation, annotation_id) if UUID.fullmatch(annotation_id) else None
    if annotation is None:
        user()
        raise NotFound("There is no such annotation.", code="annotation_not_found")
    _check(annotation.project_id, None, "annotation")
    return annotation


def get_job(job_id: int, role: str | None = None) -> Job:
    """A job of a project the caller belongs to, or any job for administrators. Raises like get_project."""
    job = db.session.get(Job, job_id)
    if job is None or (job.project_id is None and not user().is_admin):
        user()
        raise NotFound("There is no such job.", code="job_not_found")
    if job.project_id is not None:
        _check(job.project_id, role, "job")
    return job
