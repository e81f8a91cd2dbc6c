"""Parameters of automatic masks: the released generator's names and limits, and presets for common purposes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from annotator.errors import InvalidInput
from annotator.services.annotation_input import Input

Share = Annotated[float, Field(ge=0, le=1)]
MAX_GRID_POINTS = 128**2
"""Most points prompted on one image, all crops together."""


class GivenParameters(Input):
    """What a person sets; anything left out comes from the preset. Names, units and meaning as in the released
    `SamAutomaticMaskGenerator`; areas in pixels."""

    points_per_side: Annotated[int, Field(ge=1, le=128)] | None = None
    points_per_batch: Annotated[int, Field(ge=1, le=1024)] | None = None
    pred_iou_thresh: Share | None = None
    stability_score_thresh: Share | None = None
    stability_score_offset: Annotated[float, Field(ge=0, le=20)] | None = None
    box_nms_thresh: Share | None = None
    crop_n_layers: Annotated[int, Field(ge=0, le=3)] | None = None
    crop_nms_thresh: Share | None = None
    crop_overlap_ratio: Annotated[float, Field(ge=0, lt=1)] | None = None
    crop_n_points_downscale_factor: Annotated[int, Field(ge=1, le=16)] | None = None
    min_mask_region_area: Annotated[int, Field(ge=0, le=10**9)] | None = None


@dataclass(frozen=True)
class Parameters:
    """A complete set; the defaults are the released generator's."""

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0


@dataclass(frozen=True)
class Preset:
    """Parameters under a name. `title` is for people."""

    name: str
    title: str
    parameters: Parameters


# The offset of .2 and the low thresholds suit the bundled model, whose logits are flatter than those of the released
# ones: at an offset of 1 none of its masks is stable.
PRESETS = (
    Preset(
        "things",
        "People and things",
        Parameters(
            points_per_side=16,
            pred_iou_thresh=0.5,
            stability_score_thresh=0.85,
            stability_score_offset=0.2,
            box_nms_thresh=0.5,
            min_mask_region_area=100,
        ),
    ),
    Preset(
        "cells",
        "Cells",
        Parameters(
            points_per_side=32,
            pred_iou_thresh=0.4,
            stability_score_thresh=0.7,
            stability_score_offset=0.2,
            box_nms_thresh=0.5,
            min_mask_region_area=20,
        ),
    ),
    Preset(
        "everything",
        "Everything",
        Parameters(
            points_per_side=32,
            pred_iou_thresh=0.4,
            stability_score_thresh=0.7,
            stability_score_offset=0.2,
            crop_n_layers=1,
            crop_n_points_downscale_factor=2,
            min_mask_region_area=50,
        ),
    ),
)


def complete(preset: str | None, given: GivenParameters | None) -> dict[str, Any]:
    """The parameters of a run: the preset's (the first one's by default) under what is given.

    Raises InvalidInput for an unknown preset and for grids without points or with too many.
    """
    chosen = asdict(_find(preset).parameters)
    if given is not None:
        chosen |= {name: value for name, value in given.model_dump().items() if value is not None}
    _check_grids(Parameters(**chosen))
    return chosen


def _find(name: str | None) -> Preset:
    for preset in PRESETS:
        if name in (None, preset.name):
            return preset
    known = ", ".join(preset.name for preset in PRESETS)
    raise InvalidInput(
        f"There is no preset {name!r}; choose one of {known}.", code="unknown_preset", field="preset"
    )


def _check_grids(parameters: Parameters) -> None:
    layers, scale = parameters.crop_n_layers, parameters.crop_n_points_downscale_factor
    sides = [int(parameters.points_per_side / scale**layer) for layer in range(layers + 1)]
    if sides[-1] < 1:
        raise InvalidInput(
            f"points_per_side {parameters.points_per_side} divided by crop_n_points_downscale_factor {scale} for each "
            f"of {layers} crop layers leaves no points. Raise the first or lower one of the others.",
            code="no_grid_points",
            field="points_per_side",
        )
    points = sum(4**layer * side**2 for layer, side in enumerate(sides))
    if points > MAX_GRID_POINTS:
        raise InvalidInput(
            f"These grids prompt {points} points on an image; the most is {MAX_GRID_POINTS}. Lower points_per_side or "
            "crop_n_layers, or raise crop_n_points_downscale_factor.",
            code="too_many_grid_points",
            field="points_per_side",
        )
