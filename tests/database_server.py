"""A private PostgreSQL server for tests: one server a run, one database a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tools import database_servers


class DatabaseServer:
    """A running server whose database `tables` holds all tables, empty."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count()

    def url_of(self, name: str) -> str:
        """The URL of one of the server's databases."""
        return self.url.replace("/postgres?", f"/{name}?")

    def connect(self) -> Any:
        """A connection on which every statement is its own transaction."""
        import psycopg

        return psycopg.connect(self.url, autocommit=True)

    @contextmanager
    def database(self, template: str = "tables") -> Iterator[str]:
        """The URL of a new database with all tables, or with those of `template`; gone after the block."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url_of(name)
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def run_postgresql() -> Iterator[DatabaseServer]:
    """The server; skips the test where none is installed."""
    try:
        with database_servers.postgresql() as url:
            yield DatabaseServer(url)
    except database_servers.NoServer as problem:
        pytest.skip(str(problem))
