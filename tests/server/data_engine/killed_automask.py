"""Run by test_automask_killed.py in a process of its own: kills workers at every moment of a run over many images.

Prints a JSON object with what it saw after each kill and in the end.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.server.data_engine.conftest import record
from tests.server.kills import SETTINGS, disconnect, kill_at, pause, wait_for_lease

MOMENTS = ("computing", "storing", "stored")
KILLS = int(os.environ.get("KILLS", "6"))


def child(app: Any, moment: str, pipe: int) -> None:
    from annotator.database import db
    from annotator.handlers import proposals as handler
    from annotator.services import automask_run, proposals
    from annotator.worker import Worker

    done = 0

    def records(*arguments: Any) -> list[dict[str, Any]]:
        nonlocal done
        if moment == "computing" and done == 1:
            pause(pipe)
        done += 1
        return [record(2, 2, 8, 6), record(20, 4, 10, 12)]

    store = proposals.replace

    def half_way(*arguments: Any, **options: Any) -> Any:
        replaced = store(*arguments, **options)
        if moment == "storing" and done == 2:
            db.session.flush()
            pause(pipe)
        return replaced

    original = automask_run._do

    def watched(*arguments: Any) -> Any:
        totals = original(*arguments)
        if moment == "stored":
            pause(pipe)
        return totals

    handler.records = records  # type: ignore[assignment]
    proposals.replace = half_way
    automask_run._do = watched
    Worker(app).run_once()


def look(app: Any) -> dict[str, Any]:
    from annotator.database import db
    from annotator.models import Annotation, Job, JobItem

    with app.app_context():
        job = db.session.query(Job).filter_by(kind="automask").one()
        finished = [item.item_id for item in db.session.query(JobItem) if item.result is not None]
        proposed = sorted(row[0] for row in db.session.query(Annotation.image_id))
        seen = {
            "state": job.state,
            "result": job.result,
            "finished": sorted(finished),
            "proposed": proposed,
        }
        disconnect()
    return seen


def main(instance: Path) -> None:
    from annotator.handlers import proposals as handler
    from annotator.worker import Worker
    from app import create_app

    app = create_app(instance, SETTINGS)
    seen = []
    for number in range(KILLS):
        moment = MOMENTS[number % len(MOMENTS)]
        kill_at(moment, app, partial(child, app, moment))
        seen.append(look(app))
        wait_for_lease()
    handler.records = lambda *_: [record(2, 2, 8, 6), record(20, 4, 10, 12)]  # type: ignore[assignment]
    Worker(app).run_until_idle()
    print(json.dumps({"kills": seen, "end": look(app)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
