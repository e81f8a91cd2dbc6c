"""How the annotating goes: masks, time, clicks, corrections, proposals; over all, by stage, category, person and week.

Everything is computed by the database from facts about masks (see mask_facts.py); no mask is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from annotator.errors import InvalidInput
from annotator.models import Category, Image, MaskFact, Project, User, db, now
from annotator.services import mask_facts, stages
from annotator.services.report_cache import cached, version_of

BINS = 20
THOUSANDTHS = 1000 // BINS
GOOD, FAIR = 900, 750
"""Agreements in thousandths; of the paper's automatic masks 94 % and 97 % reached them after correction (§5)."""

PACE_DAYS = 7

_ACCEPTED = MaskFact.state == "accepted"
_PROPOSED = and_(MaskFact.proposed_by.is_not(None), MaskFact.proposed_by != "missed")
_REFUSED = and_(_PROPOSED, MaskFact.state.in_(("rejected", mask_facts.DELETED)))
_BY_HAND = and_(_ACCEPTED, MaskFact.source != "imported")
_BY_MODEL = and_(_ACCEPTED, MaskFact.source.in_(("assisted", "proposal")))
_COMPARED = and_(_ACCEPTED, MaskFact.agreement.is_not(None))

Key = Any
Column = InstrumentedAttribute[Any] | None


@dataclass(frozen=True)
class Period:
    """Days from `since` to `until`, both included; None is open. Raises InvalidInput when they are reversed."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise InvalidInput(
                f"from: {self.since} is after {self.until}; swap the two days.",
                code="bad_period",
                field="from",
            )

    def holds(self, moment: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        """The condition that a moment lies in the period, in UTC."""
        bounds: list[ColumnElement[bool]] = [literal(True)]
        if self.since:
            bounds.append(moment >= datetime.combine(self.since, clock_time(), UTC))
        if self.until:
            bounds.append(moment < datetime.combine(self.until + timedelta(days=1), clock_time(), UTC))
        return and_(*bounds)


def statistics(project: Project, period: Period, *, seconds: float | None = None) -> dict[str, Any]:
    """The project's numbers over the period; kept until something changes.

    Facts that older annotations lack are written first, for at most `seconds` (None: until all are there); while some
    are missing, `complete` is false.
    """
    complete = mask_facts.fill_missing(project.id, seconds=float("inf") if seconds is None else seconds)
    version = (version_of(project.id), project.stage, project.sample_share, complete)
    key = ("statistics", project.id, period)
    return cached(key, version, lambda: _compute(project, period) | {"complete": complete})


def _compute(project: Project, period: Period) -> dict[str, Any]:
    counted = or_(_ACCEPTED, _REFUSED)
    where = and_(MaskFact.project_id == project.id, period.holds(MaskFact.decided_at), counted)
    done = and_(Image.project_id == project.id, Image.status == "done", period.holds(Image.done_at))
    total = _group(where, None)[None] | {"images_done": _count_images(done)}
    return {
        "project_id": project.id,
        "from": period.since and period.since.isoformat(),
        "to": period.until and period.until.isoformat(),
        "total": total,
        "stages": [{"stage": key} | row for key, row in _sorted(_group(where, MaskFact.stage))],
        "categories": _named("category", Category, _group(where, MaskFact.category_id)),
        "annotators": _named("user", User, _group(where, MaskFact.annotator_id)),
        "weeks": [{"week": key} | row for key, row in _sorted(_group(where, MaskFact.week)) if key],
        "agreement": _agreement(where),
        "images": _images(project.id),
        "queue": _queue(project),
    }


def _sorted(groups: dict[Key, dict[str, Any]]) -> list[tuple[Key, dict[str, Any]]]:
    return sorted(groups.items(), key=lambda pair: (pair[0] is None, pair[0]))


def _named(what: str, table: Any, groups: dict[Key, dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups by id with the name of the row, most masks first; id and name are None for masks without one."""
    names = {
        row.id: row.name
        for row in db.session.execute(select(table.id, table.name).where(table.id.in_(groups)))
    }
    rows = [{f"{what}_id": key, "name": names.get(key)} | group for key, group in groups.items()]
    return sorted(rows, key=lambda row: -row["masks"])


def _group(where: ColumnElement[bool], column: Column) -> dict[Key, dict[str, Any]]:
    """The numbers of each value of the column; without one those of all, under None, also when there are no rows."""
    medians = _median_seconds(where, column)
    done = _images_done(where, column)
    rows = db.session.execute(_by(column, select(_key(column), *_sums()).where(where))).all()
    groups = {}
    for row in rows:
        decided = row.proposals_accepted + row.proposals_rejected
        groups[row.key] = {
            "masks": row.masks,
            "images": row.images,
            "images_done": done.get(row.key, 0),
            "masks_per_image": _share(row.masks, row.images),
            "median_seconds": medians.get(row.key),
            "clicks_per_mask": _share(row.clicks, row.by_hand),
            "corrected_share": _share(row.corrected, row.by_model),
            "proposals_accepted": row.proposals_accepted,
            "proposals_rejected": row.proposals_rejected,
            "acceptance_rate": _share(row.proposals_accepted, decided),
            "agreement_good": _share(row.good, row.compared),
            "agreement_fair": _share(row.fair, row.compared),
        }
    return groups


def _key(column: Column) -> ColumnElement[Any]:
    return (null() if column is None else column).label("key")


def _by(column: Column, query: Select[Any]) -> Select[Any]:
    return query if column is None else query.group_by("key")


def _sums() -> list[ColumnElement[Any]]:
    def number(condition: ColumnElement[bool], name: str) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)

    clicks = func.coalesce(func.sum(case((_BY_HAND, MaskFact.clicks), else_=0)), 0)
    return [
        number(_ACCEPTED, "masks"),
        func.count(func.distinct(case((_ACCEPTED, MaskFact.image_id)))).label("images"),
        number(_BY_HAND, "by_hand"),
        clicks.label("clicks"),
        number(_BY_MODEL, "by_model"),
        number(and_(_BY_MODEL, MaskFact.corrected), "corrected"),
        number(and_(_ACCEPTED, _PROPOSED), "proposals_accepted"),
        number(_REFUSED, "proposals_rejected"),
        number(_COMPARED, "compared"),
        number(and_(_COMPARED, MaskFact.agreement >= GOOD), "good"),
        number(and_(_COMPARED, MaskFact.agreement >= FAIR), "fair"),
    ]


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _median_seconds(where: ColumnElement[bool], column: Column) -> dict[Key, float]:
    """Median active time of accepted masks that took any, in seconds, by value of the column."""
    timed = (
        select(
            _key(column),
            MaskFact.active_ms.label("ms"),
            func.row_number().over(partition_by=column, order_by=MaskFact.active_ms).label("place"),
            func.count().over(partition_by=column).label("number"),
        )
        .where(where, _ACCEPTED, MaskFact.active_ms > 0)
        .subquery()
    )
    middle = and_(timed.c.place * 2 >= timed.c.number, timed.c.place * 2 <= timed.c.number + 2)
    rows = db.session.execute(select(timed.c.key, func.avg(timed.c.ms)).where(middle).group_by(timed.c.key))
    return {row[0]: round(float(row[1]) / 1000, 2) for row in rows}


def _images_done(where: ColumnElement[bool], column: Column) -> dict[Key, int]:
    """Finished images that hold an accepted mask of the group."""
    images = func.count(func.distinct(MaskFact.image_id))
    finished = select(_key(column), images).join(Image, Image.id == MaskFact.image_id)
    rows = db.session.execute(_by(column, finished.where(where, _ACCEPTED, Image.status == "done")))
    return {row[0]: row[1] for row in rows}


def _agreement(where: ColumnElement[bool]) -> dict[str, Any]:
    """How accepted masks agree with what the model made of them: IoU histogram, and shares of good and fair ones."""
    place = (MaskFact.agreement // THOUSANDTHS).label("place")
    rows = db.session.execute(select(place, func.count()).where(where, _COMPARED).group_by("place"))
    counts = [0] * BINS
    for found, number in rows:
        counts[min(found, BINS - 1)] += number
    return {
        "count": sum(counts),
        "edges": [round(place / BINS, 2) for place in range(BINS + 1)],
        "counts": counts,
        "good": GOOD / 1000,
        "fair": FAIR / 1000,
        "good_share": _share(sum(counts[GOOD // THOUSANDTHS :]), sum(counts)),
        "fair_share": _share(sum(counts[FAIR // THOUSANDTHS :]), sum(counts)),
    }


def _count_images(*conditions: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(Image).where(*conditions)) or 0


def _images(project_id: int) -> dict[str, int]:
    rows = db.session.execute(
        select(Image.status, func.count()).where(Image.project_id == project_id).group_by(Image.status)
    )
    by_status = {row[0]: row[1] for row in rows}
    names = ("new", "in_progress", "done", "skipped")
    return {name: by_status.get(name, 0) for name in names} | {"total": sum(by_status.values())}


def _queue(project: Project) -> dict[str, Any]:
    """How many images people still have to go through in this stage, and when they will be through at this pace."""
    length = _count_images(
        Image.project_id == project.id, Image.status.in_(("new", "in_progress")), stages.sampled(project)
    )
    begin = now() - timedelta(days=PACE_DAYS)
    finished, first = db.session.execute(
        select(func.count(), func.min(Image.done_at)).where(
            Image.project_id == project.id, Image.done_at >= begin
        )
    ).one()
    days = None if first is None else max((now() - first) / timedelta(days=1), 1.0)
    per_day = finished / days if days else None
    days_left = length / per_day if per_day else None
    finish = now() + timedelta(days=days_left) if days_left is not None and days_left < 3650 else None
    return {
        "length": length,
        "images_per_day": per_day and round(per_day, 2),
        "days_left": days_left if days_left is None else round(days_left, 2),
        "finish_on": finish and finish.date().isoformat(),
    }
