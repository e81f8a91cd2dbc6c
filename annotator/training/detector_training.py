"""Teaching the detector what people call an object: embeddings and the boxes of accepted masks, on a CPU in minutes."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotator.training.detector import ObjectDetector, box_iou, detection_loss

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
BATCH = 8
WARMUP_STEPS = 20
AVERAGE = 0.98
NOISE = 0.05
"""Of the embedding's own spread, added while training: a project has few images and many passes over them."""

LOG_STEPS = 20
PRECISION = 0.75
"""Of the boxes above the threshold of confidence so many shall be objects."""

MATCHES = 0.5


@dataclass(frozen=True)
class BoxedImage:
    """An image's embedding (C, h, w) and the boxes (n, 4) XYXY of its objects in pixels of the model's input."""

    embedding: NDArray[np.float16]
    boxes: NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """On held-back images: share of objects found by the first 100 boxes, and precision and recall of the confident
    ones, all at IoU 0.5."""

    recall: float
    precision: float
    confident_recall: float


Watch = Callable[[float, dict[str, float]], None]
"""Called with a share of 0–1 and figures of the log; may raise to stop."""


def train_detector(
    images: Sequence[BoxedImage],
    *,
    input_size: int,
    base_digest: str,
    minutes: float | None = None,
    steps: int | None = None,
    watch: Watch = lambda share, figures: None,
    seed: int = 0,
) -> ObjectDetector:
    """The averaged weights after so many minutes or steps. Raises ValueError without a single box."""
    if not any(len(image.boxes) for image in images):
        raise ValueError("no image has a box to learn from")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    channels = images[0].embedding.shape[0]
    detector = ObjectDetector(channels, input_size=input_size, base_digest=base_digest).train()
    average = copy.deepcopy(detector).eval()
    optimiser = torch.optim.AdamW(detector.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    started, step, share, losses = time.monotonic(), 0, 0.0, []
    while share < 1:
        for group in optimiser.param_groups:
            group["lr"] = (
                LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * (1 + np.cos(np.pi * share)) / 2
            )
        chosen = [images[index] for index in rng.integers(len(images), size=min(BATCH, len(images)))]
        loss = detection_loss(detector, _noisy(chosen), [torch.from_numpy(image.boxes) for image in chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 5.0)
        optimiser.step()
        step += 1
        _average(average, detector, min(AVERAGE, step / (step + 10)))
        seconds = time.monotonic() - started
        share = step / steps if steps else seconds / (60 * (minutes or 1.0))
        losses.append(loss.item())
        if step % LOG_STEPS == 0:
            figures = {"step": step, "minutes": round(seconds / 60, 3), "progress": round(min(share, 1.0), 4)}
            watch(min(share, 1.0), figures | {"loss": round(float(np.mean(losses)), 4)})
            losses.clear()
    return average


def _noisy(images: Sequence[BoxedImage]) -> Tensor:
    batch = torch.from_numpy(np.stack([image.embedding for image in images])).float()
    return batch + NOISE * batch.std() * torch.randn_like(batch)


@torch.no_grad()
def _average(average: ObjectDetector, current: ObjectDetector, decay: float) -> None:
    for kept, new in zip(average.parameters(), current.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)


def choose_confident(detector: ObjectDetector, held: Sequence[BoxedImage]) -> Found:
    """Sets the lowest score above which PRECISION of the boxes are objects, or else the one of the best F1."""
    scores, right, total, recalled = _matches(detector, held)
    if not total or not len(scores):
        return Found(0.0, 0.0, 0.0)
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision, recall = hits / np.arange(1, len(order) + 1), hits / total
    good = np.flatnonzero(precision >= PRECISION)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    last = int(good[-1]) if len(good) else int(f1.argmax())
    detector.confident = float(scores[order][last])
    return Found(recalled / total, float(precision[last]), float(recall[last]))


def _matches(
    detector: ObjectDetector, held: Sequence[BoxedImage]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int, int]:
    """Scores of all boxes and whether each is the surest that fits an object; the objects, and those found at all."""
    scores, right, total, recalled = [], [], 0, 0
    for image in held:
        found = detector.detect(torch.from_numpy(image.embedding))
        total += len(image.boxes)
        scores += found.scores.tolist()
        taken: set[int] = set()
        if not len(image.boxes):
            right += [False] * len(found.scores)
            continue
        for row in box_iou(found.boxes, torch.from_numpy(image.boxes)):
            best = int(row.argmax())
            hit = bool(row[best] >= MATCHES) and best not in taken
            right.append(hit)
            taken.update([best] if hit else [])
        recalled += len(taken)
    return np.array(scores), np.array(right, dtype=bool), total, recalled
