"""Display tiles of very large images."""

from __future__ import annotations

from typing import Any

from annotator.handlers.stored_images import find_image
from annotator.jobs import Report, Ticket
from annotator.lines import line


def tiles(ticket: Ticket, report: Report) -> dict[str, Any] | None:
    """Cut a very large image into display tiles. Payload: image_sha256."""
    from annotator.services import tiles as service
    from annotator.services.ingest import image_key

    image = find_image(ticket.payload["image_sha256"])
    if image is None:
        return {"tiles": "the image was deleted"}
    if service.are_ready(image):
        return {"tiles": "were there already"}

    def progress(done: int, total: int) -> None:
        report(done / total, line("Cutting display tiles"))

    return {"tiles": service.make(image, image_key(image), progress)}
