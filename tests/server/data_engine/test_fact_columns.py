"""Numbers from columns of facts, against the same numbers worked out fact by fact."""

from __future__ import annotations

import random
import statistics as plain
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import insert

from annotator.database import db, writing
from annotator.models import STAGES, Annotation, Category, Image, MaskFact, Project, User
from annotator.services import fact_columns
from annotator.services.mask_facts import DELETED
from annotator.services.statistics import Period, statistics

pytestmark = pytest.mark.databases

FACTS, IMAGES = 400, 40
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
Fact = dict[str, Any]


@pytest.fixture
def facts(app: APIFlask) -> list[Fact]:
    """A project of random facts, every kind of them; its id is 1."""
    rng = random.Random(1)
    made = [a_fact(rng, number) for number in range(FACTS)]
    annotation = {"project_id": 1, "rle": "x", "height": 9, "width": 9, "area": 1, "revision": 1}
    annotation |= dict.fromkeys(("bbox_x", "bbox_y", "bbox_w", "bbox_h"), 1)
    with app.app_context(), writing() as session:
        session.add(Project(id=1, name="p"))
        session.add_all(User(id=number, name=f"person {number}") for number in (1, 2, 3))
        session.flush()
        session.add_all(Category(id=n, project_id=1, name=f"c{n}", color="#000000") for n in (1, 2))
        session.add_all(an_image(number) for number in range(1, IMAGES + 1))
        session.flush()
        session.execute(
            insert(Annotation),
            [
                annotation
                | {
                    "id": f["annotation_id"],
                    "image_id": f["image_id"],
                    "source": f["source"],
                    "state": "accepted",
                }
                for f in made
            ],
        )
        session.execute(insert(MaskFact), made)
    return made


def an_image(number: int) -> Image:
    return Image(
        id=number,
        project_id=1,
        name=str(number),
        sha256=f"{number:064}",
        source_sha256=f"{number:064}",
        width=9,
        height=9,
        mime="image/png",
        bytes=1,
        status="done" if number % 3 else "new",
        done_at=BEGIN if number % 3 else None,
        position=number,
    )


def a_fact(rng: random.Random, number: int) -> Fact:
    decided = BEGIN + timedelta(hours=3 * number)
    source = rng.choice(["manual", "assisted", "proposal", "imported"])
    return {
        "annotation_id": f"{number:036}",
        "project_id": 1,
        "image_id": rng.randint(1, IMAGES),
        "category_id": rng.choice([1, 2, None]),
        "annotator_id": rng.choice([1, 2, 3, None]),
        "state": rng.choice(["accepted", "accepted", "rejected", DELETED]),
        "source": source,
        "proposed_by": rng.choice(["automask", "detector", "missed"]) if source == "proposal" else None,
        "stage": rng.choice([*STAGES, None]),
        "decided_at": decided,
        "week": decided.strftime("%G-W%V"),
        "active_ms": rng.choice([0, rng.randint(1, 90_000)]),
        "clicks": rng.choice([0, 1, 2, 7000]),
        "corrected": rng.random() < 0.3,
        "agreement": rng.choice([None, 0, 749, 750, 899, 900, 1000]),
        "relative_size": 1,
        "concavity": 1,
        "center_x": 1,
        "center_y": 1,
    }


def by_hand(facts: list[Fact]) -> dict[str, Any]:
    """The numbers of a group, one fact after another."""
    accepted = [f for f in facts if f["state"] == "accepted"]
    proposed = [f for f in facts if f["proposed_by"] in ("automask", "detector")]
    own = [f for f in accepted if f["source"] != "imported"]
    models = [f for f in accepted if f["source"] in ("assisted", "proposal")]
    agreements = [f["agreement"] for f in accepted if f["agreement"] is not None]
    times = [f["active_ms"] for f in accepted if f["active_ms"]]
    images = {f["image_id"] for f in accepted}
    taken = sum(f["state"] == "accepted" for f in proposed)

    def share(part: int, whole: int) -> float | None:
        return round(part / whole, 4) if whole else None

    return {
        "masks": len(accepted),
        "images": len(images),
        "images_done": sum(bool(image % 3) for image in images),
        "masks_per_image": share(len(accepted), len(images)),
        "median_seconds": round(plain.median(times) / 1000, 2) if times else None,
        "clicks_per_mask": share(sum(f["clicks"] for f in own), len(own)),
        "corrected_share": share(sum(f["corrected"] for f in models), len(models)),
        "proposals_accepted": taken,
        "proposals_rejected": len(proposed) - taken,
        "acceptance_rate": share(taken, len(proposed)),
        "agreement_good": share(sum(a >= 900 for a in agreements), len(agreements)),
        "agreement_fair": share(sum(a >= 750 for a in agreements), len(agreements)),
    }


def counts(fact: Fact) -> bool:
    return fact["state"] == "accepted" or fact["proposed_by"] in ("automask", "detector")


@pytest.mark.parametrize("name", fact_columns.GROUPINGS)
def test_every_group_has_the_numbers_of_its_facts(
    app: APIFlask, facts: list[Fact], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_columns, "AT_ONCE", 150)
    with app.app_context():
        read = fact_columns.read(MaskFact.project_id == 1)
        found = fact_columns.by_group(read, read.groupings[name], fact_columns.done_images(1))
    groups = {fact[name] for fact in facts if counts(fact)}
    assert len(groups) > 2
    assert found == {key: by_hand([fact for fact in facts if fact[name] == key]) for key in groups}


def test_all_of_a_period(app: APIFlask, facts: list[Fact]) -> None:
    first, last = BEGIN.date() + timedelta(days=5), BEGIN.date() + timedelta(days=20)
    with app.app_context():
        found = statistics(db.session.get_one(Project, 1), Period(first, last))
        whole = statistics(db.session.get_one(Project, 1), Period())
    within = [fact for fact in facts if first <= fact["decided_at"].date() <= last]
    assert found["total"] == by_hand(within) | {"images_done": 0}, "they were finished earlier"
    assert whole["total"] == by_hand(facts) | {"images_done": IMAGES - IMAGES // 3}
    agreements = [f["agreement"] for f in facts if f["state"] == "accepted" and f["agreement"] is not None]
    expected = [sum(min(a // 50, 19) == place for a in agreements) for place in range(20)]
    assert whole["agreement"]["counts"] == expected


def test_nothing_is_nothing(app: APIFlask) -> None:
    with app.app_context():
        read = fact_columns.read(MaskFact.project_id == 7)
        [none] = fact_columns.by_group(read, read.everything, fact_columns.done_images(7)).values()
    assert none == by_hand([])
