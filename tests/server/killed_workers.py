"""Run by test_worker.py in a process of its own: kills a worker ten times in the middle of one embedding.

Prints a JSON object with what it saw.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.server.kills import SETTINGS, disconnect, kill_at, pause, wait_for_lease

STAGES = ("taken", "computed", "half written", "stored") * 2 + ("recorded",) * 2


def child(app: Any, stage: str, pipe: int) -> None:
    from annotator.handlers.embedding import embed
    from annotator.services import embeddings
    from annotator.storage import Storage
    from annotator.worker import Worker

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


def main(instance: Path) -> None:
    from annotator import worker
    from annotator.database import db
    from annotator.handlers.loaded_model import model_for
    from annotator.models import Embedding, Job
    from annotator.storage import storage
    from app import create_app

    app = create_app(instance, SETTINGS)
    with app.app_context():
        digest = db.session.scalar(db.select(Job.payload))["model_digest"]  # type: ignore[index]
        model_for(digest)
        disconnect()
    states, blobs = [], []
    for stage in STAGES:
        kill_at(stage, app, partial(child, app, stage))
        with app.app_context():
            blobs.append([storage().size(key) for key in storage().keys("embeddings")])
            states.append(db.session.scalar(db.select(Job.state)))
            disconnect()
        wait_for_lease()
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
