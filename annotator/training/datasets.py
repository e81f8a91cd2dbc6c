"""Training batches: views of scenes and photographs with objects and first prompts chosen.

Everything is a pure function of (seed, step, shape of the batch), so that a resumed run continues with the
very batch that would have come next, whatever the number of worker processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from annotator.training.photographs import Photograph, read_sources, source_weights
from annotator.training.pool import ScenePool
from annotator.training.scenes import Scene
from annotator.training.views import make_view, mosaic

MASK_STRIDE = 4
CANDIDATES = 3
SMALLEST = 16
"""Objects with fewer visible pixels than this, at 256 px input, are not asked for."""


@dataclass(frozen=True)
class BatchShape:
    """Images of `size` pixels, `objects` prompts on each."""

    size: int
    images: int
    objects: int


@dataclass(frozen=True)
class Batch:
    """N = images × objects prompts, those of an image next to each other; m = size / 4.

    images (B, 3, S, S) uint8, padding already at the mean colour; targets (N, 3, m, m) uint8 coverage
    0..255, the wanted mask first, then the other nodes under the first click; valid (N, 3) bool; points (N,
    2) and boxes (N, 4) x,y in input pixels; wholes and leaves (B, m, m) int16: labels per pixel at the
    outermost and innermost level, 0 = none.
    """

    images: Tensor
    targets: Tensor
    valid: Tensor
    points: Tensor
    boxes: Tensor
    wholes: Tensor
    leaves: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Prompted:
    """One object of one view: numpy forms of `Batch` for a single prompt."""

    targets: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    point: NDArray[np.float32]
    box: NDArray[np.float32]


class TrainingData:
    """Mixes photographs (where a folder of them is given) with scenes."""

    def __init__(
        self,
        pool: ScenePool,
        folder: Path | None,
        *,
        seed: int,
        photo_share: float,
        jitter: tuple[float, float] = (0.6, 2.0),
        fitted_to: int | None = None,
        mosaic_share: float = 0.0,
        rank: int = 0,
    ) -> None:
        """`jitter` and `fitted_to` of photographs as in `make_view`; `mosaic_share` of all samples are four views in
        one. `rank` is this process's number among several that train together: each draws samples of its own."""
        self.fitted_to, self.mosaic_share = fitted_to, mosaic_share
        self.pool, self.seed, self.jitter, self.rank = pool, seed, jitter, rank
        self.sources = read_sources(folder) if folder else {}
        self.weights = source_weights(self.sources) if folder else {}
        self.photo_share = photo_share if folder else 0.0

    def batch(self, step: int, shape: BatchShape) -> Batch:
        """The batch of a step."""
        first = self.rank * shape.images
        rngs = [np.random.default_rng([self.seed, step, first + index]) for index in range(shape.images)]
        return stack([self._sample(step, shape, rng) for rng in rngs])

    def batches(self, start: int, shape: BatchShape, workers: int) -> Iterator[Batch]:
        """Batches of steps `start`, `start` + 1, … without end, prepared by worker processes."""
        steps = _Steps(self, start, shape)
        context = "spawn" if workers else None  # a fork would inherit locked thread pools
        return iter(
            DataLoader(
                steps,
                batch_size=None,
                num_workers=workers,
                prefetch_factor=4 if workers else None,
                multiprocessing_context=context,
            )
        )

    def _sample(self, step: int, shape: BatchShape, rng: np.random.Generator) -> tuple[Scene, list[Prompted]]:
        """A view with objects; views that show none are drawn again."""
        while True:
            if self.mosaic_share and rng.random() < self.mosaic_share:
                view = mosaic([self._view(step, shape.size // 2, rng) for _ in range(4)])
            else:
                view = self._view(step, shape.size, rng)
            prompts = choose_objects(view, shape.objects, rng)
            if prompts:
                return view, prompts

    def _view(self, step: int, size: int, rng: np.random.Generator) -> Scene:
        if rng.random() >= self.photo_share:
            return make_view(self.pool.scene(step, rng), size, rng)
        return make_view(
            self._photograph(rng).load(),
            size,
            rng,
            cut_outs=self._cut_outs(rng),
            real=True,
            jitter=self.jitter,
            fitted_to=self.fitted_to,
        )

    def _photograph(self, rng: np.random.Generator) -> Photograph:
        names = list(self.weights)
        images = self.sources[names[rng.choice(len(names), p=list(self.weights.values()))]]
        return images[rng.integers(len(images))]

    def _cut_outs(self, rng: np.random.Generator) -> list[Scene]:
        return [
            self._photograph(rng).load() for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.3 else 0)
        ]


class _Steps(Dataset[Batch]):
    def __init__(self, data: TrainingData, start: int, shape: BatchShape) -> None:
        self.data, self.start, self.shape = data, start, shape

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, index: int) -> Batch:
        cv2.setNumThreads(1)
        return self.data.batch(self.start + index, self.shape)


def stack(samples: Sequence[tuple[Scene, list[Prompted]]]) -> Batch:
    """A batch of views, each with the same number of prompts."""
    flat = [prompt for _, prompts in samples for prompt in prompts]
    stride = slice(MASK_STRIDE // 2, None, MASK_STRIDE)
    small = [(view.nodes[stride, stride], view.ancestors) for view, _ in samples]
    return Batch(
        images=torch.from_numpy(np.stack([view.image.transpose(2, 0, 1) for view, _ in samples])),
        targets=torch.from_numpy(np.stack([prompt.targets for prompt in flat])),
        valid=torch.from_numpy(np.stack([prompt.valid for prompt in flat])),
        points=torch.from_numpy(np.stack([prompt.point for prompt in flat])),
        boxes=torch.from_numpy(np.stack([prompt.box for prompt in flat])),
        wholes=torch.from_numpy(np.stack([ancestors[:, 0][nodes] for nodes, ancestors in small])),
        leaves=torch.from_numpy(np.stack([nodes for nodes, _ in small])),
    )


def choose_objects(view: Scene, count: int, rng: np.random.Generator) -> list[Prompted]:
    """`count` prompts on distinct nodes where there are enough; empty if nothing is large enough."""
    areas = _areas(view)
    size = view.nodes.shape[0]
    wanted = np.flatnonzero((areas >= SMALLEST * (size / 256) ** 2) & (areas <= 0.9 * size * size))
    if not len(wanted):
        return []
    # Larger objects are likelier to be meant, but only slightly; parts and subparts are many, so each counts less.
    depth = (view.ancestors[wanted] > 0).sum(1)
    weight = areas[wanted] ** 0.3 * np.array([0, 1.0, 0.5, 0.4])[depth]
    picked = rng.choice(wanted, count, replace=len(wanted) < count, p=weight / weight.sum())
    prompts = [_prompt(view, int(node), rng) for node in picked]
    # A thread that fills half of no mask pixel cannot be answered at this resolution.
    prompts = [prompt for prompt in prompts if prompt.targets[0].max() > 127]
    return [prompts[index % len(prompts)] for index in range(count)] if prompts else []


def _areas(view: Scene) -> NDArray[np.int64]:
    """Visible pixels of every node, descendants included."""
    own = np.bincount(view.nodes.ravel(), minlength=len(view.ancestors))
    total = np.zeros(len(view.ancestors), np.int64)
    for level in view.ancestors.T:
        total += np.bincount(level, weights=own, minlength=len(total)).astype(np.int64)
    total[0] = 0
    return total


def _prompt(view: Scene, node: int, rng: np.random.Generator) -> Prompted:
    mask = view.mask(node)
    rows, columns = np.nonzero(mask)
    if rng.random() < 0.4:
        y, x = innermost(mask)
    else:
        pick = rng.integers(len(rows))
        y, x = int(rows[pick]), int(columns[pick])
    others = [int(n) for n in view.ancestors[view.nodes[y, x]] if n and n != node]
    side = view.nodes.shape[0] // MASK_STRIDE
    targets = np.zeros((CANDIDATES, side, side), np.uint8)
    valid = np.zeros(CANDIDATES, bool)
    for index, other in enumerate([node, *others][:CANDIDATES]):
        bitmap = mask if other == node else view.mask(other)
        targets[index] = cv2.resize(bitmap.astype(np.uint8) * 255, (side, side), interpolation=cv2.INTER_AREA)
        valid[index] = True
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
    return Prompted(targets, valid, np.array([x, y], np.float32), box)


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """(y, x) of the mask pixel farthest from its boundary; the image's border counts as boundary."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(y), int(x)
