"""Lines that people read while work is under way, which other languages can say, too.

A `Line` is its English text, so it goes wherever text goes; beside it are the sentence and its values, from which
`web/language.py` makes the same line in another language.
"""

from __future__ import annotations

from typing import Any

Parts = dict[str, Any]
"""`text`, a sentence with {names}, and `values` for them: texts, or the parts of lines. Ready for JSON."""


class Line(str):
    """An English line with its `parts`."""

    parts: Parts

    __slots__ = ("parts",)


def line(text: str, **values: object) -> Line:
    """The line of a literal sentence whose {names} are replaced by the values; these may be lines themselves."""
    shown = Line(text.format(**{name: str(value) for name, value in values.items()}))
    shown.parts = {
        "text": text,
        "values": {
            name: value.parts if isinstance(value, Line) else str(value) for name, value in values.items()
        },
    }
    return shown


def parts_of(text: str) -> Parts | None:
    """What a line is made of; None for any other text."""
    return text.parts if isinstance(text, Line) else None
