"""Run by test_killed_chunks.py in a process of its own: kills workers in the middle of chunks of embeddings.

    python killed_chunks.py INSTANCE KILLS SEED      (database and queue from the environment)

Each worker is a forked child, so that torch is loaded once. It stops itself at a random moment of a random image and
asks for its SIGKILL. Prints a JSON object with what was seen.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

MOMENTS = ("taken", "half written", "stored", "recorded")


def pause(pipe: int) -> NoReturn:
    """Tell the parent that the moment has come, then wait for its SIGKILL."""
    os.write(pipe, b"!")
    time.sleep(600)
    raise SystemExit("was not killed")


def stop_at(moment: str, number: int, pipe: int) -> None:
    """Arrange that this process pauses at that moment of its `number`-th image."""
    from annotator.handlers import embedding
    from annotator.services import embeddings
    from annotator.storage import Storage

    todo, put, record = embedding.embed_image, Storage.put, embeddings.record
    begun = 0

    def counted(*arguments: Any) -> Any:
        nonlocal begun
        begun += 1
        if begun == number and moment == "taken":
            pause(pipe)
        return todo(*arguments)

    def half(self: Storage, key: str, data: bytes) -> None:
        if begun == number and moment == "half written":
            with self.writer(key) as file:
                file.write(data[: len(data) // 2])
                file.flush()
                pause(pipe)
        put(self, key, data)

    def recorded(*arguments: Any, **named: Any) -> None:
        if begun == number and moment == "stored":
            pause(pipe)
        record(*arguments, **named)
        if begun == number and moment == "recorded":
            pause(pipe)

    embedding.embed_image = counted
    Storage.put = half  # type: ignore[method-assign]
    embeddings.record = recorded


def child(app: Any, moment: str, number: int, pipe: int) -> None:
    from annotator.models import db
    from annotator.worker import Worker

    with app.app_context():
        db.engine.dispose(close=False)
    stop_at(moment, number, pipe)
    Worker(app).run()


def kill_one(app: Any, moment: str, number: int) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(app, moment, number, write)
        finally:
            os._exit(3)
    os.close(write)
    assert os.read(read, 1) == b"!", "the worker ended before its moment came"
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def main(instance: Path, kills: int, seed: int) -> None:
    from annotator.handlers.loaded_model import model_for
    from annotator.models import Embedding, Job, db
    from annotator.services import embeddings
    from annotator.storage import storage
    from annotator.worker import Worker
    from app import create_app

    short = {"lease_seconds": 0.5, "heartbeat_seconds": 0.1, "worker_poll_seconds": 0.1}
    app = create_app(instance, {**short, "worker_threads": 1, "log_level": "error"})
    with app.app_context():
        model_for(embeddings.active_digest() or "")
        db.session.remove()
        db.engine.dispose()
    chance, sizes = random.Random(seed), set[int]()
    for _ in range(kills):
        kill_one(app, chance.choice(MOMENTS), chance.randint(1, 2))
        with app.app_context():
            sizes |= {storage().size(key) for key in storage().keys("embeddings")}
    time.sleep(0.6)  # the last lease
    worker = Worker(app)
    while worker.run_until_idle():
        time.sleep(0.6)
    with app.app_context():
        jobs = db.session.scalars(db.select(Job)).all()
        rows = db.session.scalars(db.select(Embedding)).all()
        seen = {
            "sizes": sorted(sizes),
            "jobs": sorted({(job.kind, job.state) for job in jobs}),
            "lost": sum(job.attempts - 1 for job in jobs),
            "embeddings": {row.image_sha256: [row.blob_key, row.bytes] for row in rows},
            "rows": len(rows),
            "keys": storage().keys("embeddings"),
        }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
