"""How the annotating goes: masks, time, clicks, corrections, proposals; over all, by stage, category, person and week.

Everything is computed from facts about masks (see mask_facts.py), which are read once; no mask is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from annotator.database import db, now
from annotator.errors import InvalidInput
from annotator.models import Category, Image, MaskFact, Project, User
from annotator.services import fact_columns, mask_facts, stages
from annotator.services.fact_columns import FAIR, GOOD, Facts, Key
from annotator.services.report_cache import cached, version_of

BINS = 20
PACE_DAYS = 7


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
    facts = fact_columns.read(and_(MaskFact.project_id == project.id, period.holds(MaskFact.decided_at)))
    done = fact_columns.done_images(project.id)
    finished = and_(Image.project_id == project.id, Image.status == "done", period.holds(Image.done_at))
    total = fact_columns.by_group(facts, facts.everything, done)[None]
    stages, labels, people, weeks = (
        fact_columns.by_group(facts, facts.groupings[name], done) for name in fact_columns.GROUPINGS
    )
    return {
        "project_id": project.id,
        "from": period.since and period.since.isoformat(),
        "to": period.until and period.until.isoformat(),
        "total": total | {"images_done": _count_images(finished)},
        "stages": [{"stage": key} | row for key, row in _sorted(stages)],
        "categories": _named("category", Category, labels),
        "annotators": _named("user", User, people),
        "weeks": [{"week": key} | row for key, row in _sorted(weeks) if key],
        "agreement": _agreement(facts),
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


def _agreement(facts: Facts) -> dict[str, Any]:
    """How accepted masks agree with what the model made of them: IoU histogram, and shares of good and fair ones."""
    counts = fact_columns.agreements(facts, BINS)
    return {
        "count": sum(counts),
        "edges": [round(place / BINS, 2) for place in range(BINS + 1)],
        "counts": counts,
        "good": GOOD / 1000,
        "fair": FAIR / 1000,
        "good_share": fact_columns.share(sum(counts[GOOD * BINS // 1000 :]), sum(counts)),
        "fair_share": fact_columns.share(sum(counts[FAIR * BINS // 1000 :]), sum(counts)),
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
