"""Detectors of objects: blobs named by their content, one for each training run that made one."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import select

from annotator.database import db
from annotator.errors import Conflict
from annotator.models import Project, TrainingRun
from annotator.services import embeddings, training_runs
from annotator.storage import sha256_hex, storage


def detector_key(digest: str) -> str:
    """Blob key of a detector."""
    return f"detectors/{digest}.safetensors"


def store(path: Path) -> str:
    """Keeps a detector's file; returns its digest."""
    data = path.read_bytes()
    digest = sha256_hex(data)
    storage().put(detector_key(digest), data)
    return digest


def latest(project: Project) -> TrainingRun:
    """The run that made the newest detector for the model that the project uses.

    Raises Conflict when there is none: a detector reads the embeddings of one model only.
    """
    used = embeddings.model_digest(project)
    run = db.session.scalar(
        select(TrainingRun)
        .where(
            TrainingRun.project_id == project.id,
            TrainingRun.target == "detector",
            TrainingRun.state == "done",
            TrainingRun.base_digest == used,
        )
        .order_by(TrainingRun.id.desc())
    )
    if run is None:
        raise Conflict(
            "There is no detector for the model that this project uses. Train one on the training page first.",
            code="no_detector",
        )
    return run


def local_file(run_id: int) -> Path:
    """The detector of a run as a file of this machine; fetched when blobs live elsewhere."""
    digest = training_runs.get(run_id).digest
    assert digest is not None
    db.session.remove()
    key = detector_key(digest)
    local = storage().local_path(key)
    if local is not None:
        return local
    copy = training_runs.folder(run_id) / f"{digest}.safetensors"
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_suffix(".partial")
        with storage().open(key) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        partial.replace(copy)
    return copy
