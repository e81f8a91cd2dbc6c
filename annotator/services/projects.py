"""Projects, their members and their categories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from annotator.database import db, now, writing
from annotator.errors import Conflict, InvalidInput, NotFound
from annotator.models import Category, Image, Membership, Model, Project, User
from annotator.races import again_when_overtaken

# Distinct at a glance on photographs, in an order that keeps neighbours apart.
PALETTE = (
    *("#4c8dff", "#f5a623", "#2fb380", "#e5484d", "#9d5cff", "#12a8c4"),
    *("#d6409f", "#8bb32d", "#c9772b", "#6c7bff", "#00a58e", "#b8863b"),
)


@dataclass(frozen=True)
class Counts:
    """Images by status, accepted annotations, and proposals nobody has looked at."""

    images: int
    new: int
    in_progress: int
    done: int
    skipped: int
    annotations: int
    proposals: int


def visible_projects(person: User) -> list[tuple[Project, str]]:
    """(project, role) of everything the person may see, by name."""
    query = select(Project).where(Project.archived_at.is_(None)).order_by(func.lower(Project.name))
    if person.is_admin:
        return [(project, "manager") for project in db.session.scalars(query)]
    joined = query.join(Membership, Membership.project_id == Project.id).where(
        Membership.user_id == person.id
    )
    return [(row[0], row[1]) for row in db.session.execute(joined.add_columns(Membership.role))]


def counts(project_ids: Iterable[int]) -> dict[int, Counts]:
    """Project id → counts, in one query for any number of projects; it reads images, never annotations."""
    ids = list(project_ids)
    images: dict[int, dict[str, int]] = {project_id: {} for project_id in ids}
    masks: dict[int, tuple[int, int]] = dict.fromkeys(ids, (0, 0))
    rows = db.session.execute(
        select(
            Image.project_id,
            Image.status,
            func.count(),
            func.sum(Image.accepted_count),
            func.sum(Image.proposal_count),
        )
        .where(Image.project_id.in_(ids))
        .group_by(Image.project_id, Image.status)
    )
    for project_id, status, number, accepted, proposed in rows:
        images[project_id][status] = number
        before = masks[project_id]
        masks[project_id] = (before[0] + accepted, before[1] + proposed)
    return {
        project_id: Counts(
            images=sum(images[project_id].values()),
            new=images[project_id].get("new", 0),
            in_progress=images[project_id].get("in_progress", 0),
            done=images[project_id].get("done", 0),
            skipped=images[project_id].get("skipped", 0),
            annotations=masks[project_id][0],
            proposals=masks[project_id][1],
        )
        for project_id in ids
    }


def find_project(name: str) -> Project:
    """The project called `name`. Raises NotFound."""
    project = db.session.scalar(select(Project).where(Project.name == name, Project.archived_at.is_(None)))
    if project is None:
        raise NotFound(f"There is no project called {name!r}.", code="project_not_found", field="name")
    return project


@again_when_overtaken
def create_project(
    name: str, *, description: str = "", stage: str = "assisted_manual", owner: User | None = None
) -> Project:
    """Add a project; `owner` becomes its manager. Raises Conflict for a name in use."""
    with writing() as session:
        _check_name_is_free(name)
        project = Project(name=name, description=description, stage=stage, model_digest=None)
        session.add(project)
        session.flush()
        if owner is not None:
            session.add(Membership(user_id=owner.id, project_id=project.id, role="manager"))
    return project


@again_when_overtaken
def update_project(project_id: int, changes: dict[str, Any]) -> Project:
    """Set name, description, stage or model_digest. Raises Conflict for a name in use, NotFound for a model."""
    with writing() as session:
        project = session.get_one(Project, project_id)
        if changes.get("name") not in (None, project.name):
            _check_name_is_free(changes["name"])
        digest = changes.get("model_digest")
        if digest is not None and session.get(Model, digest) is None:
            raise InvalidInput("There is no such model.", code="model_not_found", field="model_digest")
        for field, value in changes.items():
            if value is not None or field == "model_digest":
                setattr(project, field, value)
    return project


def archive_project(project_id: int) -> None:
    """Take a project out of sight; its name becomes free and nothing is lost."""
    with writing() as session:
        project = session.get_one(Project, project_id)
        project.archived_at = now()
        project.name = f"{project.name[:90]} (deleted {project.archived_at:%Y-%m-%d %H:%M:%S.%f})"[:120]


def in_turn(project_id: int) -> None:
    """Inside a `writing` block: until its end nobody else adds to the project's lists, so places in them stay unique.

    Raises NotFound when the project is gone.
    """
    # Weaker than FOR UPDATE: rows that only refer to the project go on being written.
    query = select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)
    if db.session.scalar(query) is None:
        raise NotFound("This project was deleted meanwhile.", code="project_not_found")


def _check_name_is_free(name: str) -> None:
    if db.session.scalar(select(Project.id).where(Project.name == name)) is not None:
        raise Conflict(f"There is already a project called {name!r}.", code="name_taken", field="name")


def members(project_id: int) -> list[tuple[User, str]]:
    """(person, role) of everybody in the project, by name."""
    rows = db.session.execute(
        select(User, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.project_id == project_id)
        .order_by(User.name)
    )
    return [(row[0], row[1]) for row in rows]


@again_when_overtaken
def set_member(project_id: int, user_id: int, role: str) -> None:
    """Add somebody, or change their role. Raises NotFound for an unknown or inactive person."""
    with writing() as session:
        person = session.get(User, user_id)
        if person is None or not person.active:
            raise NotFound("There is no such user.", code="user_not_found", field="user_id")
        session.merge(Membership(user_id=user_id, project_id=project_id, role=role))


def remove_member(project_id: int, user_id: int) -> None:
    """Take somebody out of the project; it is fine if they are not in it."""
    with writing() as session:
        membership = session.get(Membership, (user_id, project_id))
        if membership is not None:
            session.delete(membership)


@again_when_overtaken
def create_category(project_id: int, name: str, color: str | None = None) -> Category:
    """Add a category at the end, in the palette's next colour unless one is given. Raises Conflict for a used name."""
    with writing() as session:
        in_turn(project_id)
        _check_category_name(project_id, name)
        retired = session.scalar(
            select(Category).where(Category.project_id == project_id, Category.name == name)
        )
        existing = session.execute(
            select(func.count(), func.max(Category.position)).where(
                Category.project_id == project_id, Category.archived_at.is_(None)
            )
        ).one()
        category = retired or Category(project_id=project_id, name=name)
        category.color = color or PALETTE[existing[0] % len(PALETTE)]
        category.position = 0 if existing[1] is None else existing[1] + 1
        category.archived_at = None
        session.add(category)
    return category


@again_when_overtaken
def update_category(category_id: int, changes: dict[str, Any]) -> Category:
    """Set name, color or position (the place in the list; the others move). Raises Conflict for a name in use."""
    with writing() as session:
        category = session.get_one(Category, category_id)
        in_turn(category.project_id)
        name = changes.get("name")
        if name is not None and name != category.name:
            _check_category_name(category.project_id, name)
            retired = session.scalar(
                select(Category).where(Category.project_id == category.project_id, Category.name == name)
            )
            if retired is not None:
                retired.name = f"{name[:90]} (deleted {retired.id})"
                session.flush()
            category.name = name
        if changes.get("color") is not None:
            category.color = changes["color"]
        if changes.get("position") is not None:
            _move(category, changes["position"])
    return category


def delete_category(category_id: int) -> None:
    """Retire a category. Annotations keep it, so nothing loses its label; adding the name again brings it back."""
    with writing() as session:
        session.get_one(Category, category_id).archived_at = now()


def categories(project_id: int) -> list[Category]:
    """The project's categories in their order."""
    return categories_of([project_id])[project_id]


def categories_of(project_ids: Sequence[int]) -> dict[int, list[Category]]:
    """Project id → its categories in their order, in one query for any number of projects."""
    found: dict[int, list[Category]] = {project_id: [] for project_id in project_ids}
    rows = db.session.scalars(
        select(Category)
        .where(Category.project_id.in_(project_ids), Category.archived_at.is_(None))
        .order_by(Category.position, Category.id)
    )
    for category in rows:
        found[category.project_id].append(category)
    return found


def _check_category_name(project_id: int, name: str) -> None:
    taken = db.session.scalar(
        select(Category.id).where(
            Category.project_id == project_id, Category.name == name, Category.archived_at.is_(None)
        )
    )
    if taken is not None:
        raise Conflict(f"There is already a category called {name!r}.", code="name_taken", field="name")


def _move(category: Category, position: int) -> None:
    others = [other for other in categories(category.project_id) if other.id != category.id]
    others.insert(position, category)
    for place, other in enumerate(others):
        other.position = place
