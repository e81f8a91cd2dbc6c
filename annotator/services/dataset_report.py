"""What the accepted masks of a project look like together: the paper's dataset report (§5, figures 5 and 6)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from annotator.database import db
from annotator.models import Image, MaskFact, Project
from annotator.services import mask_facts
from annotator.services.report_cache import cached, version_of

BINS = 20
CELLS = 32
MASKS_PER_IMAGE = (0, 1, 6, 11, 21, 51, 101, 201)
"""Fewest masks of an image in each bin; the last one is open."""


def dataset_report(project: Project, *, seconds: float | None = None) -> dict[str, Any]:
    """Histograms of size, concavity and masks per image, and a heat map of centres; kept until something changes.

    `complete` and `seconds` as in `statistics.statistics`.
    """
    complete = mask_facts.fill_missing(project.id, seconds=float("inf") if seconds is None else seconds)
    version = (version_of(project.id), complete)
    return cached(
        ("dataset report", project.id), version, lambda: _compute(project.id) | {"complete": complete}
    )


def _compute(project_id: int) -> dict[str, Any]:
    where = and_(MaskFact.project_id == project_id, MaskFact.state == "accepted")
    per_image = _masks_per_image(project_id)
    return {
        "project_id": project_id,
        "masks": sum(masks * images for masks, images in per_image.items()),
        "images": sum(per_image.values()),
        # √(mask area / image area), and 1 − mask area / area of its convex hull
        "relative_size": _histogram(where, MaskFact.relative_size),
        "concavity": _histogram(where, MaskFact.concavity),
        "centers": _heat_map(where),
        "masks_per_image": _binned(per_image),
    }


def _histogram(where: Any, column: InstrumentedAttribute[int]) -> dict[str, Any]:
    """Counts of a column of thousandths in BINS equal bins of 0 to 1."""
    place = (column // (1000 // BINS)).label("place")
    counts = [0] * BINS
    for found, number in db.session.execute(select(place, func.count()).where(where).group_by("place")):
        counts[min(found, BINS - 1)] += number
    return {"edges": [round(edge / BINS, 2) for edge in range(BINS + 1)], "counts": counts}


def _heat_map(where: Any) -> list[list[int]]:
    """Masks by their centre of mass: CELLS rows from the top of the image, of CELLS columns from its left."""
    size = mask_facts.CENTRE_STEPS // CELLS
    across, down = (MaskFact.center_x // size).label("across"), (MaskFact.center_y // size).label("down")
    cells = [[0] * CELLS for _ in range(CELLS)]
    for x, y, number in db.session.execute(
        select(across, down, func.count()).where(where).group_by("across", "down")
    ):
        cells[min(y, CELLS - 1)][min(x, CELLS - 1)] += number
    return cells


def _masks_per_image(project_id: int) -> dict[int, int]:
    """Number of accepted masks → number of images, over images that are done or have a mask."""
    looked_at = or_(Image.status == "done", Image.accepted_count > 0)
    rows = db.session.execute(
        select(Image.accepted_count, func.count())
        .where(Image.project_id == project_id, looked_at)
        .group_by(Image.accepted_count)
    )
    return {row[0]: row[1] for row in rows}


def _binned(per_image: dict[int, int]) -> dict[str, Any]:
    counts = [0] * len(MASKS_PER_IMAGE)
    for masks, images in per_image.items():
        counts[sum(masks >= least for least in MASKS_PER_IMAGE) - 1] += images
    return {"least": list(MASKS_PER_IMAGE), "counts": counts}
