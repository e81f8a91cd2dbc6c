"""How good a model is on images that it never trains on, quickly enough to ask ten times a run.

Batches are the product's own view of the images, with the same objects and clicks every time, so that only the weights
move the figures. The careful comparison of two finished models is annotator/evaluation/comparison.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from annotator.sam.model import Sam
from annotator.sam.prompt_encoder import LABEL_BOX_BOTTOM_RIGHT, LABEL_BOX_TOP_LEFT, LABEL_PADDING
from annotator.training.datasets import MASK_STRIDE, Batch, choose_objects, stack
from annotator.training.losses import pair_losses
from annotator.training.photographs import read_sources
from annotator.training.prompts import PromptSet, next_points
from annotator.training.steps import Decode, Figures, make_decode, shown_mask
from annotator.training.views import fitted_view

IMAGES = 16
OBJECTS = 4
CLICKS = 3
SEED = 7


def held_batches(folder: Path, size: int) -> list[Batch]:
    """One batch for each of up to IMAGES labelled images below `folder`; images without a usable object are left out.

    Raises FileNotFoundError when there are none.
    """
    photographs = [photo for photos in read_sources(folder).values() for photo in photos]
    chosen = np.random.default_rng(SEED).permutation(len(photographs))[:IMAGES]
    batches = []
    for index in sorted(chosen):
        view = fitted_view(photographs[index].load(), size)
        prompts = choose_objects(view, OBJECTS, np.random.default_rng([SEED, int(index)]))
        if prompts:
            batches.append(stack([(view, prompts)]))
    return batches


@torch.no_grad()
def validate(sam: Sam, batches: list[Batch]) -> Figures:
    """Mean IoU of the shown masks: `val_iou_point` after one click, `val_iou_3` after CLICKS, `val_iou_box`."""
    decode = make_decode(sam)
    sums: dict[str, list[float]] = {"val_iou_point": [], "val_iou_3": [], "val_iou_box": []}
    for batch in batches:
        moved = batch.to(sam.device)
        images = (moved.images.float() - sam.pixel_mean) / sam.pixel_std
        with torch.autocast(sam.device.type, torch.bfloat16):
            embedding = sam.image_encoder(images)
        for kind, boxed in (("point", False), ("box", True)):
            values = _ious(sam, decode, embedding, moved, boxed=boxed)
            sums[f"val_iou_{kind}"] += values[0].tolist()
            if not boxed:
                sums["val_iou_3"] += values[-1].tolist()
    return {name: round(float(np.mean(values)), 5) for name, values in sums.items() if values}


def _ious(
    sam: Sam, decode: Decode, embedding: torch.Tensor, batch: Batch, *, boxed: bool
) -> list[torch.Tensor]:
    """IoU (N,) of the shown mask after a box, or after each of CLICKS clicks."""
    generator = torch.Generator(embedding.device).manual_seed(SEED)
    wanted = batch.targets[:, :1].float() / 255
    prompts = _only(batch, boxed)
    previous, found = None, []
    for index in range(1 if boxed else CLICKS):
        with torch.autocast(embedding.device.type, torch.bfloat16):
            logits, predicted = decode(embedding, prompts.coords, prompts.labels, previous)
        rows = torch.arange(len(logits), device=logits.device)
        chosen = shown_mask(sam, predicted, logits, prompts)
        previous = logits.float()[rows, chosen][:, None]
        found.append(pair_losses(previous.flatten(2), wanted.flatten(2)).iou[:, 0, 0].cpu())
        if index + 1 < CLICKS:
            points, labels = next_points(
                previous[:, 0] > 0, wanted[:, 0] > 0.5, MASK_STRIDE, generator, central_share=1.0
            )
            prompts = prompts.with_points(points, labels)
    return found


def _only(batch: Batch, boxed: bool) -> PromptSet:
    """Every object's exact box, or every object's click."""
    if boxed:
        corners = batch.boxes.reshape(-1, 2, 2)
        labels = corners.new_tensor([LABEL_BOX_TOP_LEFT, LABEL_BOX_BOTTOM_RIGHT]).expand(len(corners), 2)
        return PromptSet(corners, labels, torch.zeros(len(corners), dtype=torch.bool, device=corners.device))
    coords = torch.stack([batch.points, torch.zeros_like(batch.points)], 1)
    labels = coords.new_tensor([1, LABEL_PADDING]).expand(len(coords), 2)
    return PromptSet(coords, labels, torch.ones(len(coords), dtype=torch.bool, device=coords.device))
