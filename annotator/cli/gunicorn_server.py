"""gunicorn as a library: one process, several threads, the job worker started after the fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from annotator.database import db

GRACEFUL_SECONDS = 20
# Uploads of large files and slow lines: a thread may be busy for long, the process is alive meanwhile.
TIMEOUT_SECONDS = 300


class Server(BaseApplication):
    """Serves `app`; `announce` is called once the socket listens."""

    def __init__(self, app: Flask, host: str, port: int, announce: Callable[[], None]) -> None:
        self.flask = app
        self.address = f"{f'[{host}]' if ':' in host else host}:{port}"
        self.announce = announce
        self.embedded: Any = None
        super().__init__()

    def load_config(self) -> None:
        settings = self.flask.extensions["annotator_settings"]
        for name, value in {
            "bind": self.address,
            "workers": 1,
            "threads": settings.server_threads,
            "worker_class": "gthread",
            "timeout": TIMEOUT_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 30,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": lambda server: self.announce(),
            "post_fork": lambda server, worker: self._after_fork(),
            "post_worker_init": lambda worker: self._start_worker(),
            "worker_exit": lambda server, worker: self._stop_worker(),
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.flask

    def _after_fork(self) -> None:
        # Connections opened before the fork belong to the parent.
        with self.flask.app_context():
            db.engine.dispose(close=False)

    def _start_worker(self) -> None:
        from annotator.cli.start import start_embedded_worker

        self.embedded = start_embedded_worker(self.flask)

    def _stop_worker(self) -> None:
        if self.embedded is not None:
            self.embedded.stop()
