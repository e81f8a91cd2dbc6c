"""What a writer does whose transaction lost a race: look again, and answer as if it had come later.

Where transactions run side by side (PostgreSQL), two of them may both find a name free; the second then ends in an
IntegrityError. Run once more, it finds what the first one left and says so. SQLite lets writers in one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from annotator.database import inside_writing

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 5

AGAIN = ("40001", "40P01")
"""SQLSTATE of transactions that the database ended so that others could go on: serialization failure, deadlock."""


def overtaken(error: SQLAlchemyError) -> bool:
    """Whether a transaction failed only because of another one that ran at the same time."""
    if isinstance(error, IntegrityError | StaleDataError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in AGAIN


def again_when_overtaken(work: Callable[P, R]) -> Callable[P, R]:
    """A function of one `writing` block that is run again, up to ATTEMPTS times, when that lost a race.

    Inside another `writing` block it runs once: the transaction, and so the next attempt, is that block's.
    """

    @wraps(work)
    def insist(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return work(*args, **kwargs)
            except SQLAlchemyError as error:
                if inside_writing() or attempt == ATTEMPTS or not overtaken(error):
                    raise
        raise AssertionError("unreachable")

    return insist
