"""Doing an automask job: image after image, each remembered, until it is done, cancelled or something urgent waits.

The model stays outside: `generate` gives the released generator's records for one image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from sqlalchemy import exists, func, select

from annotator import jobs
from annotator.chunks import duration
from annotator.database import db, writing
from annotator.errors import AnnotatorError
from annotator.jobs import Interrupted, Report, Stop, Ticket
from annotator.lines import line
from annotator.masks import parse_rle
from annotator.models import Image, Job, JobItem
from annotator.services import missed, proposals
from annotator.services.proposals import Proposal, Replaced

log = structlog.get_logger()

Record = dict[str, Any]
Generate = Callable[[Image, Callable[[float], None]], list[Record]]
"""The image's records with masks as COCO RLE, made with the parameters of the job; tells its progress as a share."""

LARGEST_SHARE = 0.95
"""Masks that cover more of the image are the image itself (paper §4)."""


@dataclass(frozen=True)
class Found:
    """What was found on an image elsewhere, or the reason why nothing could be."""

    image_id: int
    records: list[Record]
    reason: str | None
    seconds: float


MAX_STARTS = 3
PROBLEMS_LISTED = 20
COUNTS = ("done", "failed", "created", "unchanged", "removed", "known", "kept")


def preview(ticket: Ticket, report: Report, generate: Generate) -> dict[str, Any]:
    """What a run would propose on one image: proposals, and the seconds it took. Stores nothing."""
    image = _detached(ticket.payload["image_id"])
    if image is None:
        return {"proposals": [], "seconds": 0.0}
    started = time.monotonic()
    found = generate(image, lambda share: report(share, line("Looking for masks")))
    records = useful(found, image)
    seconds = time.monotonic() - started
    return {"proposals": [_shown(record) for record in records], "seconds": round(seconds, 2)}


def _detached(image_id: int) -> Image | None:
    """The image's row with no transaction left open: what follows may take minutes. None when it was deleted."""
    image = db.session.get(Image, image_id)
    db.session.remove()
    return image


def _shown(record: Record) -> Record:
    return {"rle" if name == "segmentation" else name: value for name, value in record.items()}


def run(ticket: Ticket, report: Report, generate: Generate) -> dict[str, Any]:
    """Do what is left of a run and return its totals, which the job's `result` shows meanwhile, too.

    Totals: images, done, failed, what became of the proposals (see `proposals.Replaced`), `problems` with the reasons
    of failed images, seconds_per_image and seconds_left. Between two images it gives way to a more urgent job.
    """
    totals, waiting = _begin(ticket)
    for number, image_id in enumerate(waiting):
        report(_share(totals), _message(totals))
        if number and _urgent_work_waits(ticket):
            raise Interrupted
        totals = _do(ticket, report, image_id, totals, generate)
    return totals


def keep(ticket: Ticket, report: Report, find: Callable[[Sequence[int]], Iterable[Found]]) -> dict[str, Any]:
    """Like `run`, where `find` makes the records of many images elsewhere and gives them in any order."""
    totals, waiting = _begin(ticket)
    started = time.monotonic()
    for number, each in enumerate(find(waiting), start=1):
        report(_share(totals), _message(totals))
        image = _detached(each.image_id)
        useful_ones = [] if image is None or each.reason else useful(each.records, image)
        pace = (time.monotonic() - started) / number
        totals = _keep(ticket, image, each.image_id, proposals_of(useful_ones), each.reason, totals, pace)
    return totals


def _finished(totals: dict[str, Any]) -> int:
    count: int = totals["done"] + totals["failed"]
    return count


def _share(totals: dict[str, Any]) -> float:
    return _finished(totals) / totals["images"]


def _message(totals: dict[str, Any]) -> str:
    """ "12 of 400 images, 3.1 a minute, about 2 h left"."""
    done, total, each = _finished(totals), totals["images"], totals["seconds_per_image"]
    if not each:
        return line("{done} of {total} images", done=done, total=total)
    return line(
        "{done} of {total} images, {rate} a minute, about {left} left",
        done=done,
        total=total,
        rate=f"{60 / each:.3g}",
        left=duration(totals["seconds_left"]),
    )


def _begin(ticket: Ticket) -> tuple[dict[str, Any], Sequence[int]]:
    """The totals so far, and the images without a result in their order."""
    nothing: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {
        "images": ticket.payload["images"],
        "problems": [],
        "seconds_per_image": None,
        "seconds_left": None,
    }
    totals = db.session.scalar(select(Job.result).where(Job.id == ticket.id)) or nothing
    waiting = db.session.scalars(
        select(JobItem.item_id)
        .outerjoin(Image, Image.id == JobItem.item_id)
        .where(JobItem.job_id == ticket.id, JobItem.result.is_(None))
        .order_by(func.coalesce(Image.position, 0), JobItem.item_id)
    ).all()
    db.session.remove()
    return totals, waiting


def _urgent_work_waits(ticket: Ticket) -> bool:
    own = select(Job.priority).where(Job.id == ticket.id).scalar_subquery()
    found = db.session.scalar(select(exists().where(Job.state == "queued", Job.priority > own)))
    db.session.remove()
    return bool(found)


def _do(
    ticket: Ticket, report: Report, image_id: int, totals: dict[str, Any], generate: Generate
) -> dict[str, Any]:
    """One image: looked at here, then kept."""

    def progress(share: float) -> None:
        report(_share(totals) + share / totals["images"], _message(totals))

    started = time.monotonic()
    reason = _count_start(ticket, image_id)
    image = _detached(image_id)
    found: list[Proposal] = []
    if image is not None and reason is None:
        try:
            records = generate(image, progress)
            found = proposals_of(useful(records, image))
        except Stop:
            raise
        except AnnotatorError as error:
            reason = error.message
        except Exception as error:
            log.exception("automatic masks failed", job=ticket.id, image=image_id)
            reason = f"{type(error).__name__}: {error}"
    return _keep(ticket, image, image_id, found, reason, totals, time.monotonic() - started)


def _keep(
    ticket: Ticket,
    image: Image | None,
    image_id: int,
    found: Sequence[Proposal],
    reason: str | None,
    totals: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Store what was found on an image, its result and the new totals; returns these."""
    with writing() as session:
        # In the same transaction as the masks: a worker that lost its lease stores nothing.
        jobs.heartbeat(ticket, _share(totals), _message(totals))
        replaced = Replaced() if reason is not None else _store(ticket, image_id, found)
        result = {"error": reason} if reason is not None else asdict(replaced)
        session.get_one(JobItem, (ticket.id, image_id)).result = result
        totals = _timed(_added(totals, image, replaced, reason), seconds)
        session.get_one(Job, ticket.id).result = totals
    return totals


def _count_start(ticket: Ticket, image_id: int) -> str | None:
    """Note that work on the image begins; why it is given up when that happened too often without an end."""
    with writing() as session:
        item = session.get_one(JobItem, (ticket.id, image_id))
        if item.attempts >= MAX_STARTS:
            return f"The worker disappeared {item.attempts} times on this image; the machine may need more memory."
        item.attempts += 1
    return None


def _store(ticket: Ticket, image_id: int, found: Sequence[Proposal]) -> Replaced:
    digest = ticket.payload["model_digest"]
    if ticket.payload["purpose"] == "missed":
        return missed.store(image_id, found, model_digest=digest)
    proposed_by = "detector" if ticket.payload["purpose"] == "detector" else "automask"
    return proposals.replace(image_id, found, proposed_by=proposed_by, model_digest=digest)


def _added(
    totals: dict[str, Any], image: Image | None, replaced: Replaced, reason: str | None
) -> dict[str, Any]:
    counts = asdict(replaced) | {"done": int(reason is None), "failed": int(reason is not None)}
    added = {name: totals[name] + counts[name] for name in COUNTS}
    problems = list(totals["problems"])
    if reason is not None and image is not None and len(problems) < PROBLEMS_LISTED:
        problems.append({"image_id": image.id, "name": image.name, "message": reason})
    return totals | added | {"problems": problems}


def _timed(totals: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The totals with the mean time of an image so far, whoever worked on it, and what is left at that pace."""
    finished, before = _finished(totals), totals["seconds_per_image"] or 0.0
    mean = before + (seconds - before) / finished
    return totals | {"seconds_per_image": mean, "seconds_left": mean * (totals["images"] - finished)}


def useful(records: Sequence[Record], image: Image) -> list[Record]:
    """The records without empty masks and without those that cover the whole image."""
    largest = LARGEST_SHARE * image.width * image.height
    return [record for record in records if 0 < record["area"] <= largest]


def proposals_of(records: Sequence[Record]) -> list[Proposal]:
    """Records as the released generator's as proposals; the points or boxes that found them are their prompts."""
    return [
        Proposal(
            mask=parse_rle(record["segmentation"]),
            predicted_iou=record["predicted_iou"],
            stability_score=record["stability_score"],
            prompts={
                "points": record["point_coords"],
                "labels": [1] * len(record["point_coords"]),
                "boxes": record.get("boxes", []),
            },
            crop_box=record["crop_box"],
        )
        for record in records
    ]
