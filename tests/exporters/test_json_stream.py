"""Streaming large JSON files: the same values as the standard library's, from windows of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporters import json_stream
from exporters.dataset import FormatError

DOCUMENT: dict[str, Any] = {
    "info": {"description": 'é\u2028"]}'},
    "numbers": [1, 23, -4.5e3, 678901],
    "empty": [],
    "nested": [[{"a": [1, 2]}], "x" * 50, None, True],
    "last": 12345,
}


@pytest.mark.parametrize("chunk", [1, 3, 17, 1 << 18])
@pytest.mark.parametrize("indent", [None, 2])
def test_windows_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int | None
) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    path = tmp_path / "in.json"
    path.write_text(json.dumps(DOCUMENT, indent=indent, ensure_ascii=False), encoding="utf-8-sig")
    found: dict[str, Any] = {}
    for name, number, value in json_stream.walk(path):
        if number is None:
            found[name] = value
        else:
            assert len(found.setdefault(name, [])) == number
            found[name].append(value)
    assert found == DOCUMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": [1',
        '{"a": [1}',
        '{"a" 1}',
        '{"a": 1,}',
        '{"a": [1,]}',
        "{1: 2}",
        "{} x",
        '{"a": NaN}',
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "in.json").write_text(text)
    with pytest.raises(FormatError, match="is not valid JSON"):
        list(json_stream.walk(tmp_path / "in.json"))


def test_a_member_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "LARGEST_MEMBER", 1000)
    (tmp_path / "in.json").write_text('{"a": ["' + "x" * 2_000_000)
    with pytest.raises(FormatError, match="1000 characters"):
        list(json_stream.walk(tmp_path / "in.json"))


def test_sorting_keeps_equals_in_order() -> None:
    records = list(enumerate(["b", "a", "b2", "a2"]))
    ranked = json_stream.sorted_on_disk(records, lambda value: 0 if value.startswith("a") else 1)
    assert list(ranked) == [(1, "a"), (3, "a2"), (0, "b"), (2, "b2")]
