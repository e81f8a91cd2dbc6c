"""Reports that take a moment to compute, kept while what they are about has not changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from annotator.database import db, now
from annotator.models import Image, MaskFact

KEPT = 64
_lock = threading.Lock()


def cached(
    key: tuple[Hashable, ...], version: Hashable, compute: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The report under `key` if it was computed at this `version` of the data; else it is computed and kept."""
    kept: OrderedDict[Any, tuple[Hashable, dict[str, Any]]]
    kept = current_app.extensions.setdefault("annotator_reports", OrderedDict())
    with _lock:
        found = kept.get(key)
    if found is not None and found[0] == version:
        return found[1]
    report = compute()
    with _lock:
        kept[key] = (version, report)
        kept.move_to_end(key)
        while len(kept) > KEPT:
            kept.popitem(last=False)
    return report


def version_of(project_id: int) -> Hashable:
    """Another value whenever masks or images of the project have changed, and every day."""
    mine = MaskFact.project_id == project_id
    # Apart, each is read from an index alone.
    facts = (
        db.session.scalar(select(func.count()).where(mine)),
        db.session.scalar(select(func.max(MaskFact.updated_at)).where(mine)),
    )
    images = db.session.execute(
        select(Image.status, func.count(), func.max(Image.updated_at))
        .where(Image.project_id == project_id)
        .group_by(Image.status)
        .order_by(Image.status)
    ).all()
    return now().date(), facts, tuple(tuple(row) for row in images)
