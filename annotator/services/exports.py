"""Exporting a project: written, read back, compared with the database, and only then handed out."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from annotator.database import db
from annotator.errors import AnnotatorError, InvalidInput, NotFound
from annotator.jobs import Ticket
from annotator.lines import line
from annotator.models import Project
from annotator.services.export_data import count_annotations, dataset_for_project
from annotator.storage import content_key, storage
from exporters import coco, sa1b
from exporters.dataset import Dataset, FormatError, Verification, Written

Progress = Callable[[float, str], None]
"""Called with a share of 0–1 and a line for people; may raise to stop the export."""

WRITING, VERIFYING = 0.5, 0.95
"""Shares of the whole at which writing and verifying end."""


@dataclass(frozen=True, slots=True)
class Format:
    """One export format: file suffix, MIME type, and how to write it and check what was written."""

    suffix: str
    mime: str
    write: Callable[..., Written]
    verify: Callable[..., Verification]


FORMATS: dict[str, Format] = {
    "coco": Format(".json", "application/json", coco.write, coco.verify),
    "sa1b": Format(".zip", "application/zip", sa1b.write, sa1b.verify),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export contains, and the outcome of comparing every mask with the database."""

    images: int
    annotations: int
    checked: int
    lossless: int
    empty: int


def export_project(
    project_id: int,
    fmt: str,
    out_path: Path,
    include_proposals: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write a project to `out_path`, which is replaced only by a file whose every mask was read back equal.

    `fmt` is a key of FORMATS; "sa1b" also writes into a folder when `out_path` does not end in .zip. Raises
    NotFound without a project, InvalidInput for an unknown format or data that cannot be exported, AnnotatorError
    (code "export_not_lossless") when the comparison fails.
    """
    kind = _format(fmt)
    report = progress or (lambda share, message: None)
    # A connection of its own: one read transaction sees one state from the first byte to the last comparison.
    with Session(_one_state(db.engine)) as session:
        project = session.get(Project, project_id)
        if project is None:
            raise NotFound(f"There is no project {project_id}.", code="project_not_found")
        dataset = dataset_for_project(session, project, include_proposals=include_proposals)
        total = count_annotations(session, dataset)
        into_folder = fmt == "sa1b" and out_path.suffix.lower() != ".zip"
        part = out_path if into_folder else out_path.with_name(f".part-{out_path.name}")
        try:
            exported = _write_and_verify(kind, dataset, part, total, report)
            if part != out_path:
                part.replace(out_path)
        except (FormatError, OSError) as error:
            raise InvalidInput(f"The project cannot be exported: {error}", code="export_failed") from None
        finally:
            if part != out_path:
                part.unlink(missing_ok=True)
    report(1.0, line("{number} masks, all lossless", number=exported.annotations))
    return exported


def _one_state(engine: Engine) -> Engine:
    """The engine with transactions that see one state throughout, as SQLite's always do."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _format(name: str) -> Format:
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise InvalidInput(
            f"There is no format {name!r}; choose one of {known}.", code="unknown_format", field="format"
        )
    return FORMATS[name]


def _write_and_verify(kind: Format, dataset: Dataset, path: Path, total: int, report: Progress) -> Exported:
    def writing(done: int) -> None:
        text = line("Writing mask {number} of {total}", number=done, total=total)
        report(WRITING * done / max(total, 1), text)

    def verifying(done: int) -> None:
        text = line("Comparing mask {number} of {total}", number=done, total=total)
        report(WRITING + (VERIFYING - WRITING) * done / max(total, 1), text)

    report(0.0, line("Writing {total} masks", total=total))
    written = kind.write(dataset, path, progress=writing)
    report(WRITING, line("Comparing {total} masks with the database", total=total))
    found = kind.verify(path, dataset, progress=verifying)
    if not found.ok or found.checked != total:
        places = ", ".join(f"{number} (IoU {iou:.4f})" for number, iou in found.different) or "none listed"
        raise AnnotatorError(
            f"The export does not equal the database: {found.lossless} of {found.checked} masks are equal, "
            f"{found.missing} are missing; different: {places}. Nothing was handed out; please report this.",
            code="export_not_lossless",
        )
    return Exported(written.images, written.annotations, found.checked, found.lossless, found.empty)


def run_export(ticket: Ticket, report: Progress) -> dict[str, Any]:
    """The export job. Payload: format, include_proposals. Returns the job's result for the API.

    Repeating it is safe: the file is stored under its own hash, after it was verified.
    """
    fmt = str(ticket.payload.get("format", "coco"))
    kind = _format(fmt)
    if ticket.project_id is None:
        raise NotFound("The export names no project.", code="project_not_found")
    instance = current_app.extensions["annotator_settings"].instance
    # Beside the data and not in /tmp, which is often memory and small.
    with tempfile.TemporaryDirectory(prefix="export-", dir=instance) as folder:
        path = Path(folder) / f"export{kind.suffix}"
        include_proposals = bool(ticket.payload.get("include_proposals"))
        exported = export_project(ticket.project_id, fmt, path, include_proposals, report)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with path.open("rb") as file, storage().writer(export_key(sha256, fmt)) as target:
            shutil.copyfileobj(file, target, 1 << 20)
        size = path.stat().st_size
    project = db.session.get(Project, ticket.project_id)
    return {
        "file": {"name": default_file(project.name if project else "", fmt), "bytes": size, "sha256": sha256},
        "format": fmt,
        "url": f"/api/v1/exports/{ticket.id}/file",
        **asdict(exported),
    }


def export_key(sha256: str, fmt: str) -> str:
    """Blob key of a finished export."""
    return content_key("exports", sha256, FORMATS[fmt].suffix)


def default_file(project_name: str, fmt: str) -> str:
    """File name of an export: letters, digits and hyphens, whatever the project is called."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", project_name).strip("-").lower()[:60] or "project"
    return f"{slug}-{fmt}{_format(fmt).suffix}"
