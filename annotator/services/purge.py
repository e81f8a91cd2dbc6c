"""Removing for good what people deleted long ago: projects with their images and masks, and files of old exports.

Row by row and each whole: an interrupted purge leaves a smaller project, which the next one finishes. Pictures that
another project shows, too, stay, and so do models that were trained on a purged project.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, select

from annotator.database import db, now, writing
from annotator.models import UNFINISHED, Image, Job, Project, TrainingRun
from annotator.services import training_runs
from annotator.services.detectors import detector_key
from annotator.services.exports import export_key
from annotator.services.images import delete_image
from annotator.storage import storage

Progress = Callable[[int], None]
"""Told after each image that is gone how many are gone so far."""


@dataclass(frozen=True)
class Old:
    """What a purge would remove: ids of projects and of export jobs, and the images of these projects."""

    projects: tuple[int, ...]
    images: int
    exports: tuple[int, ...]


def find_old(age: timedelta) -> Old:
    """Projects deleted and exports finished longer than `age` ago; a project that a job still works on is left out."""
    limit = now() - age
    busy = exists().where(Job.project_id == Project.id, Job.state == "running")
    projects = db.session.scalars(
        select(Project.id).where(Project.archived_at < limit, ~busy).order_by(Project.id)
    ).all()
    images = db.session.scalar(select(func.count()).select_from(Image).where(Image.project_id.in_(projects)))
    exports = db.session.scalars(
        select(Job.id)
        .where(Job.kind == "export", Job.state.not_in(UNFINISHED), Job.finished_at < limit)
        .order_by(Job.id)
    ).all()
    db.session.remove()
    return Old(tuple(projects), images or 0, tuple(exports))


def purge(old: Old, progress: Progress) -> None:
    """Removes what was found."""
    for job_id in old.exports:
        _remove_export(job_id)
    done = 0
    for project_id in old.projects:
        images = db.session.scalars(select(Image.id).where(Image.project_id == project_id)).all()
        for image_id in images:
            delete_image(image_id)
            done += 1
            progress(done)
        _remove_project(project_id)
    db.session.remove()


def _remove_export(job_id: int) -> None:
    """A finished export's job and, unless another export made the same file, its file."""
    with writing() as session:
        job = session.get_one(Job, job_id)
        result = job.result or {}
        session.delete(job)
        session.flush()
        if "file" not in result:
            return
        key = export_key(result["file"]["sha256"], result["format"])
        others = session.scalars(select(Job.result).where(Job.kind == "export", Job.state == "done"))
        if all(_key_of(other) != key for other in others):
            storage().delete(key)


def _key_of(result: dict[str, dict[str, str]] | None) -> str | None:
    if not result or "file" not in result:
        return None
    return export_key(result["file"]["sha256"], str(result["format"]))


def _remove_project(project_id: int) -> None:
    """The project's row and what hangs on it, then the folders and detectors of its training runs."""
    runs = db.session.execute(
        select(TrainingRun.id, TrainingRun.target, TrainingRun.digest).where(
            TrainingRun.project_id == project_id
        )
    ).all()
    folders = [training_runs.folder(run.id) for run in runs]
    detectors = {run.digest for run in runs if run.target == "detector" and run.digest}
    with writing() as session:
        session.execute(delete(Project).where(Project.id == project_id))
        kept = set(session.scalars(select(TrainingRun.digest).where(TrainingRun.digest.in_(detectors))))
        for digest in detectors - kept:
            storage().delete(detector_key(digest))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
