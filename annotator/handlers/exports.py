"""Export files."""

from __future__ import annotations

from typing import Any

from annotator.jobs import Report, Ticket


def export(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Write an export file. Payload: see services/exports.py."""
    from annotator.services.exports import run_export

    return run_export(ticket, report)
