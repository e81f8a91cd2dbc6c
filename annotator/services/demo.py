"""The demo project: photographs in the public domain that scikit-image carries in its wheel (docs/demo-images.md)."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import select

from annotator.database import db
from annotator.models import Project, User
from annotator.services.ingest import ingest
from annotator.services.projects import create_category, create_project

NAME = "Demo"
DESCRIPTION = "Photographs in the public domain to try things on."
# File in the wheel → name in the project. Each is CC0 or free of known copyright, as docs/demo-images.md records.
PHOTOGRAPHS = (
    ("chelsea.png", "cat.png"),
    ("coffee.png", "coffee.png"),
    ("astronaut.png", "astronaut.png"),
    ("rocket.jpg", "rocket.jpg"),
    ("coins.png", "coins.png"),
    ("camera.png", "photographer.png"),
    ("retina.jpg", "retina.jpg"),
    ("hubble_deep_field.jpg", "deep-field.jpg"),
)
CATEGORIES = ("Animal", "Person", "Object", "Vehicle", "Part", "Other")


def create_demo(owner: User | None = None) -> Project:
    """The demo project, made or completed: images go through the usual ingest, their embeddings are queued."""
    project = db.session.scalar(select(Project).where(Project.name == NAME))
    if project is None:
        project = create_project(NAME, description=DESCRIPTION, owner=owner)
        for category in CATEGORIES:
            create_category(project.id, category)
    data = files("skimage") / "data"
    for source, name in PHOTOGRAPHS:
        with (data / source).open("rb") as file:
            ingest(project, file, name, person=owner)
    return project
