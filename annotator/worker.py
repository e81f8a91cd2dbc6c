"""Runs jobs: leases one, does it, renews the lease meanwhile.

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

from annotator import jobs
from annotator.database import db
from annotator.errors import AnnotatorError
from annotator.handlers import HANDLERS
from annotator.jobs import Cancelled, Handler, Interrupted, LeaseLost, Ticket

log = structlog.get_logger()

LOCK_RETRY_SECONDS = 5.0
LONG = ("train", "evaluate")
"""Kinds that take minutes to days and mostly wait for a process of their own."""


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
            self.do(ticket)
        return True

    def do(self, ticket: Ticket) -> None:
        """Do a job that was leased to this worker, in an application context; its row tells how it ended."""
        db.session.remove()
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
    """Workers on threads of the serving process: one for what people wait for, one for LONG jobs.

    A file lock keeps them to one pair per instance folder.
    """

    def __init__(self, app: Flask, handlers: Mapping[str, Handler] | None = None) -> None:
        chosen = HANDLERS if handlers is None else handlers
        self.worker = Worker(app, {kind: do for kind, do in chosen.items() if kind not in LONG})
        self.aside = Worker(app, {kind: do for kind, do in chosen.items() if kind in LONG})
        self._lock = Path(self.worker.settings.instance) / "worker.lock"
        self._threads = [
            threading.Thread(target=self._run, name="worker", daemon=True),
            threading.Thread(target=self._run_aside, name="worker-aside", daemon=True),
        ]
        self._mine = threading.Event()

    def start(self) -> EmbeddedWorker:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Stop taking jobs and wait for the current ones to notice."""
        for worker in (self.worker, self.aside):
            worker.stop()
        self._mine.set()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        with self._lock.open("w") as file:
            while not self.worker.stopping.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    # Another serving process works; this one stands by in case it ends.
                    self.worker.stopping.wait(LOCK_RETRY_SECONDS)
                    continue
                self._mine.set()
                self.worker.run()
                # The lock covers both.
                self._threads[1].join()

    def _run_aside(self) -> None:
        self._mine.wait()
        self.aside.run()
