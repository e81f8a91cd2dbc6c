"""Projects, members and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from annotator.models import Category, Project
from annotator.services import embeddings, projects
from annotator.services.embedding_summary import Summary, summaries
from annotator.web import access
from annotator.web.schemas import CategoryIn, CategoryPatch, MemberIn, ProjectIn, ProjectPatch

blueprint = APIBlueprint("projects", __name__, url_prefix="/api/v1", tag="Projects")


def describe_category(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "project_id": category.project_id,
        "name": category.name,
        "color": category.color,
        "position": category.position,
    }


def describe_all(visible: Sequence[tuple[Project, str]]) -> list[dict[str, Any]]:
    """The API form of projects with the caller's role in each, in a handful of queries for any number of them."""
    ids = [project.id for project, _ in visible]
    counts, categories = projects.counts(ids), projects.categories_of(ids)
    images = {id: each.images for id, each in counts.items()}
    ready = summaries([project for project, _ in visible], images)
    return [
        _describe(project, role, counts[project.id], ready[project.id], categories[project.id])
        for project, role in visible
    ]


def _describe(
    project: Project, role: str, counts: projects.Counts, ready: Summary, categories: Sequence[Category]
) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "stage": project.stage,
        "sample_share": project.sample_share,
        "role": role,
        "model_digest": project.model_digest,
        "created_at": project.created_at.isoformat(),
        "counts": asdict(counts),
        "embeddings": asdict(ready),
        "categories": [describe_category(category) for category in categories],
    }


def _answer(project: Project) -> dict[str, Any]:
    return describe_all([(project, access.role_in(project.id) or "annotator")])[0]


@blueprint.get("/projects")
def listing() -> dict[str, Any]:
    """The projects you belong to, by name; administrators see all."""
    return {"projects": describe_all(projects.visible_projects(access.user()))}


@blueprint.post("/projects")
@blueprint.input(ProjectIn)
def create(json_data: ProjectIn) -> tuple[dict[str, Any], int]:
    """Make a project; you become its manager."""
    project = projects.create_project(
        json_data.name, description=json_data.description, stage=json_data.stage, owner=access.user()
    )
    return _answer(project), 201


@blueprint.get("/projects/<int:project_id>")
def one(project_id: int) -> dict[str, Any]:
    """A project with counts, embedding progress and categories."""
    return _answer(access.get_project(project_id))


@blueprint.patch("/projects/<int:project_id>")
@blueprint.input(ProjectPatch)
def change(project_id: int, json_data: ProjectPatch) -> dict[str, Any]:
    """Change name, description, stage, sample or model (managers). A new model queues the embeddings it lacks."""
    project = access.get_project(project_id, role="manager")
    before = embeddings.model_digest(project)
    project = projects.update_project(project.id, json_data.model_dump(exclude_unset=True))
    digest = embeddings.model_digest(project)
    if digest is not None and digest != before:
        embeddings.request_missing(project, digest, created_by=access.user().id)
    return _answer(project)


@blueprint.delete("/projects/<int:project_id>")
def delete(project_id: int) -> Response:
    """Take a project out of sight (managers). Its data stays in the database until an administrator removes it."""
    projects.archive_project(access.get_project(project_id, role="manager").id)
    return Response(status=204)


@blueprint.get("/projects/<int:project_id>/members")
def members(project_id: int) -> dict[str, Any]:
    """Who works in the project."""
    project = access.get_project(project_id)
    people = projects.members(project.id)
    return {"members": [{"user_id": person.id, "name": person.name, "role": role} for person, role in people]}


@blueprint.put("/projects/<int:project_id>/members/<int:user_id>")
@blueprint.input(MemberIn)
def set_member(project_id: int, user_id: int, json_data: MemberIn) -> dict[str, Any]:
    """Add somebody or change their role (managers)."""
    project = access.get_project(project_id, role="manager")
    projects.set_member(project.id, user_id, json_data.role)
    return members(project_id)


@blueprint.delete("/projects/<int:project_id>/members/<int:user_id>")
def remove_member(project_id: int, user_id: int) -> Response:
    """Take somebody out of the project (managers)."""
    project = access.get_project(project_id, role="manager")
    projects.remove_member(project.id, user_id)
    return Response(status=204)


@blueprint.post("/projects/<int:project_id>/categories")
@blueprint.input(CategoryIn)
def create_category(project_id: int, json_data: CategoryIn) -> tuple[dict[str, Any], int]:
    """Add a category (managers); without a colour it gets the next one of the palette."""
    project = access.get_project(project_id, role="manager")
    return describe_category(projects.create_category(project.id, json_data.name, json_data.color)), 201


@blueprint.patch("/categories/<int:category_id>")
@blueprint.input(CategoryPatch)
def change_category(category_id: int, json_data: CategoryPatch) -> dict[str, Any]:
    """Rename, recolour or move a category (managers)."""
    category = access.get_category(category_id, role="manager")
    return describe_category(projects.update_category(category.id, json_data.model_dump(exclude_unset=True)))


@blueprint.delete("/categories/<int:category_id>")
def delete_category(category_id: int) -> Response:
    """Retire a category (managers). Annotations that have it keep it."""
    projects.delete_category(access.get_category(category_id, role="manager").id)
    return Response(status=204)
