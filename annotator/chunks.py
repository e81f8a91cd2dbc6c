"""Bulk work as jobs of many items: a row for every image would make the queue as large as the project.

A chunk is one job whose payload lists its `items`. Its handler does what is still missing, one item at a time, and is
run again when its worker disappears. The item that was under way then may be what killed the worker, and one that
raised would hold up the rest: both are handed to a job of their own, so one bad item never costs the others anything.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import structlog

from annotator import jobs
from annotator.database import writing
from annotator.errors import AnnotatorError
from annotator.jobs import Report, Stop, Ticket
from annotator.lines import line

Item = TypeVar("Item")

SIZE = 64
SPARE_ATTEMPTS = 10

log = structlog.get_logger()


def split(items: Sequence[Item], size: int = SIZE) -> Iterator[Sequence[Item]]:
    """The items in their order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def enqueue_chunks(
    kind: str,
    items: Sequence[Any],
    payload: dict[str, Any],
    *,
    key: str,
    size: int = SIZE,
    project_id: int | None = None,
    priority: int = 0,
    created_by: int | None = None,
) -> list[int]:
    """Queue jobs of `kind` with `payload` and at most `size` of the `items` (JSON values) each; returns their ids.

    Joins the caller's `writing` block. Each job's deduplication key ends in `key`; the same items are queued once.
    """
    ids = []
    with writing():
        for part in split(items, size):
            digest = hashlib.sha256(json.dumps(list(part)).encode()).hexdigest()[:16]
            job = jobs.enqueue(
                kind,
                {**payload, "items": list(part)},
                project_id=project_id,
                dedupe_key=f"{kind}:{digest}:{key}",
                priority=priority,
                created_by=created_by,
                # Every lost worker costs the chunk one item, so this many suffice to get through.
                max_attempts=len(part) + SPARE_ATTEMPTS,
            )
            ids.append(job.id)
    return ids


def work_through(
    ticket: Ticket,
    report: Report,
    waiting: Sequence[Item],
    do: Callable[[Item], object],
    *,
    alone: Callable[[Item], object],
) -> dict[str, Any]:
    """Do every waiting item of a chunk, in order; returns how many were done here and how many handed over.

    `waiting` are the items not done yet, in the same order at every attempt. `alone` queues an item as a job of its
    own: one whose `do` raised, and the first one when the previous worker disappeared.
    """
    done = handed = 0
    if ticket.attempt > 1 and waiting:
        alone(waiting[0])
        waiting, handed = waiting[1:], 1
    pace = Pace(len(waiting))
    for item in waiting:
        report(done / len(waiting), pace.message(done))
        try:
            do(item)
        except Stop:
            raise
        except Exception as error:
            if not isinstance(error, AnnotatorError):
                log.exception("an item of a chunk failed", job=ticket.id, kind=ticket.kind)
            alone(item)
            handed += 1
        else:
            done += 1
    return {"done": done, "handed_over": handed}


class Pace:
    """How fast a long work goes and how long it will still take, in words."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._started = time.monotonic()

    def seconds_each(self, done: int) -> float | None:
        """None before the first item is done."""
        return (time.monotonic() - self._started) / done if done else None

    def seconds_left(self, done: int) -> float | None:
        """None before the first item is done."""
        each = self.seconds_each(done)
        return None if each is None else (self.total - done) * each

    def message(self, done: int) -> str:
        """ "12 of 64 images, 0.3 s each, about 17 s left"."""
        each = self.seconds_each(done)
        if each is None:
            return line("{done} of {total} images", done=done, total=self.total)
        return line(
            "{done} of {total} images, {seconds} s each, about {left} left",
            done=done,
            total=self.total,
            seconds=f"{each:.2g}",
            left=duration((self.total - done) * each),
        )


def duration(seconds: float) -> str:
    """4 s, 90 s, 3 min, 2 h."""
    if seconds < 100:
        return line("{number} s", number=max(1, round(seconds)))
    if seconds < 100 * 60:
        return line("{number} min", number=round(seconds / 60))
    return line("{number} h", number=round(seconds / 3600))
