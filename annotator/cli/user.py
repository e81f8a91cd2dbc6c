"""`flask user`: people who may sign in."""

from __future__ import annotations

import json

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import select

from annotator.cli import address
from annotator.database import db
from annotator.models import User
from annotator.services import users

user = AppGroup("user", help="Create and list people, reset their access.")


@user.command("create")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May do everything, including managing people.")
@click.option("--password", help="Set a password; better leave it out and hand over the link.")
def create(name: str, admin: bool, password: str | None) -> None:
    """Add a person. Without a password a one-time sign-in link is printed."""
    person = users.create_user(name, password=password, is_admin=admin)
    click.echo(f"{person.name} can sign in." if password else link_line(person))


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def listing(as_json: bool) -> None:
    """Everybody, with their rights."""
    people = db.session.scalars(select(User).order_by(User.name)).all()
    if as_json:
        rows = [{"id": p.id, "name": p.name, "is_admin": p.is_admin, "active": p.active} for p in people]
        click.echo(json.dumps(rows, indent=2))
        return
    for person in people:
        marks = [
            word for word, holds in (("admin", person.is_admin), ("blocked", not person.active)) if holds
        ]
        click.echo(f"{person.name:<24} {' '.join(marks)}".rstrip())


@user.command("link")
@click.argument("name")
def link(name: str) -> None:
    """Print a one-time sign-in link."""
    click.echo(link_line(users.find_user(name)))


@user.command("reset")
@click.argument("name")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="The new password.")
def reset(name: str, password: str) -> None:
    """Set a new password; it ends the person's sessions."""
    users.set_password(users.find_user(name).id, password)
    click.echo(f"{name} has a new password.")


def link_line(person: User) -> str:
    """One line with a new one-time link for the person."""
    settings = current_app.extensions["annotator_settings"]
    token = users.make_link(person.id, hours=settings.link_hours)
    return f"Sign in once as {person.name}: {address(settings.host, settings.port)}/signin/{token}"
