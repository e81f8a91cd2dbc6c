"""What can go wrong in a way the caller may act on.

Every layer raises these; `web/errors.py` turns them into the one JSON error shape and the command line into one line on
standard error. `code` is stable and meant for programs, `message` is a sentence for people that names the value and the
remedy, `field` is the input the message is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AnnotatorError(Exception):
    """Base of all expected failures. `extra` goes into the JSON body beside `error` (a conflict's current state)."""

    status = 400

    def __init__(
        self,
        message: str,
        *,
        code: str,
        field: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field
        self.extra = dict(extra or {})


class InvalidInput(AnnotatorError):
    """The input itself is wrong; sending it again cannot help."""

    status = 422


class NotFound(AnnotatorError):
    """The thing does not exist, or the caller may not know that it does."""

    status = 404


class Conflict(AnnotatorError):
    """The input is fine but the stored state has moved on."""

    status = 409


class Forbidden(AnnotatorError):
    """The caller may see the thing but not do this to it."""

    status = 403


class SettingsError(AnnotatorError):
    """A setting is unknown or cannot be parsed; start-up stops."""

    status = 500
