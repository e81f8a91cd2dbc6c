"""Where the image looks like what was prompted, and is joined to it: an optional part of the prompt encoder.

Models trained on few images learn late that an object hangs together, because no layer of a ViT follows a path. Here
it is computed. A linear layer reads a few features per mask pixel from the embedding; each prompt asks how like its
own place every pixel is: a click the clicked place, a box its middle and its surroundings. Likeness spreads from the
prompt through its neighbours and never exceeds the least likeness on the way (the path is a minimax path, as in
geodesic and watershed segmentation). These maps join the dense embedding like drawn prompts; the released model has
none of this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam import lean_matching
from annotator.sam.details import COLOURS

LEVELS = 2
"""Wholes and finest parts: two sets of features. Only the first spreads."""

FEATURES = 16
KINDS = (1, 0, 2, 3)
"""Labels that are asked about: foreground, background, middle of a box, surroundings of a box."""

MATCHED_CHANNELS = (LEVELS + 1) * len(KINDS)
POINT_SIGMA = 0.7
BOX_SIGMA = 0.2
"""Share of a box side over which its middle is averaged."""

MARGIN = 0.25
"""Share of a box side that counts as its surroundings."""

SPREAD = ((4, 32), (2, 12), (1, 12))
"""Spreading goes from coarse cells, passable where all of the cell is, to fine ones: (cell side, steps)."""

SPREAD_SIDE = 128
"""Masks with this many pixels a side spread in those steps, larger ones in proportionally more, to reach as far."""

SEED_GAIN = 2.0
"""A click between mask pixels starts at full strength all the same."""

TINY = 1e-4
LEAST_WEIGHT = 0.01
"""Mask pixels that a place must hold to have a mean; a box as large as the image has no surroundings."""


class PromptMatching(nn.Module):
    """`features` once per image, `forward` per prompt set."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, LEVELS * FEATURES * 16, kernel_size=1)
        self.scale = nn.Parameter(torch.full((LEVELS, 1), 1.2))
        self.offset = nn.Parameter(torch.full((LEVELS, 1), 0.8))
        self._start_with_colours()

    def features(self, embedding: Tensor) -> Tensor:
        """Image embedding (I, C, h, w) to vectors (I, LEVELS, FEATURES, 4h, 4w) in float32."""
        pixels = F.pixel_shuffle(self.project(embedding), 4)
        return pixels.unflatten(1, (LEVELS, FEATURES)).float()

    def distances(self, features: Tensor, keys: Tensor) -> Tensor:
        """Scaled Euclidean distances, (I, LEVELS, K, P), of keys (I, LEVELS, K, FEATURES) to features (I, LEVELS,
        FEATURES, P).

        From differences, not from products: those would lose all digits where a pixel equals the key, and with them
        the agreement of the exported graphs.
        """
        if lean_matching.serves(features) and not torch.is_grad_enabled():
            square = lean_matching.squares(features, keys)
        else:
            square = (keys[..., None] - features[:, :, None]).square().sum(3)
        return self.scale[..., None] * (square + TINY).sqrt()

    def forward(self, features: Tensor, centres: Tensor, labels: Tensor, side: int) -> Tensor:
        """How like (0..1) each kind of prompt every mask pixel is, (B, MATCHED_CHANNELS, 4h, 4w).

        Likeness of all levels and kinds comes first, then the spread likeness of each kind. centres are (B, T, 2) x,y
        in mask pixels and labels (B, T), a box being a top-left token directly followed by its bottom-right one.
        features serve B / I consecutive prompt sets each. `side` is W as a number: an exported graph has a fixed count
        of steps.
        """
        asked = _some((labels >= 0).any(0))  # nobody asks about padding
        centres, labels = centres[:, asked], labels[:, asked]
        with torch.autocast(centres.device.type, enabled=False):
            (height, width), tokens = features.shape[-2:], labels.shape[1]
            columns = _profiles(centres[..., 0], labels, width)  # (B, 2T, W)
            rows = _profiles(centres[..., 1], labels, height)  # (B, 2T, H)
            keys = self._keys(features, columns, rows)  # (I, LEVELS, B/I*T, FEATURES)
            like = torch.exp(-self.distances(features.flatten(3), keys)).transpose(1, 2)
            like = like.reshape(-1, tokens, LEVELS, height, width)
            chosen = [(labels == kind).float()[..., None, None] for kind in KINDS]  # (B, T, 1, 1) each
            matched = torch.stack(
                [(like * mine[..., None]).amax(1) for mine in chosen], 1
            )  # (B, 4, LEVELS, H, W)
            sums = rows[..., None] * columns[:, :, None]  # (B, 2T, H, W)
            places = SEED_GAIN * (sums[:, :tokens] - sums[:, tokens:])
            seeds = torch.stack([(places * mine).amax(1) for mine in chosen], 1)  # (B, 4, H, W)
            quickest = lean_matching.spread if lean_matching.serves(features) else spread
            return torch.cat(
                [matched.flatten(1, 2), quickest(matched[:, :, 0], seeds, schedule(side))], dim=1
            )

    def _keys(self, features: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
        """Mean features of each token's place: the sum over the profiles' first half less that over the second."""
        (height, width), images, prompts = features.shape[-2:], features.shape[0], columns.shape[0]
        across = features @ columns.reshape(images, 1, 1, -1, width).transpose(3, 4)  # (I, L, F, H, K)
        sums = (across * rows.reshape(images, 1, 1, -1, height).transpose(3, 4)).sum(3)  # (I, L, F, K)
        weight = columns.sum(-1) * rows.sum(-1)  # (B, 2T)
        sums = sums.permute(0, 3, 1, 2).reshape(prompts, 2, -1, LEVELS, FEATURES)
        weight = weight.reshape(prompts, 2, -1, 1, 1)
        mean = (sums[:, 0] - sums[:, 1]) / (weight[:, 0] - weight[:, 1]).clamp(
            min=LEAST_WEIGHT
        )  # (B, T, L, F)
        return mean.reshape(images, -1, LEVELS, FEATURES).transpose(1, 2)

    @torch.no_grad()
    def _start_with_colours(self) -> None:
        """Read the mean colours that the details put into the embedding's first channels; the rest starts small."""
        nn.init.normal_(self.project.weight, std=0.002)
        nn.init.zeros_(self.project.bias)  # type: ignore[arg-type]
        weight = self.project.weight.view(LEVELS, FEATURES, 16, -1)
        for colour in range(COLOURS):
            for pixel in range(16):
                weight[:, colour, pixel, colour * 16 + pixel] = 1.0


def schedule(side: int) -> list[tuple[int, int]]:
    """SPREAD for masks with this many pixels a side."""
    return [(cell, -(-steps * max(side, SPREAD_SIDE) // SPREAD_SIDE)) for cell, steps in SPREAD]


def spread(likeness: Tensor, seeds: Tensor, steps: lean_matching.Schedule) -> Tensor:
    """Likeness (B, K, H, W) as far as it reaches from the seeds (B, K, H, W) of 0..1: the best over all paths of the
    least likeness on the path, found from coarse to fine. Without a seed nothing is reached."""
    asked = _some(seeds.flatten(2).amax((0, 2)) > 0)
    kinds, likeness, seeds = seeds.shape[1], likeness[:, asked], seeds[:, asked]
    reached: Tensor | None = None
    for cell, count in steps:
        passable = -F.max_pool2d(-likeness, cell) if cell > 1 else likeness
        start = F.max_pool2d(seeds, cell) if cell > 1 else seeds
        front = torch.minimum(passable, start.clamp(max=1.0))
        if reached is not None:
            front = torch.maximum(front, torch.minimum(passable, F.interpolate(reached, scale_factor=2.0)))
        for _ in range(count):
            front = torch.minimum(passable, F.max_pool2d(front, 3, 1, 1))
        reached = front
    assert reached is not None
    places = (torch.arange(kinds, device=asked.device)[:, None] == asked).float()  # (K, those asked)
    return (places @ reached.flatten(2)).unflatten(2, reached.shape[-2:])


def _some(wanted: Tensor) -> Tensor:
    """Which of (K,) are wanted, as indices; the first, if none is."""
    first = torch.arange(wanted.shape[0], device=wanted.device) == 0
    return torch.nonzero(wanted | (first & ~wanted.any()))[:, 0]


def _profiles(centres: Tensor, labels: Tensor, side: int) -> Tensor:
    """Per token, along one axis: what is summed, then what is taken away again, (B, 2T, side).

    A place in the image is a product of two such profiles. Surroundings are a wide box less the box.
    """
    pixels = torch.arange(side, device=centres.device, dtype=torch.float32)
    centres, labels = centres[..., None], labels[..., None]
    following = torch.cat([centres[:, 1:], centres[:, -1:]], dim=1)
    preceding = torch.cat([centres[:, :1], centres[:, :-1]], dim=1)
    surroundings = labels == 3
    one = torch.where(surroundings, preceding, centres)
    other = torch.where(labels == 2, following, centres)
    low, high = torch.minimum(one, other), torch.maximum(one, other)
    length = high - low
    sigma = POINT_SIGMA + BOX_SIGMA * length
    middle = torch.exp(-0.5 * ((pixels - (low + high) / 2) / sigma) ** 2)
    margin = 2 + MARGIN * length
    wide = torch.sigmoid(pixels - low + margin) * torch.sigmoid(high + margin - pixels)
    inside = torch.sigmoid(pixels - low) * torch.sigmoid(high - pixels)
    added = torch.where(surroundings, wide, middle)
    return torch.cat([added, inside * surroundings], dim=1)
