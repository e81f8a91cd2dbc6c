"""Commands of `flask`: one file per command or group, named like it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from annotator.errors import AnnotatorError


def with_plain_errors(command: click.Command) -> click.Command:
    """Make expected errors of a command (and of its subcommands) one line on standard error and exit status 1."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            with_plain_errors(child)
    if command.callback is not None:
        command.callback = _plain(command.callback)
    return command


def address(host: str, port: int) -> str:
    """What to type into a browser on this machine to reach a server that listens on `host`."""
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _plain(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except AnnotatorError as error:
            raise click.ClickException(error.message) from error

    return call
