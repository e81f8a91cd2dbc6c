"""Facts about masks as columns: read from the database once, then counted by stage, label, person and week.

Each of these groupings asks for distinct images and medians, for which a database sorts all facts again; columns of
numbers are sorted in milliseconds. 100,000 facts take about 12 MB while they are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, case, func, select

from annotator.database import db
from annotator.models import Image, MaskFact
from annotator.services import mask_facts

GOOD, FAIR = 900, 750
"""Agreements in thousandths; of the paper's automatic masks 94 % and 97 % reached them after correction (§5)."""

GROUPINGS = ("stage", "category_id", "annotator_id", "week")
AT_ONCE = 20_000
UNKNOWN = -1
"""Stands for agreements that there are none of."""

_ACCEPTED = MaskFact.state == "accepted"
_PROPOSED = and_(MaskFact.proposed_by.is_not(None), MaskFact.proposed_by != "missed")
_REFUSED = and_(_PROPOSED, MaskFact.state.in_(("rejected", mask_facts.DELETED)))
_FLAGS = {
    "accepted": _ACCEPTED,
    "proposed": _PROPOSED,
    "imported": MaskFact.source == "imported",
    "drawn": MaskFact.source == "manual",
    "corrected": MaskFact.corrected,
}

AGREEMENT_BITS = 0x3FF
CLICKS_FROM = len(_FLAGS) + AGREEMENT_BITS.bit_length()

Numbers = NDArray[np.int64]
Key = Any


@dataclass(frozen=True)
class Grouping:
    """One way to put facts into groups: the key of each group, and the group of each fact, (n,)."""

    keys: tuple[Key, ...]
    group: Numbers


@dataclass(frozen=True)
class Facts:
    """n facts that count: accepted masks and refused proposals. Arrays are (n,); `agreement` in thousandths."""

    image: Numbers
    active_ms: Numbers
    clicks: Numbers
    agreement: Numbers
    flags: dict[str, NDArray[np.bool_]]
    groupings: dict[str, Grouping]

    @property
    def everything(self) -> Grouping:
        """All facts as one group, whose key is None."""
        return Grouping((None,), np.zeros(len(self.image), np.int64))


def read(where: ColumnElement[bool]) -> Facts:
    """The facts that meet the condition and count."""
    numbers = (MaskFact.image_id, MaskFact.active_ms, _marks())
    keys = [getattr(MaskFact, name) for name in GROUPINGS]
    result = db.session.connection().execute(select(*numbers, *keys).where(where, _ACCEPTED | _REFUSED))
    rows = result.cursor  # the driver's own tuples: SQLAlchemy's rows would take as long again as the query
    assert rows is not None
    codes: list[dict[Key, int]] = [{} for _ in GROUPINGS]
    parts: list[Numbers] = [np.zeros((len(numbers) + len(keys), 0), np.int64)]
    while chunk := rows.fetchmany(AT_ONCE):
        columns = list(zip(*chunk, strict=True))
        coded = [
            [code.setdefault(value, len(code)) for value in values]
            for code, values in zip(codes, columns[len(numbers) :], strict=True)
        ]
        parts.append(np.array([*columns[: len(numbers)], *coded], np.int64))
    image, active_ms, marks, *groups = np.concatenate(parts, axis=1)
    return Facts(
        image,
        active_ms,
        clicks=marks >> CLICKS_FROM,
        agreement=(marks >> len(_FLAGS) & AGREEMENT_BITS) + UNKNOWN,
        flags={name: (marks >> bit & 1).astype(bool) for bit, name in enumerate(_FLAGS)},
        groupings={
            name: Grouping(tuple(code), group)
            for name, code, group in zip(GROUPINGS, codes, groups, strict=True)
        },
    )


def _marks() -> ColumnElement[int]:
    """Flags, agreement and clicks in the bits of one number: a column less is time saved on each row."""
    number: ColumnElement[int] = MaskFact.clicks * (1 << CLICKS_FROM)
    number = number + (func.coalesce(MaskFact.agreement, UNKNOWN) - UNKNOWN) * (1 << len(_FLAGS))
    for bit, condition in enumerate(_FLAGS.values()):
        number = number + case((condition, 1 << bit), else_=0)
    return number


def done_images(project_id: int) -> Numbers:
    """Ids of the project's finished images."""
    ids = db.session.scalars(select(Image.id).where(Image.project_id == project_id, Image.status == "done"))
    return np.fromiter(ids, np.int64)


def by_group(facts: Facts, grouping: Grouping, done: Numbers) -> dict[Key, dict[str, Any]]:
    """The numbers of each group. `done` are the ids of finished images."""
    size = len(grouping.keys)

    def count(chosen: NDArray[np.bool_]) -> list[int]:
        counts: list[int] = np.bincount(grouping.group[chosen], minlength=size).tolist()
        return counts

    flags, accepted = facts.flags, facts.flags["accepted"]
    by_hand = accepted & ~flags["imported"]
    by_model = by_hand & ~flags["drawn"]
    compared = accepted & (facts.agreement != UNKNOWN)
    clicks = np.bincount(grouping.group, facts.clicks * by_hand, minlength=size)
    columns = {
        "masks": count(accepted),
        "by_hand": count(by_hand),
        "clicks": clicks.tolist(),
        "by_model": count(by_model),
        "corrected": count(by_model & flags["corrected"]),
        "proposals_accepted": count(accepted & flags["proposed"]),
        "proposals_rejected": count(~accepted),
        "compared": count(compared),
        "good": count(compared & (facts.agreement >= GOOD)),
        "fair": count(compared & (facts.agreement >= FAIR)),
        "median_seconds": _median_seconds(facts, grouping),
    }
    columns["images"], columns["images_done"] = _distinct_images(facts, grouping, done)
    return {
        key: _shown({name: values[place] for name, values in columns.items()})
        for place, key in enumerate(grouping.keys)
    }


def _distinct_images(facts: Facts, grouping: Grouping, done: Numbers) -> tuple[list[int], list[int]]:
    """Images with an accepted mask of each group, and those of them that are finished."""
    chosen = facts.flags["accepted"]
    width = int(facts.image.max(initial=0)) + 1
    pairs = np.sort(grouping.group[chosen] * width + facts.image[chosen])
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    group, image = pairs // width, pairs % width
    size = len(grouping.keys)
    finished = group[np.isin(image, done)]
    return np.bincount(group, minlength=size).tolist(), np.bincount(finished, minlength=size).tolist()


def _median_seconds(facts: Facts, grouping: Grouping) -> list[float | None]:
    """Median active time of each group's accepted masks that took any, in seconds."""
    chosen = facts.flags["accepted"] & (facts.active_ms > 0)
    group, times = grouping.group[chosen], facts.active_ms[chosen]
    times = times[np.lexsort((times, group))]
    counts = np.bincount(group, minlength=len(grouping.keys))
    ends = np.cumsum(counts)
    medians: list[float | None] = []
    for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        middle = times[(start + end - 1) // 2 : (start + end) // 2 + 1]
        medians.append(round(float(middle.mean()) / 1000, 2) if end > start else None)
    return medians


def _shown(sums: dict[str, Any]) -> dict[str, Any]:
    decided = sums["proposals_accepted"] + sums["proposals_rejected"]
    return {
        "masks": sums["masks"],
        "images": sums["images"],
        "images_done": sums["images_done"],
        "masks_per_image": share(sums["masks"], sums["images"]),
        "median_seconds": sums["median_seconds"],
        "clicks_per_mask": share(sums["clicks"], sums["by_hand"]),
        "corrected_share": share(sums["corrected"], sums["by_model"]),
        "proposals_accepted": sums["proposals_accepted"],
        "proposals_rejected": sums["proposals_rejected"],
        "acceptance_rate": share(sums["proposals_accepted"], decided),
        "agreement_good": share(sums["good"], sums["compared"]),
        "agreement_fair": share(sums["fair"], sums["compared"]),
    }


def agreements(facts: Facts, bins: int) -> list[int]:
    """Accepted masks by agreement with what the model made of them, in equal bins of 0 to 1."""
    chosen = facts.flags["accepted"] & (facts.agreement != UNKNOWN)
    places = np.minimum(facts.agreement[chosen] * bins // 1000, bins - 1)
    counts: list[int] = np.bincount(places, minlength=bins).tolist()
    return counts


def share(part: float, whole: float) -> float | None:
    """Part of a whole to four places; None of nothing."""
    return round(part / whole, 4) if whole else None
