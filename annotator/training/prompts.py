"""The simulated annotator: a first prompt, then clicks into the error of the last mask (SAM.md section 2).

Prompts of N objects are padded to one table, `coords` (N, T, 2) x,y in input pixels and `labels` (N, T);
the decoder does not depend on the order of its tokens, so a slot that an object does not use simply holds a
padding point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from annotator.sam.prompt_encoder import LABEL_BOX_BOTTOM_RIGHT, LABEL_BOX_TOP_LEFT, LABEL_PADDING

BOX_NOISE = 0.1
BOX_NOISE_PIXELS = 20 / 1024
"""The paper's bound of 20 pixels on the noise, as a share of its input side."""

BLUR_SIDES = (3, 9, 25)
"""Windows over which an error region is averaged to find its middle, in mask pixels."""


@dataclass(frozen=True)
class PromptSet:
    """`ambiguous` (N,) bool marks single points, which get three candidates."""

    coords: Tensor
    labels: Tensor
    ambiguous: Tensor

    def with_points(self, coords: Tensor, labels: Tensor) -> PromptSet:
        """One more point each: coords (N, 2), labels (N,), where −1 adds none."""
        added = labels != LABEL_PADDING
        return PromptSet(
            torch.cat([self.coords, coords[:, None]], 1),
            torch.cat([self.labels, labels[:, None]], 1),
            self.ambiguous & ~added,
        )


def first_prompts(points: Tensor, boxes: Tensor, size: int, generator: torch.Generator) -> PromptSet:
    """With equal chance each object's point (N, 2) or its box (N, 4), the box with noise."""
    use_box = torch.rand(len(points), 1, generator=generator, device=points.device) < 0.5
    corners = noisy_boxes(boxes, size, generator).reshape(-1, 2, 2)
    single = torch.stack([points, torch.zeros_like(points)], 1)  # the point and one padding token
    box_labels = points.new_tensor([LABEL_BOX_TOP_LEFT, LABEL_BOX_BOTTOM_RIGHT])
    point_labels = points.new_tensor([1, LABEL_PADDING])
    return PromptSet(
        torch.where(use_box[..., None], corners, single),
        torch.where(use_box, box_labels, point_labels),
        ~use_box[:, 0],
    )


def noisy_boxes(boxes: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Each corner coordinate moved by a normal deviate of a tenth of the side, at most 20/1024 of the input."""
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)  # (N, 4): width, height, width, height
    limit = BOX_NOISE_PIXELS * size
    deviate = torch.randn(boxes.shape, generator=generator, device=boxes.device)
    noise = (deviate * BOX_NOISE * sides).clamp(-limit, limit)
    return (boxes + noise).clamp(0, size)


def next_points(
    predicted: Tensor, target: Tensor, stride: int, generator: torch.Generator, *, central_share: float = 0.5
) -> tuple[Tensor, Tensor]:
    """A corrective click for each object: coords (N, 2) and labels (N,).

    predicted and target are (N, m, m) bool at mask resolution, one mask pixel being `stride` input pixels.
    A share of the clicks goes to the middle of a large error, as people click; the others fall anywhere in
    the error. A mask without error gets a click inside the object.
    """
    missing, excess = target & ~predicted, predicted & ~target
    error = (missing | excess).float()
    perfect = error.flatten(1).sum(1) == 0
    error = torch.where(perfect[:, None, None], target.float(), error)
    central = torch.rand(len(error), generator=generator, device=error.device) < central_share
    weight = torch.where(central[:, None, None], _middle(missing, excess, error), error)
    flat = weight.flatten(1) + 1e-12
    index = torch.multinomial(flat, 1, generator=generator)[:, 0]
    side = predicted.shape[-1]
    cells = torch.stack([index % side, index // side], 1)  # x, y
    label = (missing.flatten(1).gather(1, index[:, None])[:, 0] | perfect).float()
    return (cells + 0.5) * stride - 0.5, label


def _averaged(maps: Tensor, side: int) -> Tensor:
    """Mean over side × side windows, zeros outside; one axis after the other."""
    rows = F.avg_pool2d(maps, (1, side), 1, (0, side // 2))
    return F.avg_pool2d(rows, (side, 1), 1, (side // 2, 0))


def _middle(missing: Tensor, excess: Tensor, error: Tensor) -> Tensor:
    """One-hot (N, m, m) at the pixel deepest inside the largest region of one kind of error.

    Depth is approximated by how full the surroundings are at several scales, which runs on any device in a batch.
    """
    kinds = torch.stack([missing, excess], 1).float()  # (N, 2, m, m)
    depth = sum(_averaged(kinds, side) for side in BLUR_SIDES)
    assert isinstance(depth, Tensor)
    depth = (depth * kinds).amax(1).flatten(1) + 1e-6 * error.flatten(1)
    return F.one_hot(depth.argmax(1), depth.shape[1]).float().view_as(error)
