"""People, their one-time links and API tokens."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, url_for
from sqlalchemy import select

from annotator.database import db, now, writing
from annotator.errors import InvalidInput, NotFound
from annotator.models import ApiToken, User
from annotator.services import users
from annotator.web import access
from annotator.web.schemas import TokenIn, UserIn, UserPatch

blueprint = APIBlueprint("users", __name__, url_prefix="/api/v1", tag="Users")


def describe(person: User) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "is_admin": person.is_admin,
        "active": person.active,
        "has_password": person.password_hash is not None,
        "preferences": {},
        "created_at": person.created_at.isoformat(),
    }


def _get(user_id: int) -> User:
    person = db.session.get(User, user_id)
    if person is None:
        raise NotFound("There is no such user.", code="user_not_found")
    return person


@blueprint.get("/users")
def listing() -> dict[str, Any]:
    """Everybody, by name. Administrators see all fields; managers of a project see whom they can add."""
    person = access.user()
    people = db.session.scalars(select(User).order_by(User.name)).all()
    if person.is_admin:
        return {"users": [describe(row) for row in people]}
    access.require_manager_somewhere()
    return {"users": [{"id": row.id, "name": row.name, "active": True} for row in people if row.active]}


@blueprint.post("/users")
@blueprint.input(UserIn)
def create(json_data: UserIn) -> tuple[dict[str, Any], int]:
    """Add a person (administrators). Without a password, make them a link."""
    access.require_admin()
    row = users.create_user(json_data.name, password=json_data.password, is_admin=json_data.is_admin)
    return describe(row), 201


@blueprint.patch("/users/<int:user_id>")
@blueprint.input(UserPatch)
def change(user_id: int, json_data: UserPatch) -> dict[str, Any]:
    """Change rights, block, or set a password (administrators). Nobody can lock out the last administrator."""
    asking = access.require_admin()
    row = _get(user_id)
    if row.id == asking.id and (json_data.is_admin is False or json_data.active is False):
        raise InvalidInput(
            "You cannot take these rights from yourself; ask another administrator.", code="own_account"
        )
    if json_data.password is not None:
        users.set_password(row.id, json_data.password)
    row = users.change_user(
        user_id, name=json_data.name, is_admin=json_data.is_admin, active=json_data.active
    )
    return describe(row)


@blueprint.post("/users/<int:user_id>/link")
def link(user_id: int) -> dict[str, str]:
    """A one-time sign-in link for a person (administrators)."""
    access.require_admin()
    person = _get(user_id)
    token = users.make_link(person.id, hours=current_app.extensions["annotator_settings"].link_hours)
    return {"url": url_for("sign_in_by_link", token=token, _external=True)}


@blueprint.get("/me/tokens")
def tokens() -> dict[str, Any]:
    """Your API tokens; their secrets were shown once and are not kept."""
    rows = db.session.scalars(
        select(ApiToken)
        .where(ApiToken.user_id == access.user().id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id)
    )
    return {"tokens": [_token(row) for row in rows]}


@blueprint.post("/me/tokens")
@blueprint.input(TokenIn)
def create_token(json_data: TokenIn) -> tuple[dict[str, Any], int]:
    """Make an API token; `token` in the answer is its secret and cannot be read again."""
    row, secret = users.make_token(access.user().id, json_data.name)
    return _token(row) | {"token": secret}, 201


@blueprint.delete("/me/tokens/<int:token_id>")
def revoke_token(token_id: int) -> Response:
    """Revoke one of your API tokens; repeating it is fine."""
    with writing() as session:
        row = session.get(ApiToken, token_id)
        if row is None or row.user_id != access.user().id:
            raise NotFound("There is no such token.", code="token_not_found")
        row.revoked_at = row.revoked_at or now()
    return Response(status=204)


def _token(row: ApiToken) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "created_at": row.created_at.isoformat(),
        "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
    }
