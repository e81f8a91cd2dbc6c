"""Training runs: a model that goes on from another, or a detector of objects. Payload: run_id."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from flask import current_app

from annotator.database import db
from annotator.handlers import detector_training
from annotator.handlers.loaded_model import device
from annotator.handlers.training_process import Order, TrainingFailed, train_aside
from annotator.jobs import Cancelled, Interrupted, Report, Ticket
from annotator.lines import line, parts_of
from annotator.models import Project, TrainingRun
from annotator.services import training_data, training_runs

LARGEST_VIEW = 2.0
"""Images to train on are kept at this many times the model's input: large-scale jitter looks no closer."""

TRAINED = 0.97
"""Share of the job that is over when training is; then the model is made ready for use."""


def train(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Does a run, or goes on with it where an earlier attempt saved; its evaluation is queued. Payload: run_id."""
    run_id: int = ticket.payload["run_id"]
    made = perform(run_id, report)
    if training_runs.get(run_id).target == "model":
        training_runs.queue_evaluation(run_id)
    return made


def perform(run_id: int, report: Report) -> dict[str, Any]:
    """The whole of a run but its evaluation, which is a job of its own; returns what it made."""
    run = training_runs.get(run_id)
    target = run.target
    training_runs.set_state(run_id, "running", line("Collecting accepted masks"))
    try:
        if target == "detector":
            return detector_training.perform(run_id, report)
        digest = _train_model(run_id, report)
    except (Cancelled, KeyboardInterrupt):
        training_runs.set_state(run_id, "cancelled", line("Cancelled"))
        raise
    except Interrupted:
        training_runs.set_state(run_id, "queued", line("Interrupted; it goes on where it saved"))
        raise
    except Exception:
        training_runs.set_state(run_id, "failed", line("Failed"))
        raise
    training_runs.set_state(run_id, "evaluating", line("Comparing it with the model before"))
    return {"run_id": run_id, "digest": digest}


def _train_model(run_id: int, report: Report) -> str:
    run = training_runs.get(run_id)
    if run.digest is not None:
        return run.digest
    settings, base = run.settings, run.base_digest
    folder = training_runs.folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(base, folder)
    _freeze(run, folder, weights)
    order = _order(settings, folder, weights)
    if not (order.state / "finished").exists():
        train_aside(order, lambda: _watch(run_id, order.state, report))
    _watch(run_id, order.state, report)
    report(TRAINED, line("Making the model ready for use"))
    digest = _register(run_id, order.state)
    training_runs.note(run_id, digest=digest)
    _tidy(order.state)
    return digest


def _weights(digest: str, folder: Path) -> Path:
    from annotator.services.models import weights_key

    path = folder / "base.safetensors"
    if not path.exists():
        training_data.fetch_blob(weights_key(digest))(path)
    return path


def _freeze(run: TrainingRun, folder: Path, weights: Path) -> None:
    if run.data is not None and (folder / "data").is_dir():
        return
    from annotator.sam.checkpoints import load_checkpoint

    longest = int(LARGEST_VIEW * load_checkpoint(weights).config.image_size)
    source = run.settings.get("data")
    run_id = run.id
    counts = training_data.freeze(
        folder / "data", run.project_id, Path(source) if source else None, longest=longest
    )
    training_runs.note(run_id, data=counts)


def _order(settings: dict[str, Any], folder: Path, weights: Path) -> Order:
    return Order(
        weights=weights,
        data=folder / "data" / "train",
        held=folder / "data" / "held",
        state=folder / "state",
        minutes=settings.get("minutes"),
        steps=settings.get("steps"),
        device=settings.get("device") or device(),
        processes=settings.get("processes") or 1,
        threads=current_app.extensions["annotator_settings"].worker_threads or None,
    )


def _watch(run_id: int, state: Path, report: Report) -> None:
    """Publishes how far the process is; raises when the run is to stop."""
    curve = training_runs.read_curve(state / "log.jsonl")
    run = training_runs.get(run_id)
    message = _message(curve)
    if len(curve) != len(run.curve) or message != run.message:
        training_runs.note(run_id, curve=curve, message=message, message_parts=parts_of(message))
    db.session.remove()
    report(TRAINED * (curve[-1]["progress"] if curve else 0.0), message)


def _message(curve: list[dict[str, float]]) -> str:
    if not curve:
        return line("Starting")
    seen = next((p["val_iou_point"] for p in reversed(curve) if "val_iou_point" in p), None)
    step = f"{curve[-1]['step']:.0f}"
    if seen is None:
        return line("Step {step}", step=step)
    return line("Step {step}, IoU after one click {iou} on held-back images", step=step, iou=f"{seen:.3f}")


def _register(run_id: int, state: Path) -> str:
    """The averaged weights as a model of the product, in half precision."""
    import torch

    from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
    from annotator.services.models import register_model

    averaged = state / "model.safetensors"
    if not averaged.is_file():
        raise TrainingFailed("Training left no weights behind; its output is in the run's folder.")
    small = state / "small.safetensors"
    save_checkpoint(
        load_checkpoint(averaged), small, dtype=torch.float16, about=f"Trained by training run {run_id}"
    )
    run = training_runs.get(run_id)
    name = training_runs.model_name(db.session.get_one(Project, run.project_id), run_id)
    return register_model(small, name=name, source="trained")


def _tidy(state: Path) -> None:
    """The log and the held-back images stay; what could be made again goes."""
    for name in ("checkpoint.pt", "model.safetensors", "small.safetensors"):
        (state / name).unlink(missing_ok=True)
    shutil.rmtree(state.parent / "data" / "train", ignore_errors=True)
