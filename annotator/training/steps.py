"""One optimisation step: encode once, prompt several objects several times, propagate back (SAM.md section 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from annotator.sam.matching import PromptMatching
from annotator.sam.model import Sam
from annotator.training.auxiliary import affinity_loss
from annotator.training.datasets import CANDIDATES, MASK_STRIDE, Batch
from annotator.training.losses import IOU_WEIGHT, PairLosses, best_of_candidates, iou_loss, pair_losses
from annotator.training.presets import Recipe
from annotator.training.prompts import PromptSet, first_prompts, next_points

Figures = dict[str, float]
Decode = Callable[[Tensor, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Parts:
    """What a step runs: `encode` and `decode` may be compiled forms of the model's own; `matching` may be too."""

    sam: Sam
    matching: PromptMatching
    encode: Callable[[Tensor], Tensor]
    decode: Decode


def make_decode(sam: Sam) -> Decode:
    """Embeddings (B, C, h, w), coords (N, T, 2), labels (N, T), previous logits (N, 1, 4h, 4w) or None to the logits
    (N, 4, 4h, 4w) and predicted IoU (N, 4) of all masks."""

    def decode(
        embeddings: Tensor, coords: Tensor, labels: Tensor, previous: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        sparse = sam.prompt_encoder.embed_tokens(coords, labels)
        # In the embedding's own precision, or sums with these would widen everything that follows.
        features = sam.prompt_encoder.match_features(embeddings)
        dense = sam.prompt_encoder.embed_dense(coords, labels, previous, features).to(embeddings.dtype)
        position = sam.prompt_encoder.get_dense_pe().to(embeddings.dtype)
        return sam.mask_decoder.predict_masks(embeddings, position, sparse, dense)

    return decode


def set_input_size(sam: Sam, size: int) -> None:
    """Run the same weights at another input size: prompts are scaled to it, positions are interpolated."""
    grid = size // sam.config.image_encoder.patch_size
    sam.prompt_encoder.input_image_size = (size, size)
    sam.prompt_encoder.image_embedding_size = (grid, grid)
    sam.prompt_encoder.mask_input_size = (4 * grid, 4 * grid)


def accumulate_gradients(
    parts: Parts, batch: Batch, recipe: Recipe, iterations: int, generator: torch.Generator
) -> Figures:
    """Adds the gradients of one batch to the parameters; returns losses and IoUs for the log.

    Every iteration is propagated back to the embedding at once, so only one decoder graph is alive at a
    time; the encoder follows once at the end.
    """
    device = batch.images.device.type
    size = batch.images.shape[-1]
    with torch.autocast(device, torch.bfloat16):
        images = (batch.images.float() - parts.sam.pixel_mean) / parts.sam.pixel_std
        embedding = parts.encode(images.contiguous(memory_format=torch.channels_last))
    held = embedding.detach().requires_grad_()
    figures: Figures = {}
    affinity = affinity_loss(parts.matching, held.float(), batch.wholes, batch.leaves, generator)
    (recipe.affinity_weight * affinity).backward()
    figures["affinity"] = affinity.item()

    targets = batch.targets.float() / 255
    wanted = targets[:, 0] > 0.5
    prompts = first_prompts(batch.points, batch.boxes, size, generator)
    previous: Tensor | None = None
    for index in range(iterations):
        with torch.autocast(device, torch.bfloat16):
            logits, predicted = parts.decode(held, prompts.coords, prompts.labels, previous)
        logits = logits.float()
        loss, pairs = _losses(logits, predicted, targets, batch.valid, prompts, recipe)
        (loss / iterations).backward()
        chosen = shown_mask(parts.sam, predicted, logits, prompts)
        _note(figures, index, loss, pairs, predicted, chosen, prompts.ambiguous)
        if index == iterations - 1:
            break
        previous = logits.detach()[torch.arange(len(logits)), chosen][:, None]
        coords, labels = next_points(previous[:, 0] > 0, wanted, MASK_STRIDE, generator)
        prompts = prompts.with_points(coords, labels)
    assert held.grad is not None
    embedding.backward(held.grad)
    return figures


def _losses(
    logits: Tensor, predicted: Tensor, targets: Tensor, valid: Tensor, prompts: PromptSet, recipe: Recipe
) -> tuple[Tensor, PairLosses]:
    """Mask 0 always learns the wanted mask; masks 1 to 3 learn every answer to a single click, else the wanted one."""
    pairs = pair_losses(logits.flatten(2), targets.flatten(2))
    ambiguous = prompts.ambiguous
    answers = valid & (ambiguous[:, None] | (torch.arange(CANDIDATES, device=valid.device) == 0))
    weight = torch.where(ambiguous, 1.0, recipe.later_candidates_weight)
    candidates = best_of_candidates(pairs.mask[:, 1:], answers) * weight
    loss = (pairs.mask[:, 0, 0] + candidates).mean()
    return loss + IOU_WEIGHT * iou_loss(predicted, pairs.iou[..., 0]), pairs


def shown_mask(sam: Sam, predicted: Tensor, logits: Tensor, prompts: PromptSet) -> Tensor:
    """The mask a person would see, (N,): the first one offered after a single click, else mask 0."""
    return torch.where(prompts.ambiguous, sam.mask_decoder.offered(predicted, logits)[:, 0], 0)


def _note(
    figures: Figures,
    index: int,
    loss: Tensor,
    pairs: PairLosses,
    predicted: Tensor,
    chosen: Tensor,
    point: Tensor,
) -> None:
    """Figures of an iteration; the first is told apart by kind of prompt, `point` (N,) bool or a box."""
    iou, rows = pairs.iou[..., 0], torch.arange(len(predicted))
    shown = iou[rows, chosen]
    figures[f"loss{index}"] = loss.item()
    figures["iou_error"] = (predicted.float() - iou).abs().mean().item()
    if index:
        figures[f"iou{index}"] = shown.mean().item()
        return
    for name, value, kind in (
        ("iou_point", shown, point),
        ("iou_point_mask0", iou[:, 0], point),
        ("iou_point_oracle", iou[:, 1:].amax(1), point),
        ("iou_box", shown, ~point),
    ):
        if kind.any():
            figures[name] = value[kind].mean().item()
