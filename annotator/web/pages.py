"""The pages: thin shells; everything they show comes through the API."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import redirect, render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from annotator.database import db
from annotator.errors import NotFound
from annotator.models import Model
from annotator.services import serving
from annotator.web import access
from annotator.web.auth import public
from annotator.web.models import describe as describe_model

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)


@blueprint.get("/")
def projects() -> str:
    return render_template("projects.html")


@blueprint.get("/signin")
@public
def signin() -> str | Response:
    return redirect("/") if current_user.is_authenticated else render_template("signin.html")


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> str:
    return render_template("project.html", project_id=access.get_project(project_id).id)


@blueprint.get("/projects/<int:project_id>/images/<int:image_id>")
def workbench(project_id: int, image_id: int) -> str:
    image, project = access.get_image(image_id), access.get_project(project_id)
    if image.project_id != project.id:
        raise NotFound("There is no such image in this project.", code="image_not_found")
    digest = serving.digest_for(image)
    row = db.session.get(Model, digest) if digest else None
    # Known here already, and what the first click waits for longest: the page starts the decoder without asking.
    model = None if row is None else describe_model(row)
    return render_template("workbench.html", project_id=project.id, image_id=image.id, model=model)


@blueprint.get("/projects/<int:project_id>/training")
def training(project_id: int) -> str:
    return render_template("training.html", project_id=access.get_project(project_id).id)


@blueprint.get("/models")
def models() -> str:
    return render_template("models.html")


@blueprint.get("/users")
def users() -> str:
    access.require_admin()
    return render_template("users.html")


@blueprint.get("/account")
def account() -> str:
    return render_template("account.html")
