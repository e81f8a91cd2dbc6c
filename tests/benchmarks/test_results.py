"""Numbers of one benchmark replace its older ones and leave the others alone."""

from __future__ import annotations

from pathlib import Path

from benchmarks import results

ORDER = ("first", "second")


def test_a_run_replaces_its_own_section_only(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    results.write({"other": "by hand", "second": "old"}, ORDER, file)
    results.write({"first": "| 1 |", "second": "new"}, ORDER, file)
    assert results.read(file.read_text()) == {"first": "| 1 |", "second": "new", "other": "by hand"}
    assert list(results.read(file.read_text())) == ["first", "second", "other"]


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    results.write({"first": "Measured.\n\n| what |\n|---|\n| a |"}, ORDER, file)
    before = file.read_text()
    results.write({}, ORDER, file)
    assert file.read_text() == before


def test_the_file_in_the_repository_is_of_this_form(tmp_path: Path) -> None:
    copy = tmp_path / "RESULTS.md"
    copy.write_text(results.RESULTS.read_text())
    sections = results.read(copy.read_text())
    results.write({}, tuple(sections), copy)
    assert results.read(copy.read_text()) == sections
