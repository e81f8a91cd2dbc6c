"""Means, intervals, tables and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from annotator.cli.evaluate import evaluate
from annotator.evaluation.baselines import BASELINES
from annotator.evaluation.clicks import Outcome, measure
from annotator.evaluation.objects import LabelledObject, read_objects
from annotator.evaluation.report import markdown, mean_of_sets, overlays, plot_clicks, summarise


def outcome(dataset: str, value: float) -> Outcome:
    item = LabelledObject(dataset, Path("x.png"), 1, 10, {})
    columns = dict.fromkeys(("1", "2", "3", "5", "9", "box", "box+1"), value)
    return Outcome(item, columns, np.zeros((1, 1), bool), None)


def test_sets_count_alike_whatever_their_size() -> None:
    mean, _ = mean_of_sets({"large": np.full(100, 0.2), "small": np.full(2, 0.8)})
    assert mean == pytest.approx(0.5)


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)
    _, (low, high) = mean_of_sets({"one": values})
    assert (high - low) / 2 == pytest.approx(1.96 * 0.1 / 20, rel=0.2)
    assert low < values.mean() < high


def test_the_summary_holds_every_column_and_set() -> None:
    summary = summarise({"model": [outcome("a", 0.4), outcome("a", 0.6), outcome("b", 1.0)]})
    column = summary["model"]["columns"]["3"]
    assert column["sets"] == {"a": 0.5, "b": 1.0}
    assert column["mean"] == 0.75
    assert "oracle" not in summary["model"]["columns"]


def test_the_table_names_models_and_leaves_gaps_empty() -> None:
    table = markdown(summarise({"model": [outcome("a", 0.4)]}))
    assert "| model | 0.400 ±0.000 |  |  |  | 0.400" in table
    assert "| box | a |" in table


def test_pictures_are_written(measuring_folder: Path, tmp_path: Path) -> None:
    outcomes = list(measure(BASELINES[3], read_objects(measuring_folder, ("discs",), "all", 6)))
    overlays(outcomes, tmp_path / "overlay.png", columns=3)
    plot_clicks(summarise({"shape": outcomes}), tmp_path / "plot.png")
    assert (tmp_path / "overlay.png").stat().st_size > 1000
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_the_command_writes_everything(measuring_folder: Path, tmp_path: Path, tiny_model: Path) -> None:
    arguments = ["clicks", "--data", str(measuring_folder), "--model", str(tiny_model), "--set", "discs"]
    arguments += ["--half", "all", "--objects", "6", "--output", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert set(summary) == {tiny_model.stem, *(baseline.name for baseline in BASELINES)}
    saved = json.loads((tmp_path / "out" / "results.json").read_text())
    assert saved["summary"] == summary
    assert len(saved["objects"]["GrabCut"]) == 6
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "results.json",
        "table.md",
        "clicks.png",
        f"overlays-{tiny_model.stem}.png",
    }


def test_a_missing_set_is_an_error(measuring_folder: Path) -> None:
    result = CliRunner().invoke(evaluate, ["clicks", "--data", str(measuring_folder), "--set", "nowhere"])
    assert result.exit_code == 1
    assert "nowhere" in result.output
