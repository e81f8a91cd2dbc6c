"""From the detector's boxes to masks: each box is a prompt, and what overlaps a better mask goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from annotator.masks import encode
from annotator.sam import mask_filters
from annotator.sam.predictor import SamPredictor
from annotator.training.detector import ObjectDetector

AT_ONCE = 8
STABILITY_OFFSET = 0.2
"""As in the presets of automatic masks, so that scores of both kinds of proposals compare."""
OVERLAP = 0.7
MOST = 100


@torch.no_grad()
def propose(
    predictor: SamPredictor, detector: ObjectDetector, *, least: float | None = None, most: int = MOST
) -> list[dict[str, Any]]:
    """Records as the automatic generator's for the image that is set, the surest box first; "boxes" [[x0, y0, x1, y1]]
    stand in place of points, and "score" is the detector's.

    Boxes score at least `least`, by default the detector's own threshold of confidence. Raises ValueError when the
    detector belongs to another model.
    """
    if detector.base_digest != predictor.model.digest:
        raise ValueError(f"the detector is of model {detector.base_digest}, not of {predictor.model.digest}")
    wanted = detector.confident if least is None else least
    found = detector.detect(predictor.get_image_embedding()[0].cpu(), most=most, least=wanted)
    height, width = predictor.original_size
    scale = np.array([width, height, width, height]) / np.tile(predictor.input_size[::-1], 2)
    original = np.clip(found.boxes.numpy() * scale, 0, [width, height, width, height])
    records: list[dict[str, Any]] = []
    for start in range(0, len(original), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        records += _records(predictor, found.boxes[part], original[part], found.scores[part].tolist())
    boxes = np.array([record["xyxy"] for record in records], dtype=np.int64).reshape(-1, 4)
    scores = np.array([record["score"] for record in records], dtype=np.float32)
    kept = mask_filters.suppress(boxes, scores, OVERLAP)
    return [{key: value for key, value in records[index].items() if key != "xyxy"} for index in kept]


def _records(
    predictor: SamPredictor, boxes: torch.Tensor, original: NDArray[np.float64], scores: list[float]
) -> list[dict[str, Any]]:
    low, iou = predictor.predict_low_res(None, None, boxes.to(predictor.device), None, False)
    model = predictor.model
    full = model.postprocess_masks(low, predictor.input_size, predictor.original_size)[:, 0]
    stability = mask_filters.stability_scores(full, model.mask_threshold, STABILITY_OFFSET)
    bitmaps = (full > model.mask_threshold).cpu().numpy()
    height, width = predictor.original_size
    records = []
    for index, bitmap in enumerate(bitmaps):
        mask = encode(bitmap)
        if not mask.area:
            continue
        x, y, box_width, box_height = mask.bbox
        records.append(
            {
                "segmentation": mask.to_coco(),
                "area": mask.area,
                "bbox": [x, y, box_width, box_height],
                "xyxy": [x, y, x + box_width - 1, y + box_height - 1],
                "predicted_iou": float(iou[index, 0]),
                "stability_score": float(torch.nan_to_num(stability[index])),
                "boxes": [[round(float(edge), 2) for edge in original[index]]],
                "point_coords": [],
                "crop_box": [0, 0, width, height],
                "score": scores[index],
            }
        )
    return records
