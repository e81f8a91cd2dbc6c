"""`flask train`: what it writes and what it refuses."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from annotator.cli.train import train
from annotator.sam.checkpoints import load_model
from annotator.training.curves import plot, read_log
from annotator.training.run import LOG


def test_it_trains_and_exports(tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    arguments = [
        "--preset",
        "tiny",
        "--steps",
        "1",
        "--state",
        str(tmp_path / "state"),
        "--export",
        str(weights),
    ]
    result = CliRunner().invoke(train, [*arguments, "--device", "cpu"], catch_exceptions=False)
    assert result.exit_code == 0
    assert load_model(weights).digest in result.output
    assert "1 steps, 2 images" in result.output
    again = CliRunner().invoke(train, arguments)
    assert again.exit_code == 1
    assert "--resume" in again.output


def test_an_unknown_preset_lists_the_known_ones(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["--preset", "huge", "--steps", "1", "--state", str(tmp_path)])
    assert result.exit_code == 2
    known = ("finer", "finest", "larger", "longer", "matching", "smaller")
    assert f"bundled, {', '.join(f'bundled-{each}' for each in known)}, tiny" in result.output


def test_a_length_is_needed(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["--preset", "tiny", "--state", str(tmp_path)])
    assert result.exit_code == 2
    assert "--minutes or --steps" in result.output


def test_curves_are_drawn_from_a_log(tmp_path: Path) -> None:
    lines = [
        f'{{"images": {i}, "size": {64 if i < 3 else 128}, "loss0": {5 - i}, "iou2": 0.{i}}}'
        for i in range(1, 5)
    ]
    (tmp_path / LOG).write_text("\n".join(lines) + "\n")
    plot(read_log(tmp_path / LOG), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 2000
