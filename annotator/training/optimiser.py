"""AdamW with layer-wise decay, and how its learning rate moves through a run (SAM.md section 2)."""

from __future__ import annotations

import math
import re
from collections import defaultdict

import torch
from torch import nn

from annotator.sam.matching import PromptMatching
from annotator.sam.model import Sam
from annotator.training.presets import Recipe

DROPS = (60_000 / 90_000, 86_666 / 90_000)
"""Shares of a run after which the stepped schedule divides the rate by ten."""

BLOCK = re.compile(r"image_encoder\.blocks\.(\d+)\.")
BELOW_BLOCKS = ("image_encoder.patch_embed.", "image_encoder.pos_embed")


def make_optimiser(sam: Sam, matching: PromptMatching, recipe: Recipe) -> torch.optim.AdamW:
    """Groups by weight decay (matrices only: not biases, norms, embeddings or positions) and by depth in the encoder.

    A group's `scale` multiplies the learning rate of the step.
    """
    depth = len(sam.image_encoder.blocks)
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    unique = {id(p): (name, p) for module in (matching, sam) for name, p in module.named_parameters()}
    for name, parameter in unique.values():
        embedding = "embed" in name or "token" in name or name.endswith(("scale", "offset"))
        decay = 0.0 if parameter.ndim < 2 or embedding else recipe.weight_decay
        groups[layer_scale(name, depth, recipe.layer_decay), decay].append(parameter)
    ordered = sorted(groups.items(), reverse=True)
    return torch.optim.AdamW(
        [
            {"params": parameters, "weight_decay": decay, "scale": scale}
            for (scale, decay), parameters in ordered
        ],
        lr=recipe.learning_rate,
        betas=recipe.betas,
        fused=True,
    )


def layer_scale(name: str, depth: int, decay: float) -> float:
    """What multiplies the rate of a parameter: `decay` for each block above it, 1 for all that follows the blocks."""
    if match := BLOCK.match(name):
        return float(decay ** (depth - 1 - int(match[1])))
    return float(decay**depth) if name.startswith(BELOW_BLOCKS) else 1.0


def set_rate(optimiser: torch.optim.AdamW, rate: float) -> None:
    """The learning rate of the coming step, each group at its own scale."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up over the first steps of a cycle, then a cosine over its progress 0..1, or two drops to a tenth."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    if recipe.schedule == "steps":
        return float(warm * recipe.learning_rate * 0.1 ** sum(progress >= drop for drop in DROPS))
    low = recipe.final_learning_rate
    return warm * (low + (recipe.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
