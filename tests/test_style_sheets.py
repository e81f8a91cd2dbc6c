"""A class stands for one thing: what one sheet of a page styles, no other sheet of that page speaks of."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "annotator" / "templates").glob("*.html"))
SHEET = re.compile(r"static/css/([\w-]+\.css)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ALONE = re.compile(r"^\.([\w-]+)(?=\s*[,{])", re.MULTILINE)
FIRST = re.compile(r"^\.([\w-]+)", re.MULTILINE)
COMMON = ("base", "workbench")
"""What every page builds on, and one sheet in parts."""


def _found(pattern: re.Pattern[str], sheet: str) -> set[str]:
    text = (ROOT / "static" / "css" / sheet).read_text(encoding="utf-8")
    return set(pattern.findall(COMMENT.sub("", text)))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.stem)
def test_sheets_of_one_page_mean_different_classes(template: Path) -> None:
    named = set(SHEET.findall(template.read_text(encoding="utf-8"))) | {"pages.css"}
    own = sorted(sheet for sheet in named if not sheet.startswith(COMMON))
    shared = {(a, b): both for a, b in permutations(own, 2) if (both := _found(ALONE, a) & _found(FIRST, b))}
    assert shared == {}
