"""The columns that an annotation's content fills, from what comes in and from what was kept."""

from __future__ import annotations

from typing import Any

from annotator.database import db
from annotator.errors import InvalidInput
from annotator.masks import MaskError, Rle
from annotator.models import Image
from annotator.services.annotation_input import AnnotationInput, Segmentation


def from_input(data: AnnotationInput) -> dict[str, Any]:
    """Column values of the input. Masks are parsed here, before the transaction begins."""
    image = db.session.get(Image, data.image_id)
    if image is None:
        raise InvalidInput(f"There is no image {data.image_id}.", code="image_not_found", field="image_id")
    mask = _mask(data.segmentation, image, "segmentation")
    if mask.area == 0:
        raise InvalidInput(
            "The mask has no pixels. Draw something, or delete the object instead of saving it empty.",
            code="empty_mask",
            field="segmentation",
        )
    model_mask = data.model_segmentation and _mask(data.model_segmentation, image, "model_segmentation")
    x, y, width, height = mask.bbox
    return {
        **data.model_dump(exclude={"image_id", "segmentation", "model_segmentation"}),
        "rle": mask.counts,
        "height": mask.height,
        "width": mask.width,
        "area": mask.area,
        "bbox_x": x,
        "bbox_y": y,
        "bbox_w": width,
        "bbox_h": height,
        "model_rle": model_mask.counts if model_mask else None,
    }


def _mask(segmentation: Segmentation, image: Image, field: str) -> Rle:
    if segmentation.size != [image.height, image.width]:
        raise InvalidInput(
            f"The mask is {segmentation.size[0]} × {segmentation.size[1]} (height × width), the image "
            f"{image.height} × {image.width}. Reload the page: the image may have been replaced.",
            code="wrong_size",
            field=f"{field}.size",
        )
    try:
        return segmentation.mask()
    except MaskError as error:
        name = field if error.field == "segmentation" else f"{field}.{error.field}"
        raise InvalidInput(f"The mask cannot be used: {error}", code="invalid_mask", field=name) from None


def from_snapshot(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Content columns of a snapshot; the inverse of `to_json` without identity, authors and times."""
    same = (
        "category_id",
        "state",
        "area",
        "source",
        "prompts",
        "candidate",
        "predicted_iou",
        "stability_score",
        "model_digest",
        "active_ms",
        "z",
        "note",
        "attributes",
    )
    model = snapshot["model_segmentation"]
    crop_box = {"crop_box": snapshot["crop_box"]} if "crop_box" in snapshot else {}
    height, width = snapshot["segmentation"]["size"]
    return {
        **{name: snapshot[name] for name in same},
        **crop_box,
        **dict(zip(("bbox_x", "bbox_y", "bbox_w", "bbox_h"), snapshot["bbox"], strict=True)),
        "rle": snapshot["segmentation"]["counts"],
        "height": height,
        "width": width,
        "model_rle": None if model is None else model["counts"],
    }
