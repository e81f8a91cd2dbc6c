"""The language of what people read: chosen by the person, else by a cookie, else by what the browser asks for.

Texts are written in English and are their own keys; `static/locales/<language>.json` maps them to another language, for
templates (`_("…")`), scripts (`t("…")`, through the page) and error messages alike.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from annotator.lines import Parts, parts_of

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh-CN": "简体中文"}
COOKIE = "language"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def register(app: Flask) -> None:
    """Give templates `_`, the page's language, and the catalogue that its scripts need."""
    app.jinja_env.globals["_"] = translate
    app.context_processor(lambda: {"language": current(), "messages": catalogue(current())})


def current() -> str:
    """The language of the request: the person's preference, else the cookie, else Accept-Language, else English."""
    for wanted in (_preferred(), request.cookies.get(COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    for tag, _quality in request.accept_languages:
        found = _spoken(tag)
        if found:
            return found
    return ENGLISH


def _preferred() -> str | None:
    # Scripts with a token say what they want to read in Accept-Language. Without a database there are no preferences.
    if request.headers.get("Authorization"):
        return None
    with suppress(SQLAlchemyError):
        if current_user.is_authenticated:
            value = current_user.row.preferences.get("language")
            return value if isinstance(value, str) else None
    return None


def _spoken(tag: str) -> str | None:
    """The language of ours that serves a reader of `tag`; Chinese is one, whatever the region."""
    primary = tag.partition("-")[0].lower()
    return next((code for code in LANGUAGES if code.partition("-")[0] == primary), None)


def catalogue(language: str) -> dict[str, str]:
    """English text → text in `language`; empty for English."""
    if language == ENGLISH:
        return {}
    return _read(Path(current_app.static_folder or "") / "locales" / f"{language}.json")


@cache
def _read(path: Path) -> dict[str, str]:
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def translate(text: str, **values: Any) -> str:
    """The text in the language of the request, `{name}` replaced by `values["name"]`."""
    return _fill(catalogue(current()).get(text, text), values)


def translate_message(message: str) -> str:
    """A finished error message in the language of the request; English where no known sentence has its form."""
    texts = catalogue(current())
    if message in texts:
        return texts[message]
    for pattern, text in _patterns(current()):
        found = pattern.fullmatch(message)
        if found:
            return _fill(text, found.groupdict())
    return message


def spoken(text: str) -> str:
    """A line made just now, or a finished message, in the language of the request."""
    parts = parts_of(text)
    return translate_message(text) if parts is None else translate_line(text, parts)


def translate_line(text: str, parts: Parts | None) -> str:
    """A stored line (see lines.py) in the language of the request; the text itself where its parts are unknown."""
    if parts is None:
        return translate(text)
    values = {
        name: translate_line(value.get("text", ""), value) if isinstance(value, dict) else value
        for name, value in parts["values"].items()
    }
    return translate(parts["text"], **values)


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Sentences with values, the most literal first, as patterns that read the values back."""
    texts = [(key, text) for key, text in catalogue(language).items() if _reads_back(key)]
    texts.sort(key=lambda pair: -len(PLACEHOLDER.sub("", pair[0])))
    return [(_pattern(key), text) for key, text in texts]


def _reads_back(key: str) -> bool:
    names = PLACEHOLDER.findall(key)
    return bool(names) and len(set(names)) == len(names) and key.endswith((".", "。"))


def _pattern(key: str) -> re.Pattern[str]:
    literal_or_name = PLACEHOLDER.split(key)
    parts = [
        f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(literal_or_name)
    ]
    return re.compile("".join(parts), re.DOTALL)


def _fill(text: str, values: dict[str, Any]) -> str:
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)
