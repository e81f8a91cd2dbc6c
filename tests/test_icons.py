"""Every icon that the interface names is in the sprite, and the sprite holds no icon that was not asked for."""

from __future__ import annotations

import re
from pathlib import Path

from tools.make_icons import ICONS

ROOT = Path(__file__).resolve().parent.parent
SPRITE = ROOT / "annotator" / "templates" / "icons" / "sprite.svg"
NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
CALLS = re.compile(rf"""\b(?:icon|iconButton|railButton|commandButton|sizeButton|command)\(\s*"({NAME})\"""")
PROPERTIES = re.compile(rf"""\bicon(?:Name)?:\s*(?:\w+\s*\?\s*"({NAME})"\s*:\s*)?"({NAME})\"""")
REFERENCES = re.compile(rf'href="#icon-({NAME})"')


def _symbols() -> set[str]:
    return set(re.findall(rf'<symbol id="icon-({NAME})"', SPRITE.read_text(encoding="utf-8")))


def _named() -> dict[str, str]:
    """Icon name → a file that uses it."""
    files = [*(ROOT / "static" / "js").rglob("*.js"), *(ROOT / "annotator" / "templates").glob("*.html")]
    found: dict[str, str] = {}
    for file in files:
        text = file.read_text(encoding="utf-8")
        for pattern in (CALLS, PROPERTIES, REFERENCES):
            for groups in pattern.findall(text):
                names = [groups] if isinstance(groups, str) else groups
                found.update({name: str(file.relative_to(ROOT)) for name in names if name})
    return found


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    used = _named()
    assert {"play", "brush", "chevron-left"} <= set(used), "the patterns still find what the code writes"
    missing = {name: file for name, file in used.items() if name not in _symbols()}
    assert missing == {}


def test_the_sprite_is_what_the_script_makes() -> None:
    assert _symbols() == set(ICONS)
    assert "ISC License" in (SPRITE.parent / "LICENSE").read_text(encoding="utf-8")
