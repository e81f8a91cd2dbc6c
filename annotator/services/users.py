"""People: accounts, passwords, one-time links, API tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select, update
from werkzeug.security import check_password_hash, generate_password_hash

from annotator.database import db, now, writing
from annotator.errors import Conflict, InvalidInput, NotFound
from annotator.models import ApiToken, SignInLink, User
from annotator.races import again_when_overtaken

MIN_PASSWORD = 8
TOKEN_PREFIX = "ann_"
# Checked when the name is unknown, so that the answer takes as long as for a known one.
_DECOY = generate_password_hash(secrets.token_hex(8))


def _hash(token: str) -> str:
    # The tokens are 256 random bits; a slow hash would add nothing.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def check_password_rule(password: str) -> None:
    """Raises InvalidInput(field="password") for one that is too short or absurdly long."""
    if not MIN_PASSWORD <= len(password) <= 1000:
        raise InvalidInput(
            f"The password needs at least {MIN_PASSWORD} characters.", code="weak_password", field="password"
        )


def create_user(name: str, *, password: str | None = None, is_admin: bool = False) -> User:
    """Add a person. Without a password they sign in by one-time link. Raises Conflict for a name in use."""
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidInput("A name needs 1 to 80 printable characters.", code="bad_name", field="name")
    if password is not None:
        check_password_rule(password)
    hashed = generate_password_hash(password) if password is not None else None
    return _add(name, hashed, is_admin=is_admin)


@again_when_overtaken
def _add(name: str, hashed: str | None, *, is_admin: bool) -> User:
    with writing() as session:
        if session.scalar(select(User.id).where(User.name == name)):
            raise Conflict(f"There is already a user called {name!r}.", code="name_taken", field="name")
        person = User(name=name, password_hash=hashed, is_admin=is_admin, active=True, preferences={})
        session.add(person)
    return person


@again_when_overtaken
def change_user(
    user_id: int, *, name: str | None = None, is_admin: bool | None = None, active: bool | None = None
) -> User:
    """Set what is given. Raises Conflict for a name in use."""
    with writing() as session:
        person = session.get_one(User, user_id)
        if name is not None:
            taken = session.scalar(select(User.id).where(User.name == name, User.id != user_id))
            if taken is not None:
                raise Conflict(f"There is already a user called {name!r}.", code="name_taken", field="name")
            person.name = name
        if is_admin is not None:
            person.is_admin = is_admin
        if active is not None:
            person.active = active
    return person


def find_user(name: str) -> User:
    """The person called `name`. Raises NotFound."""
    person = db.session.scalar(select(User).where(User.name == name))
    if person is None:
        raise NotFound(f"There is no user called {name!r}.", code="user_not_found", field="name")
    return person


def set_password(user_id: int, password: str) -> None:
    """Replace the password; everybody signed in as this person is signed out by it."""
    check_password_rule(password)
    hashed = generate_password_hash(password)
    with writing() as session:
        session.execute(update(User).where(User.id == user_id).values(password_hash=hashed))


def check_password(name: str, password: str) -> User | None:
    """The active person with this name and password, else None; equally slow either way."""
    person = db.session.scalar(select(User).where(User.name == name.strip()))
    hashed = person.password_hash if person is not None and person.password_hash else _DECOY
    right = check_password_hash(hashed, password)
    return person if right and person is not None and person.password_hash and person.active else None


def make_link(user_id: int, *, hours: int) -> str:
    """A one-time sign-in token for the person, valid for `hours`; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    with writing() as session:
        session.add(
            SignInLink(token_hash=_hash(token), user_id=user_id, expires_at=now() + timedelta(hours=hours))
        )
    return token


def use_link(token: str) -> User | None:
    """The person a link signs in, else None. A link works once: two requests at the same moment cannot both win."""
    with writing() as session:
        link = session.scalar(
            select(SignInLink).where(SignInLink.token_hash == _hash(token)).with_for_update()
        )
        if link is None or link.used_at is not None or link.expires_at < now():
            return None
        person = session.get_one(User, link.user_id)
        if not person.active:
            return None
        link.used_at = now()
    return person


def link_matches(token: str) -> bool:
    """Whether the link could still be used; using it is a separate step."""
    link = db.session.scalar(select(SignInLink).where(SignInLink.token_hash == _hash(token)))
    return link is not None and link.used_at is None and link.expires_at >= now()


def make_token(user_id: int, name: str) -> tuple[ApiToken, str]:
    """A bearer token for scripts: the row and the secret, which is shown once."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with writing() as session:
        token = ApiToken(user_id=user_id, token_hash=_hash(secret), name=name)
        session.add(token)
    return token, secret


def user_of_token(secret: str) -> User | None:
    """The active person a bearer token belongs to, else None. Notes the use, at most once a minute."""
    token = db.session.scalar(
        select(ApiToken).where(ApiToken.token_hash == _hash(secret), ApiToken.revoked_at.is_(None))
    )
    if token is None:
        return None
    if token.last_used_at is None or now() - token.last_used_at > timedelta(minutes=1):
        with writing() as session:
            session.get_one(ApiToken, token.id).last_used_at = now()
    person = db.session.get(User, token.user_id)
    return person if person is not None and person.active else None
