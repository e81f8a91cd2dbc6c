"""Run by test_worker.py in a process of its own: kills a worker ten times in the middle of one embedding.

Each worker is a forked child, so that torch is loaded once. Prints a JSON object with what it saw.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

STAGES = ("taken", "computed", "half written", "stored") * 2 + ("recorded",) * 2


def pause(pipe: int) -> NoReturn:
    """Tell the parent that the moment has come, then wait for its SIGKILL."""
    os.write(pipe, b"!")
    time.sleep(600)
    raise SystemExit("was not killed")


def child(app: Any, stage: str, pipe: int) -> None:
    from annotator.handlers.embedding import embed
    from annotator.models import db
    from annotator.services import embeddings
    from annotator.storage import Storage
    from annotator.worker import Worker

    with app.app_context():
        db.engine.dispose(close=False)

    def half(self: Storage, key: str, data: bytes) -> None:
        with self.writer(key) as file:
            file.write(data[: len(data) // 2])
            file.flush()
            pause(pipe)

    def handler(ticket: Any, report: Any) -> Any:
        if stage == "taken":
            pause(pipe)

        def watched(progress: float, message: str = "") -> None:
            report(progress, message)
            if stage == "computed" and progress >= 0.9:
                pause(pipe)

        if stage == "half written":
            Storage.put = half  # type: ignore[method-assign]
        if stage == "stored":
            embeddings.record = lambda *_, **__: pause(pipe)
        embed(ticket, watched)
        return pause(pipe)

    Worker(app, {"embed": handler}).run_once()


def kill_one(app: Any, stage: str) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(app, stage, write)
        finally:
            os._exit(3)
    os.close(write)
    assert os.read(read, 1) == b"!", f"the worker ended before it was {stage}"
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def main(instance: Path) -> None:
    from annotator import worker
    from annotator.handlers.loaded_model import model_for
    from annotator.models import Embedding, Job, db
    from annotator.storage import storage
    from app import create_app

    app = create_app(
        instance, {"lease_seconds": 0.5, "heartbeat_seconds": 0.1, "log_level": "error", "worker_threads": 1}
    )
    with app.app_context():
        digest = db.session.scalar(db.select(Job.payload))["model_digest"]  # type: ignore[index]
        model_for(digest)
        db.session.remove()
        db.engine.dispose()
    states, blobs = [], []
    for stage in STAGES:
        kill_one(app, stage)
        with app.app_context():
            blobs.append([storage().size(key) for key in storage().keys("embeddings")])
            states.append(db.session.scalar(db.select(Job.state)))
            db.session.remove()
            db.engine.dispose()
        time.sleep(0.6)
    worker.Worker(app).run_until_idle()
    with app.app_context():
        job = db.session.scalars(db.select(Job)).one()
        seen = {
            "kills": len(STAGES),
            "states": states,
            "blob_sizes": blobs,
            "job": {"state": job.state, "attempts": job.attempts, "error": job.error},
            "embeddings": [row.blob_key for row in db.session.scalars(db.select(Embedding))],
            "keys": storage().keys("embeddings"),
        }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
