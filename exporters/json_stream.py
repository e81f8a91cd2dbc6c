"""Large JSON files member by member: what is in memory does not grow with the file.

The standard library's decoder does the parsing, one member of a list at a time; a streaming parser that was tried
(ijson) is slower and lets a file of nothing but brackets take all memory.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from exporters.dataset import FormatError

CHUNK = 1 << 18
LARGEST_MEMBER = 1 << 27
"""Characters that one member may have: far more than the largest mask that is accepted."""

SPACE = re.compile(r"[ \t\n\r]*")


def walk(path: Path) -> Iterator[tuple[str, int | None, Any]]:
    """The file's object, in order: (name, number, member) for each member of its lists, (name, None, value) for others.

    An empty list counts as a value. Raises FormatError when the file is not a JSON object in UTF-8; NaN and Infinity
    are not JSON.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Text(file).walk()
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path.name} is not valid JSON: {error}") from None


def sorted_on_disk(
    records: Iterable[tuple[int, Any]], rank: Callable[[Any], int]
) -> Iterator[tuple[int, Any]]:
    """Numbered JSON values by rank, then by number, through a temporary file."""
    with closing(
        sqlite3.connect("")
    ) as store:  # an empty name is a database on disk that goes when it is closed
        store.execute("CREATE TABLE record (rank INTEGER, number INTEGER, body TEXT)")
        rows = ((rank(value), number, json.dumps(value)) for number, value in records)
        store.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
        for number, body in store.execute("SELECT number, body FROM record ORDER BY rank, number"):
            yield number, json.loads(body)


def refuse_constant(name: str) -> Any:
    """For json's `parse_constant`: NaN and Infinity are not JSON."""
    raise ValueError(f"{name} is not a JSON value")


class _Text:
    """A window over the file's text that is moved on as values are taken."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._window, self._at, self._ended = file, "", 0, False
        self._decode = json.JSONDecoder(parse_constant=refuse_constant).raw_decode

    def walk(self) -> Iterator[tuple[str, int | None, Any]]:
        self._expect("{")
        separator = "" if self._next() == "}" else ","
        while separator == ",":
            name = self._value()
            self._expect(":")
            if not isinstance(name, str):
                raise ValueError(f"{name!r} is no member's name")
            yield from self._list(name) if self._next() == "[" else [(name, None, self._value())]
            separator = self._expect(",", "}")
        if not separator:
            self._expect("}")
        if self._next():
            raise ValueError("something follows the object")

    def _list(self, name: str) -> Iterator[tuple[str, int | None, Any]]:
        self._expect("[")
        if self._next() == "]":
            self._expect("]")
            yield name, None, []
            return
        number, separator = 0, ","
        while separator == ",":
            yield name, number, self._value()
            number, separator = number + 1, self._expect(",", "]")

    def _next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = SPACE.match(self._window, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._window) or not self._more():
                return self._window[self._at : self._at + 1]

    def _expect(self, *characters: str) -> str:
        found = self._next()
        if found not in characters or not found:
            raise ValueError(f"{found or 'the end'!r} where {' or '.join(characters)} was expected")
        self._at += 1
        return found

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = self._decode(self._window, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # A number may go on where the window ends: "-4." is a -4 so far.
            follows = self._window[end : end + 1]
            if (follows and follows not in ".eE") or not self._more():
                self._at = end
                return value

    def _more(self) -> bool:
        """Read on, twice as much as is waiting; False at the end of the file."""
        waiting = self._window[self._at :]
        if len(waiting) > LARGEST_MEMBER:
            raise ValueError(f"one member has more than {LARGEST_MEMBER} characters")
        fresh = "" if self._ended else self._file.read(max(CHUNK, len(waiting)))
        self._ended = not fresh
        self._window, self._at = waiting + fresh, 0
        return bool(fresh)
