"""Proposals from a project's detector: its boxes as prompts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from annotator.handlers.embedded_images import set_image
from annotator.handlers.loaded_model import model_for
from annotator.models import Image
from annotator.services import detectors


def detected(image: Image, run_id: int, model_digest: str) -> list[dict[str, Any]]:
    """What the detector of a training run finds on an image with confidence, masks as COCO RLE."""
    from annotator.sam.predictor import SamPredictor
    from annotator.training.box_proposals import propose

    predictor = SamPredictor(model_for(model_digest))
    if not set_image(predictor, image.sha256):
        return []
    return propose(predictor, _loaded(detectors.local_file(run_id)))


@lru_cache(maxsize=1)
def _loaded(path: Path) -> Any:
    from annotator.training.detector import load_detector

    return load_detector(path)
