"""Segment Anything: the model, its checkpoints, and the released package's Python interface.

Names load on first use, so that reading an embedding file does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotator.sam.automatic import SamAutomaticMaskGenerator
    from annotator.sam.checkpoints import CheckpointError, load_model, sam_model_registry
    from annotator.sam.model import Sam
    from annotator.sam.predictor import SamPredictor

__all__ = [
    "CheckpointError",
    "Sam",
    "SamAutomaticMaskGenerator",
    "SamPredictor",
    "load_model",
    "sam_model_registry",
]

_HOMES = {
    "CheckpointError": "checkpoints",
    "Sam": "model",
    "SamAutomaticMaskGenerator": "automatic",
    "SamPredictor": "predictor",
    "load_model": "checkpoints",
    "sam_model_registry": "checkpoints",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
