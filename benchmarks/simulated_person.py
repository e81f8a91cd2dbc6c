"""A person in a script: knows the true masks, clicks until a mask is good, accepts or rejects proposals.

Everything is saved through the product's own services, so that what follows (training, statistics) sees what it would
see of people.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import annotator.services.annotations as saving
from annotator.database import db
from annotator.evaluation.clicks import Bitmap, Click, first_click, iou, next_click
from annotator.evaluation.model_segmenter import ModelSegmenter
from annotator.masks import decode, encode, parse_counts
from annotator.models import Annotation, Image
from annotator.services.annotation_input import AnnotationInput
from annotator.services.annotations import Expected

GOOD = 0.85
"""IoU with the truth at which the person is content, with a proposal as with a mask of their own."""

MOST_CLICKS = 6
"""After so many clicks the person takes the brush, which gives the truth."""

SAME = 0.5
"""A proposal with this IoU is taken for the object that it overlaps, and is replaced when it is not good."""


@dataclass
class Work:
    """What one round took. `clicks` per mask made or mended by hand."""

    clicks: list[int] = field(default_factory=list)
    brushed: int = 0
    accepted_proposals: int = 0
    rejected_proposals: int = 0

    @property
    def masks(self) -> int:
        return len(self.clicks) + self.accepted_proposals

    @property
    def clicks_per_mask(self) -> float:
        """Over all masks; an accepted proposal takes none."""
        return sum(self.clicks) / max(self.masks, 1)


class Person:
    """Labels images with a model at hand."""

    def __init__(self, segmenter: ModelSegmenter, digest: str, category_id: int) -> None:
        self.segmenter, self.digest, self.category_id = segmenter, digest, category_id

    def label(self, image_id: int, pixels: NDArray[np.uint8], truths: Sequence[Bitmap], work: Work) -> None:
        """Goes through the proposals on an image, then makes what is missing."""
        left = self._review(image_id, truths, work)
        for wanted in left:
            mask, clicks, given = self._click(pixels, wanted)
            work.clicks.append(len(clicks))
            work.brushed += not given
            self._save(image_id, mask, clicks)

    def label_perfectly(self, image_id: int, truths: Sequence[Bitmap]) -> None:
        """Stores the truth, as for images to judge by."""
        for wanted in truths:
            self._save(image_id, wanted, (first_click(wanted),))

    def _review(self, image_id: int, truths: Sequence[Bitmap], work: Work) -> list[Bitmap]:
        """Accepts good proposals, the best for each object, rejects the others; returns the objects without a mask."""
        rows = list(
            db.session.query(Annotation).filter_by(image_id=image_id, state="proposal", deleted_at=None)
        )
        found = [
            decode(parse_counts(row.rle, height=row.height, width=row.width)).astype(bool) for row in rows
        ]
        taken: set[int] = set()
        left = []
        for wanted in truths:
            scores = [0.0 if at in taken else iou(mask, wanted) for at, mask in enumerate(found)]
            best = int(np.argmax(scores)) if scores else -1
            if best >= 0 and scores[best] >= GOOD:
                taken.add(best)
                self._decide(rows[best], "accepted")
                work.accepted_proposals += 1
            else:
                left.append(wanted)
        for at, row in enumerate(rows):
            if at not in taken:
                self._decide(row, "rejected")
                work.rejected_proposals += 1
        return left

    def _click(self, pixels: NDArray[np.uint8], wanted: Bitmap) -> tuple[Bitmap, tuple[Click, ...], bool]:
        """The mask, the clicks, and whether the model gave it; otherwise the brush did."""
        opened = self.segmenter.open(pixels)
        clicks: tuple[Click, ...] = (first_click(wanted),)
        while True:
            shown = opened.answer(clicks, None).shown
            if iou(shown, wanted) >= GOOD:
                return shown, clicks, True
            click = next_click(shown, wanted)
            if click is None or len(clicks) == MOST_CLICKS:
                return wanted, clicks, False
            clicks = (*clicks, click)

    def _save(self, image_id: int, mask: Bitmap, clicks: tuple[Click, ...]) -> None:
        body = {
            "image_id": image_id,
            "category_id": self.category_id,
            "segmentation": encode(mask).to_coco(),
            "source": "assisted",
            "prompts": {
                "points": [[float(c.x), float(c.y)] for c in clicks],
                "labels": [int(c.inside) for c in clicks],
            },
            "model_digest": self.digest,
        }
        self._put(str(uuid.uuid4()), body, Expected(absent=True))

    def _decide(self, row: Annotation, state: str) -> None:
        stored = saving.to_json(row)
        kept = ("image_id", "source", "prompts", "candidate", "predicted_iou", "stability_score")
        body: dict[str, Any] = {name: stored[name] for name in kept}
        body |= {"segmentation": stored["segmentation"], "category_id": self.category_id, "state": state}
        body["model_digest"] = stored["model_digest"]
        self._put(row.id, body, Expected(revision=row.revision))

    def _put(self, annotation_id: str, body: dict[str, Any], expected: Expected) -> None:
        saving.save(annotation_id, AnnotationInput.model_validate(body), author_id=None, expected=expected)


def mark_done(image_id: int) -> None:
    """The person is finished with the image."""
    from annotator.services.images import update_image

    update_image(db.session.get_one(Image, image_id).id, {"status": "done"})
