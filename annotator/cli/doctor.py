"""`flask doctor`: is everything in place? One line per check, exit status 1 when something is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select, text

from annotator.database import db
from annotator.models import Embedding, Image, Job
from annotator.services import models
from annotator.services.ingest import image_key
from annotator.storage import storage

LEAST_FREE_BYTES = 2 * 2**30
SAMPLE = 200
WASM_FILES = (
    "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
)
ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Finding(NamedTuple):
    """`remedy` is empty when all is well."""

    what: str
    detail: str
    remedy: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Check database, storage, models, decoder, browser files, headers and disk."""
    findings = [finding for check in CHECKS for finding in _guarded(check)]
    if as_json:
        click.echo(
            json.dumps([finding._asdict() | {"ok": not finding.remedy} for finding in findings], indent=2)
        )
    else:
        for finding in findings:
            click.echo(f"{'FAIL' if finding.remedy else 'ok':<4} {finding.what}: {finding.detail}")
            if finding.remedy:
                click.echo(f"     → {finding.remedy}")
    if any(finding.remedy for finding in findings):
        raise SystemExit(1)


def _guarded(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # a doctor that falls over helps nobody
        return [Finding(check.__name__, f"{type(error).__name__}: {error}", "This check itself failed.")]


def database() -> Iterator[Finding]:
    migrate = current_app.extensions["migrate"]
    head = ScriptDirectory(migrate.directory).get_current_head()
    with db.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if connection.dialect.name == "sqlite":
            answer = connection.execute(text("PRAGMA quick_check")).scalar()
            yield Finding(
                "database file", str(answer), "" if answer == "ok" else "Restore a backup: flask restore FILE"
            )
    remedy = "" if current == head else "Run: flask db upgrade"
    yield Finding("database revision", f"{current} (newest {head})", remedy)


def disk() -> Iterator[Finding]:
    folder = current_app.extensions["annotator_settings"].instance
    free = shutil.disk_usage(folder).free
    remedy = "" if free > LEAST_FREE_BYTES else "Free some space; uploads and embeddings will fail soon."
    yield Finding("disk", f"{free / 2**30:.1f} GiB free at {folder}", remedy)


def blobs() -> Iterator[Finding]:
    images = db.session.scalars(select(Image).order_by(Image.id.desc()).limit(SAMPLE)).all()
    stored = db.session.scalars(select(Embedding).order_by(Embedding.id.desc()).limit(SAMPLE)).all()
    keys = [image_key(image) for image in images] + [row.blob_key for row in stored]
    missing = [key for key in keys if not storage().exists(key)]
    remedy = "" if not missing else f"Restore a backup; missing for example {missing[0]}"
    yield Finding("blobs", f"{len(keys) - len(missing)} of the latest {len(keys)} are there", remedy)


def weights() -> Iterator[Finding]:
    rows = models.list_models()
    if not rows:
        yield Finding("models", "none", "Run: flask start, or flask model install vit_b")
    for row in rows:
        key = models.weights_key(row.digest)
        remedy = "" if storage().exists(key) else f"Register {row.name} again; its weights are gone."
        yield Finding(f"weights of {row.name}", key, remedy)
    active = models.active_model()
    if rows:
        yield Finding(
            "active model", active.name if active else "none", "" if active else "Run: flask model use NAME"
        )


def decoder() -> Iterator[Finding]:
    active = models.active_model()
    if active is None:
        return
    import onnxruntime

    session = onnxruntime.InferenceSession(
        storage().read(active.decoder_key), providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    remedy = "" if "low_res_logits" in names else f"Export it again: flask model use {active.name}"
    yield Finding("decoder", ", ".join(names), remedy)


def browser_files() -> Iterator[Finding]:
    folder = Path(current_app.extensions["annotator_settings"].vendor_dir)
    missing = [name for name in WASM_FILES if not (folder / name).is_file()]
    yield Finding("browser files", str(folder), f"Run: make setup (missing {missing[0]})" if missing else "")


def isolation() -> Iterator[Finding]:
    with current_app.test_client() as client:
        headers = client.get("/healthz").headers
    wrong = [name for name, value in ISOLATION.items() if headers.get(name) != value]
    remedy = f"Something removes {wrong[0]}; without it the decoder runs on one thread." if wrong else ""
    yield Finding("isolation headers", "set" if not wrong else "missing", remedy)


def queue() -> Iterator[Finding]:
    failed = db.session.scalars(
        select(Job).where(Job.state == "failed").order_by(Job.id.desc()).limit(5)
    ).all()
    for job in failed:
        message = (job.error or {}).get("message", "")
        yield Finding(f"job {job.id} ({job.kind})", f"failed: {message}")
    yield Finding("failed jobs", str(len(failed)) if len(failed) < 5 else "5 or more")


CHECKS = (database, disk, blobs, weights, decoder, browser_files, isolation, queue)
