"""Placeholder."""

from typing import Any

from annotator.jobs import Report


def perform(run_id: int, report: Report) -> dict[str, Any]:
    raise NotImplementedError
