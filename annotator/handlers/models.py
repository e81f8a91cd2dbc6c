"""Installing released models."""

from __future__ import annotations

from typing import Any

from annotator.jobs import Report, Ticket
from annotator.lines import line


def install_model(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Download, check and register a released model. Payload: name."""
    from annotator.services.model_install import install_model as install

    def progress(done: int, total: int | None) -> None:
        share = done / total if total else 0.0
        sizes = {"done": f"{done / 2**20:.0f}", "total": f"{(total or 0) / 2**20:.0f}"}
        report(0.9 * share, line("Downloaded {done} of {total} MiB", **sizes))

    return {"digest": install(ticket.payload["name"], progress=progress)}
