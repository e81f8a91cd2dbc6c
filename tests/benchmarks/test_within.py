"""A benchmark has a process and a time of its own, and what it measured before either ended is kept."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from benchmarks import run, within
from benchmarks.run import Row

STAND_IN = "tests.benchmarks.stand_in"


def collected(*, quick: bool = False, seconds: float | None = 60.0) -> tuple[list[Row], Exception | None]:
    found: list[Row] = []
    try:
        found.extend(within.rows(STAND_IN, quick=quick, seconds=seconds))
    except (within.TimeIsUp, within.Crashed) as error:
        return found, error
    return found, None


def test_rows_arrive_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "end")
    found, error = collected(quick=True)
    assert error is None
    assert [(row["name"], row["value"]) for row in found] == [("quick", 1.0), ("quick", 2.0)]


def test_a_failure_keeps_the_rows_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "fail")
    found, error = collected(seconds=None)
    assert isinstance(error, within.Crashed)
    assert [row["value"] for row in found] == [1.0, 2.0]


def test_time_that_is_up_keeps_the_rows_and_ends_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv("STAND_IN", "wait")
    monkeypatch.setenv("STAND_IN_CHILD", str(child))
    with closing(within.rows(STAND_IN, quick=False, seconds=60.0)) as rows:
        found = [next(rows)["value"], next(rows)["value"]]
    assert found == [1.0, 2.0]
    assert not _runs(int(child.read_text()))
    found_in_no_time, error = collected(seconds=0.01)
    assert isinstance(error, within.TimeIsUp)
    assert found_in_no_time == []


def test_all_benchmarks_together_take_less_than_fifteen_minutes() -> None:
    assert sum(run.SECONDS.values()) < 15 * 60


def test_a_row_names_its_ratio_and_its_target() -> None:
    row: Row = {
        "name": "encoder",
        "value": 2.53,
        "unit": "×",
        "target": 2.5,
        "ok": True,
        "note": "18 s → 7 s",
    }
    assert run.line(row).split() == ["encoder", "2.53", "×", "target", "2.5", "yes", "18", "s", "→", "7", "s"]


def _runs(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
