"""What the scripted annotator did, in figures: a table per set and their mean, and JSON with every object."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

GOALS = (0.85, 0.90)
BRUSH_GOAL = 0.95
MOST_CLICKS = 20


@dataclass(frozen=True)
class Person:
    """What a person adds to the machine's time: seconds per click, stroke and change of tool or size; CSS pixels a
    second while painting."""

    click: float = 1.5
    stroke: float = 1.0
    change: float = 0.6
    speed: float = 400.0


@dataclass(frozen=True)
class Painted:
    """One stroke: travel in image and in CSS pixels, radius in image pixels, keys pressed before it, IoU after it."""

    travel: float
    screen_travel: float
    radius: float
    changes: int
    milliseconds: float
    iou: float


@dataclass
class Work:
    """What one object took. `ious` are those after each click; the brush began after `clicks_before_brush` of them."""

    click_ms: list[float] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    clicks_before_brush: int = 0
    strokes: list[Painted] = field(default_factory=list)

    def clicks_to(self, goal: float) -> int | None:
        """How many clicks reached the goal; None when none did."""
        return next((count for count, value in enumerate(self.ious, start=1) if value >= goal), None)

    def clicks_counted(self, goal: float) -> int:
        """An object that stays below counts as many clicks as are allowed."""
        return self.clicks_to(goal) or MOST_CLICKS

    def machine_seconds(self, goal: float) -> float:
        return sum(self.click_ms[: self.clicks_counted(goal)]) / 1000

    @property
    def final(self) -> float:
        return self.strokes[-1].iou if self.strokes else self.ious[self.clicks_before_brush - 1]

    @property
    def travel(self) -> float:
        return sum(stroke.travel for stroke in self.strokes)

    @property
    def brush_machine_seconds(self) -> float:
        """Clicks and strokes of the way to the brush's goal."""
        clicks = self.click_ms[: self.clicks_before_brush]
        return (sum(clicks) + sum(stroke.milliseconds for stroke in self.strokes)) / 1000

    def person_seconds(self, person: Person, goal: float) -> float:
        return self.clicks_counted(goal) * person.click + self.machine_seconds(goal)

    def brush_person_seconds(self, person: Person) -> float:
        """The machine's time for strokes lies within the hand's; for clicks it is waited for."""
        clicks = (
            self.clicks_before_brush * person.click + sum(self.click_ms[: self.clicks_before_brush]) / 1000
        )
        strokes = (
            person.stroke + stroke.changes * person.change + stroke.screen_travel / person.speed
            for stroke in self.strokes
        )
        return clicks + sum(strokes)


@dataclass(frozen=True)
class Record:
    """One object; area in image pixels."""

    dataset: str
    image: str
    number: int
    area: int
    work: Work

    def line(self, at: int, total: int) -> str:
        """Progress for the terminal."""
        work = self.work
        return (
            f"{at}/{total} {self.dataset} {self.image}: IoU {work.ious[0]:.2f} after one click, "
            f"{work.ious[-1]:.2f} after {len(work.ious)}; {len(work.strokes)} strokes from "
            f"{work.ious[work.clicks_before_brush - 1]:.2f} to {work.final:.2f}"
        )


@dataclass(frozen=True)
class Run:
    model_digest: str
    hand_over: int
    seed: int
    records: list[Record]


Figure = Callable[[Work], float]


def columns(person: Person) -> dict[str, Figure]:
    """What is averaged over the objects of a set."""
    found: dict[str, Figure] = {"IoU, 1 click": lambda work: work.ious[0]}
    for goal in GOALS:
        found |= _click_columns(person, goal)
    return found | {
        "clicks before brush": lambda work: work.clicks_before_brush,
        f"strokes to {BRUSH_GOAL:.2f}": lambda work: len(work.strokes),
        f"below {BRUSH_GOAL:.2f}": lambda work: work.final < BRUSH_GOAL,
        "px painted": lambda work: work.travel,
        f"machine s to {BRUSH_GOAL:.2f}": lambda work: work.brush_machine_seconds,
        f"person s to {BRUSH_GOAL:.2f}": lambda work: work.brush_person_seconds(person),
    }


def _click_columns(person: Person, goal: float) -> dict[str, Figure]:
    return {
        f"clicks to {goal:.2f}": lambda work: work.clicks_counted(goal),
        f"below {goal:.2f}": lambda work: work.clicks_to(goal) is None,
        f"machine s to {goal:.2f}": lambda work: work.machine_seconds(goal),
        f"person s to {goal:.2f}": lambda work: work.person_seconds(person, goal),
    }


def summarise(run: Run, person: Person) -> dict[str, dict[str, float]]:
    """Means by set, and the mean of sets."""
    sets: dict[str, list[Work]] = {}
    for record in run.records:
        sets.setdefault(record.dataset, []).append(record.work)
    summary: dict[str, dict[str, float]] = {}
    for name, works in sets.items():
        summary[name] = {"objects": len(works)}
        for column, value in columns(person).items():
            summary[name][column] = statistics.fmean(float(value(work)) for work in works)
    mean = {
        column: statistics.fmean(values[column] for values in summary.values()) for column in columns(person)
    }
    return summary | {"mean of sets": {"objects": len(run.records), **mean}}


def markdown(run: Run, person: Person) -> str:
    """One row per figure, one column per set: there are more figures than sets."""
    summary = summarise(run, person)
    how = (
        f"Model {run.model_digest[:12]}. At most {MOST_CLICKS} clicks; an object below the goal counts {MOST_CLICKS}. "
        f"The brush begins after the best of the first {run.hand_over} clicks. A person is modelled as "
        f"{person.click:g} s a click, {person.stroke:g} s a stroke, {person.change:g} s a change of tool or size, "
        f"{person.speed:g} CSS pixels a second; seed {run.seed}."
    )
    head = "| mean per object | " + " | ".join(summary) + " |"
    lines = [how, "", head, "|---|" + "---:|" * len(summary)]
    for column in ("objects", *columns(person)):
        cells = [_cell(column, values[column]) for values in summary.values()]
        lines.append(f"| {column} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(column: str, value: float) -> str:
    if column.startswith("below"):
        return f"{100 * value:.0f} %"
    if column in ("objects", "px painted"):
        return f"{value:.0f}"
    return f"{value:.2f}"


def json_report(run: Run, person: Person) -> dict[str, Any]:
    """Everything: how it was run, the figures of the table, and each object."""
    return {
        "model_digest": run.model_digest,
        "hand_over": run.hand_over,
        "seed": run.seed,
        "most_clicks": MOST_CLICKS,
        "person": asdict(person),
        "summary": summarise(run, person),
        "objects": [asdict(record) for record in run.records],
    }
