"""The loop: learns something, resumes to the step, saves on signals, leaves a usable model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from annotator.sam.checkpoints import load_model
from annotator.training.optimiser import learning_rate
from annotator.training.presets import RECIPES
from annotator.training.run import AVERAGED, CHECKPOINT, LOG, Plan, Run, export_average
from annotator.training.train import train
from tools.children import mortal

TINY = RECIPES["tiny"]


def weights(run: Run) -> list[torch.Tensor]:
    return [*run.sam.parameters(), *run.matching.parameters(), *run.average.parameters()]


def test_stopping_and_resuming_changes_nothing(tmp_path: Path, labelled_folder: Path) -> None:
    """Four steps across a change of input size equal two, a restart, and two more."""
    plan = Plan(TINY, tmp_path / "whole", data=labelled_folder, steps=4)
    whole = train(plan)
    parted = replace(plan, state=tmp_path / "parted", resume=True)
    train(replace(parted, stop_after=2))
    resumed = train(parted)
    assert resumed.step == whole.step == 4
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert not torch.equal(
        weights(whole)[0], weights(train(replace(plan, state=tmp_path / "s", stop_after=2)))[0]
    )


def test_a_finished_schedule_starts_a_new_one(tmp_path: Path) -> None:
    plan = Plan(TINY, tmp_path, steps=2, resume=True)
    train(plan)
    run = train(plan)
    assert (run.step, run.cycle_step) == (4, 2)


def test_an_existing_state_is_not_overwritten(tmp_path: Path) -> None:
    train(Plan(TINY, tmp_path, steps=1))
    with pytest.raises(FileExistsError, match="--resume"):
        train(Plan(TINY, tmp_path, steps=1))


def test_length_is_minutes_or_steps(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="minutes or steps"):
        train(Plan(TINY, tmp_path))


def test_it_learns_and_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-four steps on three scenes: the dense loss falls well below where it began."""
    monkeypatch.setattr("annotator.training.run_log.LOG_STEPS", 8)
    train(Plan(replace(TINY, learning_rate=3e-3), tmp_path, steps=24))
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 16, 24]
    assert lines[-1]["affinity"] < 0.8 * lines[0]["affinity"]
    assert lines[-1]["loss1"] < lines[0]["loss1"]
    assert {"iou_point_oracle", "iou_box", "iou1", "learning_rate", "images", "size"} <= set(lines[0]) | set(
        lines[1]
    )


def test_the_result_is_a_model_of_the_product(tmp_path: Path) -> None:
    run = train(Plan(TINY, tmp_path, steps=1))
    digest = export_average(run, tmp_path / "out.safetensors")
    sam = load_model(tmp_path / "out.safetensors")
    assert sam.digest == digest
    assert sam.config.name == "tiny"
    averaged = load_model(tmp_path / AVERAGED).mask_decoder.iou_token.weight
    assert torch.allclose(averaged, run.average.mask_decoder.iou_token.weight)


def test_the_rate_warms_up_and_falls() -> None:
    recipe = replace(TINY, warmup_steps=10, learning_rate=1.0, final_learning_rate=0.1)
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(recipe, 50, 0.0) == pytest.approx(1.0)
    assert learning_rate(recipe, 50, 0.5) == pytest.approx(0.55)
    assert learning_rate(recipe, 50, 1.0) == pytest.approx(0.1)


def test_sigterm_saves(tmp_path: Path) -> None:
    """A real process, ended in the middle of an endless schedule."""
    command = [sys.executable, "-m", "annotator.training.train", "--preset", "tiny", "--steps", "1000000"]
    process = subprocess.Popen(
        mortal([*command, "--state", str(tmp_path), "--device", "cpu", "--threads", "1"])
    )
    try:
        log = tmp_path / LOG
        for _ in range(900):
            if log.exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert saved["step"] >= 20
    assert (tmp_path / AVERAGED).is_file()
