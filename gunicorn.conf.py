"""Read by gunicorn when it is started in this folder: `gunicorn 'app:create_app()'`.

The job worker starts in the serving process after the fork; with several gunicorn workers a file lock keeps it to one.
"""

from __future__ import annotations

from typing import Any

worker_class = "gthread"
threads = 8
timeout = 300


def post_worker_init(worker: Any) -> None:
    from annotator.cli.start import start_embedded_worker

    worker.job_worker = start_embedded_worker(worker.wsgi)


def worker_exit(server: Any, worker: Any) -> None:
    if getattr(worker, "job_worker", None) is not None:
        worker.job_worker.stop()
