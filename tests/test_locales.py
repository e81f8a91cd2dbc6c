"""The catalogues hold exactly the texts that people read: no text untranslated, no translation unused."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.web import errors
from annotator.web.language import LANGUAGES, PLACEHOLDER

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "static" / "locales"
JS = ROOT / "static" / "js"
TEMPLATES = ROOT / "annotator" / "templates"

COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|(?<!:)//[^\n]*|/\*.*?\*/""", re.DOTALL)
STRING = r'"(?:\\.|[^"\\\n])*"'
JS_TEXT = re.compile(rf"(?<![\w.$])(?:t|phrase)\(\s*({STRING})")
JS_COUNT = re.compile(rf"(?<![\w.$])(?:tn|phrases)\(\s*[^;]{{1,160}}?,\s*({STRING}),\s*({STRING})")
JS_CALL = re.compile(r"(?<![\w.$])(?<!function )(?:tn?|phrases?)\(")
TEMPLATE_TEXT = re.compile(rf"\b_\(({STRING})")
OTHER_LANGUAGES = [language for language in LANGUAGES if language != "en"]


def _script_texts() -> Counter[str]:
    found: Counter[str] = Counter()
    for file in sorted(JS.rglob("*.js")):
        code = COMMENT.sub(lambda match: match[1] or " ", file.read_text())
        texts = [json.loads(match[1]) for match in JS_TEXT.finditer(code)]
        counts = [json.loads(text) for match in JS_COUNT.finditer(code) for text in match.groups()]
        calls = len(JS_CALL.findall(code)) if file.name != "translate.js" else 0
        assert calls == len(texts) + len(counts) // 2, (
            f"{file.name}: t(), tn(), phrase() and phrases() take literal texts"
        )
        found.update(texts + counts)
    return found


def _template_texts() -> Counter[str]:
    files = sorted(TEMPLATES.glob("*.html"))
    return Counter(
        json.loads(match[1]) for file in files for match in TEMPLATE_TEXT.finditer(file.read_text())
    )


def _messages(node: ast.expr) -> Iterator[str]:
    """Every string and f-string in the expression; an f-string's values become placeholders."""
    if isinstance(node, ast.JoinedStr):
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
            else:
                parts.append("{}")
        yield "".join(parts)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _server_messages() -> set[str]:
    """What the server may say, values as `{}`: error messages and the titles of error pages."""
    found = {*errors.MESSAGES.values(), *errors.TITLES.values()}
    for file in (ROOT / "annotator").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                found.update(text for argument in arguments for text in _messages(argument))
    return {_without_names(text) for text in found}


def _lines() -> set[str]:
    """Every sentence of the lines that jobs show (annotator/lines.py)."""
    found = set()
    for file in (ROOT / "annotator").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "line":
                assert isinstance(node.args[0], ast.Constant), f"{file.name}: line() takes literal texts"
                found.add(str(node.args[0].value))
    return found


def _without_names(text: str) -> str:
    return PLACEHOLDER.sub("{}", text)


def _catalogue(language: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def test_every_language_has_a_catalogue_and_a_name_in_the_interface() -> None:
    assert sorted(file.stem for file in LOCALES.glob("*.json")) == sorted(OTHER_LANGUAGES)
    source = (JS / "ui" / "language.js").read_text()
    table = re.search(r"LANGUAGES = \{(.*?)\};", source)
    assert table is not None
    named = dict(re.findall(r'"?([\w-]+)"?: "([^"]+)"', table[1]))
    assert named == LANGUAGES


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_every_text_is_translated_and_every_translation_is_used(language: str) -> None:
    catalogue = _catalogue(language)
    interface = {*_script_texts(), *_template_texts()}
    missing = sorted((interface | _lines()) - catalogue.keys())
    assert missing == [], "add these"
    server = _server_messages()
    unused = sorted(key for key in catalogue if key not in interface and _without_names(key) not in server)
    assert unused == [], "remove these"


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_translations_keep_their_placeholders_and_are_not_empty(language: str) -> None:
    catalogue = _catalogue(language)
    different = {
        key: text
        for key, text in catalogue.items()
        if set(PLACEHOLDER.findall(key)) != set(PLACEHOLDER.findall(text))
    }
    assert different == {}
    assert [key for key, text in catalogue.items() if not text.strip()] == []
    assert list(catalogue) == sorted(catalogue), "keys are in order, so that changes are easy to read"


def test_texts_are_found_in_every_form() -> None:
    code = 't("One") + tn(count(a, b), "{n} x", "{n} xs", {n}); it("No"); x.t("No"); t(\n  "Two",\n)'
    assert [json.loads(match[1]) for match in JS_TEXT.finditer(code)] == ["One", "Two"]
    assert [match.groups() for match in JS_COUNT.finditer(code)] == [('"{n} x"', '"{n} xs"')]
    [message] = _messages(ast.parse('f"There is no {what!r}."').body[0].value)  # type: ignore[attr-defined]
    assert message == "There is no {}."
