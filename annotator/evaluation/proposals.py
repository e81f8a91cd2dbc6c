"""How good proposals are: the detector's boxes as prompts against a grid of points, on images that neither has seen.

Recall counts the objects of an image that the best MOST proposals find, at IoU 0.5 and averaged over 0.5 to 0.95. A
confident proposal is one that people would be shown in the semi-automatic stage; its precision is the share of those
that are labelled objects at IoU 0.5, so it is a lower bound where not everything is labelled.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from annotator.evaluation.objects import LabelledObject
from annotator.masks import parse_rle
from annotator.sam.automatic import SamAutomaticMaskGenerator
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.training.box_proposals import propose
from annotator.training.detector import ObjectDetector
from annotator.training.detector_training import BoxedImage

SETS = ("dsb2018", "coco_train2017", "davis", "nuts", "ade20k")
MOST = 100
THRESHOLDS = np.linspace(0.5, 0.95, 10).round(2)
POINTS_PER_SIDE = 16
CONFIDENT_IOU, CONFIDENT_STABILITY, STABILITY_OFFSET = 0.5, 0.85, 0.2
"""What the preset for people and things asks of masks of the bundled model."""


@dataclass(frozen=True)
class Proposed:
    """Masks as COCO RLE, the best first, and how many of them (the first ones) are confident."""

    masks: list[dict[str, Any]]
    confident: int


class Proposer(Protocol):
    """Anything that proposes masks of an image (H, W, 3) uint8."""

    @property
    def name(self) -> str: ...

    def propose(self, image: NDArray[np.uint8]) -> Proposed: ...


class GridProposer:
    """A grid of points, ranked by the mean of predicted IoU and stability; confident by the usual two thresholds."""

    name = "grid"

    def __init__(self, sam: Sam) -> None:
        self.generator = SamAutomaticMaskGenerator(
            sam,
            points_per_side=POINTS_PER_SIDE,
            pred_iou_thresh=0.0,
            stability_score_thresh=0.0,
            stability_score_offset=STABILITY_OFFSET,
            output_mode="coco_rle",
        )

    def propose(self, image: NDArray[np.uint8]) -> Proposed:
        def sure(record: dict[str, Any]) -> bool:
            return bool(
                record["predicted_iou"] >= CONFIDENT_IOU and record["stability_score"] >= CONFIDENT_STABILITY
            )

        def rank(record: dict[str, Any]) -> tuple[bool, float]:
            return not sure(record), -(record["predicted_iou"] + record["stability_score"])

        records = sorted(self.generator.generate(image), key=rank)[:MOST]
        return Proposed([record["segmentation"] for record in records], sum(map(sure, records)))


class DetectorProposer:
    """Boxes of a detector as prompts, ranked by its scores; confident above its own threshold."""

    name = "detector"

    def __init__(self, sam: Sam, detector: ObjectDetector) -> None:
        self.predictor, self.detector = SamPredictor(sam), detector

    def propose(self, image: NDArray[np.uint8]) -> Proposed:
        self.predictor.set_image(image)
        records = propose(self.predictor, self.detector, least=0.0, most=MOST)
        sure = sum(record["score"] >= self.detector.confident for record in records)
        return Proposed([record["segmentation"] for record in records], sure)


@dataclass(frozen=True)
class ImageFigures:
    """Counts of one image; `found` (len(THRESHOLDS),) objects found by all proposals at each IoU."""

    dataset: str
    objects: int
    found: NDArray[np.int64]
    confident: int
    confident_right: int
    confident_found: int
    seconds: float


def measure(proposer: Proposer, objects: Sequence[LabelledObject]) -> Iterator[ImageFigures]:
    """One result for each image of the objects, which come grouped by image."""
    for group in _by_image(objects).values():
        image = group[0].image()
        started = time.process_time()
        proposed = proposer.propose(image)
        seconds = time.process_time() - started
        yield _figures(proposed, group, seconds)


def _by_image(objects: Iterable[LabelledObject]) -> dict[Path, list[LabelledObject]]:
    groups: dict[Path, list[LabelledObject]] = defaultdict(list)
    for item in objects:
        groups[item.path].append(item)
    return groups


def _figures(proposed: Proposed, group: list[LabelledObject], seconds: float) -> ImageFigures:
    wanted = [parse_rle(item.segmentation).to_coco() for item in group]
    if proposed.masks:
        ious = np.asarray(coco_mask.iou(proposed.masks, wanted, [0] * len(wanted)))
    else:
        ious = np.zeros((0, len(wanted)))
    best = ious.max(0, initial=0.0)
    sure = ious[: proposed.confident]
    return ImageFigures(
        dataset=group[0].dataset,
        objects=len(group),
        found=(best[:, None] >= THRESHOLDS).sum(0),
        confident=proposed.confident,
        confident_right=int((sure.max(1, initial=0.0) >= THRESHOLDS[0]).sum()),
        confident_found=int((sure.max(0, initial=0.0) >= THRESHOLDS[0]).sum()),
        seconds=seconds,
    )


def summarise(figures: Sequence[ImageFigures]) -> dict[str, dict[str, float]]:
    """Per set, and "mean" over the sets: recall, average_recall, precision and confident_recall, confident proposals
    an image, processor seconds an image."""
    groups: dict[str, list[ImageFigures]] = defaultdict(list)
    for each in figures:
        groups[each.dataset].append(each)
    sets = {name: _of_set(group) for name, group in groups.items()}
    columns = list(next(iter(sets.values())))
    return sets | {
        "mean": {key: round(float(np.mean([s[key] for s in sets.values()])), 4) for key in columns}
    }


def _of_set(group: Sequence[ImageFigures]) -> dict[str, float]:
    objects = sum(each.objects for each in group)
    found = np.sum([each.found for each in group], axis=0) / objects
    confident = sum(each.confident for each in group)
    values = {
        "recall": found[0],
        "average_recall": found.mean(),
        "precision": sum(each.confident_right for each in group) / max(confident, 1),
        "confident_recall": sum(each.confident_found for each in group) / objects,
        "confident": confident / len(group),
        "seconds": sum(each.seconds for each in group) / len(group),
    }
    return {name: round(float(value), 4) for name, value in values.items()}


def boxed_images(sam: Sam, objects: Sequence[LabelledObject]) -> Iterator[BoxedImage]:
    """What a detector learns from: the embedding of each image and the boxes of its objects."""
    predictor = SamPredictor(sam)
    for group in _by_image(objects).values():
        predictor.set_image(group[0].image())
        boxes = coco_mask.toBbox(
            [parse_rle(item.segmentation).to_coco() for item in group]
        )  # x, y, width, height
        boxes[:, 2:] += boxes[:, :2]
        corners = predictor.transform.apply_boxes(boxes, predictor.original_size)
        yield BoxedImage(
            predictor.get_image_embedding()[0].cpu().numpy().astype(np.float16), corners.astype(np.float32)
        )


def markdown(summaries: dict[str, dict[str, dict[str, float]]]) -> str:
    """One table: a row for each set and proposer."""
    lines = [
        "| set | proposals | recall at 100 | average recall | sure, an image | of them right | objects they find | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = list(next(iter(summaries.values())))
    for dataset in names:
        for proposer, summary in summaries.items():
            v = summary[dataset]
            lines.append(
                f"| {dataset} | {proposer} | {v['recall']:.2f} | {v['average_recall']:.2f} | {v['confident']:.1f} | "
                f"{v['precision']:.2f} | {v['confident_recall']:.2f} | {v['seconds']:.1f} |"
            )
    return "\n".join(lines) + "\n"
