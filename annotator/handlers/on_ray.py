"""Embeddings and automatic masks of very many images as Ray Data jobs (an optional extra: requirements-ray.txt).

Ray's processes do what the worker does, with the same functions, each in an application of its own. An embedding is
written where it is computed, whole or not at all, and noted after that. Masks come back to the process that holds the
run's lease, which stores an image's masks and its result in one transaction. So a run that is killed anywhere leaves
nothing torn, and the next one, on Ray or not, goes on with what is missing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app

from annotator.database import db
from annotator.errors import AnnotatorError, InvalidInput
from annotator.jobs import Report, Ticket
from annotator.models import Image

if TYPE_CHECKING:
    from flask import Flask

    from annotator.services.automask_run import Found

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 8
"""Images that a process of Ray is given at a time: the driver hears of them together."""

Batch = dict[str, Any]
"""Columns of a block: arrays of one length."""


@dataclass(frozen=True)
class Cluster:
    """Where to compute. No address starts Ray on this machine; `processes` and `gpus` (per process) 0 leave it to Ray.

    Other machines need this checkout at the same path, the same PostgreSQL database and a shared storage.
    """

    address: str = ""
    processes: int = 0
    gpus: float = 0.0


@dataclass(frozen=True)
class Origin:
    """What another process needs to make the same application: the instance folder and all settings."""

    instance: str
    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def here(cls) -> Origin:
        settings = current_app.extensions["annotator_settings"]
        return cls(str(settings.instance), tuple((name, settings[name]) for name in settings))


@cache
def application(origin: Origin) -> Flask:
    """This process's application; a process that begins with nothing has to begin at the composition root."""
    app: Flask = import_module("app").create_app(Path(origin.instance), dict(origin.settings))
    return app


def require_ray() -> Any:
    """The module `ray.data`. Raises InvalidInput saying how to install it."""
    try:
        return import_module("ray.data")
    except ImportError as error:
        raise InvalidInput(
            f"--engine ray needs Ray, which is not installed here ({error}). "
            "Install it with `.venv/bin/pip install -r requirements-ray.txt`, or leave out --engine.",
            code="ray_missing",
            field="engine",
        ) from error


class Embedder:
    """Embeds images by content hash: column sha256 to sha256 and error, empty where all is well."""

    def __init__(self, origin: Origin, digest: str) -> None:
        self.origin, self.digest = origin, digest

    def __call__(self, batch: Batch) -> Batch:
        from annotator.handlers.embedding import embed_image

        errors = []
        for sha256 in batch["sha256"]:
            with application(self.origin).app_context():
                errors.append(_reason(lambda sha=str(sha256): embed_image(sha, self.digest, _silent)))
                db.session.remove()
        return {"sha256": batch["sha256"], "error": errors}


class Masker:
    """Finds masks on images: column image_id to image_id, records (JSON), error and seconds; stores nothing."""

    def __init__(self, origin: Origin, payload: dict[str, Any]) -> None:
        self.origin, self.payload = origin, payload

    def __call__(self, batch: Batch) -> Batch:
        rows = [self._one(int(image_id)) for image_id in batch["image_id"]]
        columns = {name: [row[name] for row in rows] for name in ("records", "error", "seconds")}
        return {"image_id": batch["image_id"]} | columns

    def _one(self, image_id: int) -> dict[str, Any]:
        from annotator.handlers.proposals import generate

        started, records = time.monotonic(), []
        with application(self.origin).app_context():
            image = db.session.get(Image, image_id)
            db.session.remove()

            def find() -> None:
                if image is not None:
                    records.extend(generate(self.payload, image, lambda share: None))

            error = _reason(find)
            db.session.remove()
        return {"records": json.dumps(records), "error": error, "seconds": time.monotonic() - started}


def _silent(share: float, message: str = "") -> None:
    """One image of many: the driver reports."""


def _reason(work: Any) -> str:
    """Why the work failed, empty when it did not: one bad image must not end the job of all others."""
    try:
        work()
    except AnnotatorError as error:
        return error.message
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def embed(hashes: Sequence[str], digest: str, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Computes and stores embeddings; yields (content hash, reason of failure or "") as they come."""
    rows = _mapped("sha256", hashes, Embedder, (Origin.here(), digest), cluster)
    for row in rows:
        yield row["sha256"], row["error"]


def automask(ticket: Ticket, report: Report, cluster: Cluster) -> dict[str, Any]:
    """An automask run whose masks are found by Ray; a handler of the kind "automask"."""
    from annotator.services import automask_run
    from annotator.services.automask_run import Found

    origin = Origin.here()

    def find(image_ids: Sequence[int]) -> Iterator[Found]:
        for row in _mapped("image_id", image_ids, Masker, (origin, ticket.payload), cluster):
            yield Found(row["image_id"], json.loads(row["records"]), row["error"] or None, row["seconds"])

    return automask_run.keep(ticket, report, find)


def _mapped(
    column: str, values: Sequence[Any], worker: type, arguments: tuple[Any, ...], cluster: Cluster
) -> Iterator[dict[str, Any]]:
    """Rows that `worker(*arguments)` makes of the values, in whatever order they are done."""
    data = require_ray()
    if not values:
        return
    _start(cluster)
    processes = cluster.processes or max(1, len(os.sched_getaffinity(0)) // 2)
    blocks = min(len(values), max(processes, -(-len(values) // AT_ONCE)))
    given = data.from_items([{column: value} for value in values], override_num_blocks=blocks)
    done = given.map_batches(
        worker,
        fn_constructor_args=arguments,
        batch_size=AT_ONCE,
        concurrency=min(processes, blocks),
        num_gpus=cluster.gpus or None,
    )
    yield from done.iter_rows()


def _start(cluster: Cluster) -> None:
    """Joins the cluster, or starts Ray here; its processes find this checkout."""
    ray = import_module("ray")
    if ray.is_initialized():
        return
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    ray.init(
        address=cluster.address or None,
        include_dashboard=False if not cluster.address else None,
        log_to_driver=False,
        logging_level="warning",
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
