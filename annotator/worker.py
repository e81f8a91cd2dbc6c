"""Runs jobs: leases one, does it, renews the lease meanwhile. The only server module that loads the model.

`Worker.run` is the loop of `flask worker`; `EmbeddedWorker` runs the same loop on a thread of the serving process.
Several workers may share one queue. A worker that dies loses nothing: its job's lease runs out and another takes it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from sqlalchemy import select

from annotator import jobs
from annotator.errors import AnnotatorError, NotFound
from annotator.jobs import Cancelled, LeaseLost, Ticket
from annotator.models import Image, db

log = structlog.get_logger()

Report = Callable[[float, str], None]
Handler = Callable[[Ticket, Report], dict[str, Any] | None]

LOCK_RETRY_SECONDS = 5.0


class Interrupted(Exception):
    """The worker is shutting down; the job goes back to the queue."""


class _Pulse:
    """Renews the lease of one job from its own thread, whatever the handler is busy with."""

    def __init__(self, app: Flask, ticket: Ticket, interval: float, stopping: threading.Event) -> None:
        self.app, self.ticket, self.interval, self.stopping = app, ticket, interval, stopping
        self.progress, self.message = 0.0, ""
        self.problem: Exception | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse-{ticket.id}", daemon=True)

    def report(self, progress: float, message: str = "") -> None:
        """What handlers call between steps. Raises Cancelled, LeaseLost or Interrupted when they should stop."""
        self.progress, self.message = progress, message
        if self.problem is not None:
            raise self.problem
        if self.stopping.is_set():
            raise Interrupted

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self.interval):
            try:
                with self.app.app_context():
                    jobs.heartbeat(self.ticket, self.progress, self.message)
            except (Cancelled, LeaseLost) as problem:
                self.problem = problem
                return
            except Exception:
                # A busy database is no reason to give up the job; the lease outlives several heartbeats.
                log.exception("heartbeat failed", job=self.ticket.id)


class Worker:
    """Takes jobs one at a time until `stop`. `handlers` maps a job's kind to what does it."""

    def __init__(self, app: Flask, handlers: Mapping[str, Handler] | None = None) -> None:
        self.app = app
        self.settings = app.extensions["annotator_settings"]
        self.handlers = dict(HANDLERS if handlers is None else handlers)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        while not self.stopping.is_set():
            try:
                worked = self.run_once()
            except Exception:
                log.exception("worker loop failed")
                worked = False
            if not worked and not self.stopping.is_set():
                with self.app.app_context():
                    channel = jobs.wake()
                channel.wait(self.settings.worker_poll_seconds)

    def stop(self) -> None:
        """Finish soon: the running job goes back to the queue at its next report."""
        self.stopping.set()
        with self.app.app_context():
            jobs.wake().send(0)

    def run_until_idle(self) -> int:
        """Work until nothing is left; returns the number of jobs done (tests and command line)."""
        count = 0
        while self.run_once():
            count += 1
        return count

    def run_once(self) -> bool:
        """Take and do one job; False when there was none."""
        with self.app.app_context():
            ticket = jobs.claim(self.owner, kinds=list(self.handlers))
            if ticket is None:
                return False
            db.session.remove()
            self._do(ticket)
        return True

    def _do(self, ticket: Ticket) -> None:
        started = time.monotonic()
        try:
            with _Pulse(self.app, ticket, self.settings.heartbeat_seconds, self.stopping) as pulse:
                result = self.handlers[ticket.kind](ticket, pulse.report)
            jobs.finish(ticket, result)
        except LeaseLost:
            log.warning("job was given to another worker", job=ticket.id, kind=ticket.kind)
        except Cancelled:
            _quietly(jobs.end_cancelled, ticket)
        except Interrupted:
            _quietly(jobs.release, ticket)
        except AnnotatorError as error:
            log.warning("job failed", job=ticket.id, kind=ticket.kind, reason=error.message)
            _quietly(jobs.fail, ticket, error)
        except Exception as error:
            log.exception("job failed", job=ticket.id, kind=ticket.kind)
            _quietly(jobs.fail, ticket, error)
        else:
            seconds = round(time.monotonic() - started, 2)
            log.info("job done", job=ticket.id, kind=ticket.kind, seconds=seconds)
        finally:
            db.session.remove()


def _quietly(action: Callable[..., None], *arguments: Any) -> None:
    with suppress(LeaseLost):
        action(*arguments)


class EmbeddedWorker:
    """A worker on a thread of the serving process. A file lock keeps it to one per instance folder."""

    def __init__(self, app: Flask, handlers: Mapping[str, Handler] | None = None) -> None:
        self.worker = Worker(app, handlers)
        self._lock = Path(self.worker.settings.instance) / "worker.lock"
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> EmbeddedWorker:
        self._thread.start()
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Stop taking jobs and wait for the current one to notice."""
        self.worker.stop()
        self._thread.join(timeout)

    def _run(self) -> None:
        with self._lock.open("w") as file:
            while not self.worker.stopping.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    # Another serving process works; this one stands by in case it ends.
                    self.worker.stopping.wait(LOCK_RETRY_SECONDS)
                    continue
                self.worker.run()


# -- what the jobs do --------------------------------------------------------------------------------------------------

_loaded: dict[str, Any] = {}
_loading = threading.Lock()


def _model(digest: str, threads: int) -> Any:
    """The model of this digest, kept until another one is wanted: reading weights takes longer than using them."""
    import torch

    from annotator.services.models import load_registered

    with _loading:
        if digest not in _loaded:
            # One core stays free for requests: they share this process in the default set-up.
            torch.set_num_threads(threads or max(1, (os.cpu_count() or 2) - 1))
            _loaded.clear()
            _loaded[digest] = load_registered(digest).to("cuda" if torch.cuda.is_available() else "cpu")
        return _loaded[digest]


def embed(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compute and store one embedding. Payload: image_sha256, model_digest."""
    from annotator.services import embeddings
    from annotator.storage import storage

    sha256, digest = ticket.payload["image_sha256"], ticket.payload["model_digest"]
    if embeddings.find(sha256, digest) is not None:
        return {"embedding": "was there already"}
    image = _image(sha256)
    if image is None:
        return {"embedding": "the image was deleted"}
    model = _ready_model(digest, report)
    started = time.monotonic()
    data = _encode(model, image, None)
    report(0.9, "Storing the embedding")
    storage().put(embeddings.embedding_key(sha256, digest), data)
    seconds = time.monotonic() - started
    embeddings.record(sha256, digest, size=len(data), seconds=seconds)
    return {"bytes": len(data), "seconds": round(seconds, 3)}


def crop(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Compute and store the embedding of a part of an image. Payload: image_sha256, model_digest, box."""
    from annotator.sam.embedding_file import of_crop
    from annotator.services import crops

    sha256, digest = ticket.payload["image_sha256"], ticket.payload["model_digest"]
    x0, y0, x1, y1 = ticket.payload["box"]
    box = (x0, y0, x1, y1)
    if crops.find(sha256, digest, box) is not None:
        return {"crop": "was there already"}
    image = _image(sha256)
    if image is None:
        return {"crop": "the image was deleted"}
    data = of_crop(_encode(_ready_model(digest, report), image, box), box)
    report(0.9, "Storing the embedding")
    crops.store(sha256, digest, box, data)
    return {"bytes": len(data)}


def tiles(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Cut a very large image into display tiles. Payload: image_sha256."""
    from annotator.services import tiles as service
    from annotator.services.ingest import image_key

    image = _image(ticket.payload["image_sha256"])
    if image is None:
        return {"tiles": "the image was deleted"}
    if service.are_ready(image):
        return {"tiles": "were there already"}

    def progress(done: int, total: int) -> None:
        report(done / total, "Cutting display tiles")

    return {"tiles": service.make(image, image_key(image), progress)}


def _image(sha256: str) -> Image | None:
    """Any row of this picture, with no transaction left open."""
    image = db.session.scalar(select(Image).where(Image.sha256 == sha256).limit(1))
    db.session.remove()
    return image


def _ready_model(digest: str, report: Report) -> Any:
    from flask import current_app

    report(0.0, "Loading the model")
    model = _model(digest, current_app.extensions["annotator_settings"].worker_threads)
    report(0.1, "Computing the embedding")
    return model


def _encode(model: Any, image: Image, box: tuple[int, int, int, int] | None) -> bytes:
    """The embedding file of an image's stored pixels, all of them or those of `box` (x0, y0, x1, y1)."""
    import numpy as np
    from PIL import Image as Pillow

    from annotator.sam.predictor import encode_image
    from annotator.services.ingest import image_key
    from annotator.storage import storage

    try:
        with storage().open(image_key(image)) as file, Pillow.open(file) as picture:
            part = picture if box is None else picture.crop(box)
            pixels = np.asarray(part.convert("RGB"))
    except (OSError, ValueError) as error:
        raise NotFound(
            f"The stored file of {image.name} cannot be read: {error}", code="blob_damaged"
        ) from error
    return encode_image(model, pixels, image_sha256=image.sha256)


def export(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Write an export file. Payload: see services/exports.py."""
    from annotator.services.exports import run_export

    return run_export(ticket, report)


def install_model(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Download, check and register a released model. Payload: name."""
    from annotator.services.model_install import install_model as install

    def progress(done: int, total: int | None) -> None:
        share = done / total if total else 0.0
        report(0.9 * share, f"Downloaded {done / 2**20:.0f} of {(total or 0) / 2**20:.0f} MiB")

    return {"digest": install(ticket.payload["name"], progress=progress)}


HANDLERS: dict[str, Handler] = {
    "embed": embed,
    "crop": crop,
    "tiles": tiles,
    "export": export,
    "install_model": install_model,
}
