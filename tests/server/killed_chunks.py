"""Run by test_killed_chunks.py in a process of its own: kills workers in the middle of chunks of embeddings.

    python killed_chunks.py INSTANCE KILLS SEED      (database and queue from the environment)

Each worker stops itself at a random moment of a random image. Prints a JSON object with what was seen.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from tests.server.kills import SETTINGS, disconnect, kill_at, pause, wait_for_lease

MOMENTS = ("taken", "half written", "stored", "recorded")


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


def kill_one(app: Any, moment: str, number: int) -> None:
    from annotator.worker import Worker

    def work(pipe: int) -> None:
        stop_at(moment, number, pipe)
        Worker(app).run()

    kill_at(moment, app, work)


def main(instance: Path, kills: int, seed: int) -> None:
    from annotator.database import db
    from annotator.handlers.loaded_model import model_for
    from annotator.models import Embedding, Job
    from annotator.services import embeddings
    from annotator.storage import storage
    from annotator.worker import Worker
    from app import create_app

    app = create_app(instance, SETTINGS)
    with app.app_context():
        model_for(embeddings.active_digest() or "")
        disconnect()
    chance, sizes = random.Random(seed), set[int]()
    for _ in range(kills):
        kill_one(app, chance.choice(MOMENTS), chance.randint(1, 2))
        with app.app_context():
            sizes |= {storage().size(key) for key in storage().keys("embeddings")}
    wait_for_lease()
    worker = Worker(app)
    while worker.run_until_idle():
        wait_for_lease()
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
