"""All masks of an image on the CPU: 32×32 points, ViT-B, beside the released generator with the same weights.

The released generator takes minutes for an image, so it gets a coarse grid and its decoding is extrapolated to 1024
points; ours answers all of them (in the quick form a quarter, extrapolated too). Both answer the coarse grid, and the
benchmark fails unless 99 % of the masks of each have a counterpart of IoU 0.99 in the other. Random weights would pass
all masks or none: the filters are set so that about half pass the first and most of these the second. Their boxes
all cover the image, so none suppresses another.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
import torch

from annotator.masks import iou, parse_rle
from annotator.sam import SamAutomaticMaskGenerator, SamPredictor, load_model, mask_filters
from annotator.sam.grid_decoder import GridDecoder
from benchmarks import released_sam
from benchmarks.run import Row

RATIO, PEAK_GB = 15.0, 1.5
MATCHED, SAME = 0.99, 0.99
POINTS = 32
COARSE = 8
"""Points a side that the released generator gets: one of its batches of 64."""

SIZE = (1500, 2250)
MORE_SIZES = ((2250, 1500), (480, 640), (1024, 1024), (3000, 4000))
"""With `BENCH=full`, on a coarser grid."""


def run(quick: bool) -> list[Row]:
    """Ratio, agreement and peak memory on one size, with BENCH=full on five; and the bundled model's seconds."""
    full = os.environ.get("BENCH") == "full"
    rows = _compared(SIZE, COARSE, POINTS // 2 if quick and not full else POINTS)
    for size in MORE_SIZES if full else ():
        rows += _compared(size, COARSE // 2, POINTS)
    found = released_sam.child("benchmarks.automask", "bundled", *SIZE, POINTS // 2 if quick else POINTS)
    note = f"{found['points']} points, {found['masks']} masks, embedding included"
    return [*rows, _row("all masks with the bundled model, 2250×1500", found["seconds"], "s", None, note)]


def _compared(size: tuple[int, int], coarse: int, points: int) -> list[Row]:
    name = f"{size[1]}×{size[0]}"
    settings = json.dumps(released_sam.child("benchmarks.automask", "settings", *size))
    theirs = released_sam.child("benchmarks.automask", "released", *size, coarse, settings)
    ours = released_sam.child("benchmarks.automask", "ours", *size, points, settings)
    same = released_sam.child("benchmarks.automask", "ours", *size, coarse, settings)
    share = min(_matched(same["masks"], theirs["masks"]), _matched(theirs["masks"], same["masks"]))
    if share < MATCHED:
        raise RuntimeError(f"{name}: only {share:.1%} of the masks have their counterpart")
    took = {kind: _for_all_points(found) for kind, found in (("theirs", theirs), ("ours", ours))}
    note = (
        f"{took['theirs']:.0f} s → {took['ours']:.1f} s for {POINTS}² points, theirs from {theirs['points']}, "
        f"ours from {ours['points']}; {len(same['masks'])} against {len(theirs['masks'])} masks, {share:.1%} matched"
    )
    peak_note = f"released {theirs['peak_gb']:.1f} GB"
    return [
        _row(
            f"all masks of {name}, against the released generator",
            took["theirs"] / took["ours"],
            "×",
            RATIO,
            note,
        ),
        _row(f"peak memory, all masks of {name}", ours["peak_gb"], "GB", PEAK_GB, peak_note, at_most=True),
    ]


def _for_all_points(found: dict[str, Any]) -> float:
    """Seconds with POINTS² points, the encoding counted once."""
    decoding = found["seconds"] - found["encoding"]
    return float(found["encoding"] + decoding * POINTS**2 / found["points"])


def _matched(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> float:
    """Share of masks that are found among the others."""
    parsed = [parse_rle(other) for other in others]
    best = [max((iou(parse_rle(mask), other) for other in parsed), default=0.0) for mask in some]
    return float(np.mean(np.array(best) >= SAME)) if best else 0.0


def _row(
    name: str, value: float, unit: str, target: float | None, note: str, *, at_most: bool = False
) -> Row:
    ok = None if target is None else (value <= target if at_most else value >= target)
    return {"name": name, "value": value, "unit": unit, "target": target, "ok": ok, "note": note}


@torch.no_grad()
def settings(size: tuple[int, int]) -> dict[str, Any]:
    """Filters that fit the random weights: quantiles of what they answer to 25 points."""
    sam = released_sam.our_vit_b()
    predictor = SamPredictor(sam)
    predictor.set_image(released_sam.scene(size))
    height, width = predictor.input_size
    x, y = np.meshgrid(np.linspace(0.1, 0.9, 5) * width, np.linspace(0.1, 0.9, 5) * height)
    points = torch.from_numpy(np.stack([x.ravel(), y.ravel()], -1)).float()[:, None]
    decoder = GridDecoder(sam, predictor.get_image_embedding())
    met = decoder.meet(
        torch.cat([points, torch.zeros_like(points)], 1), torch.tensor([[1.0, -1.0]]).expand(25, 2)
    )
    logits = torch.stack([decoder.draw(met, index, torch.arange(3), height // 16) for index in range(25)])
    threshold, offset = float(np.quantile(logits.numpy(), 0.9)), float(0.01 * logits.std())
    stability = mask_filters.stability_scores(logits.flatten(0, 1), threshold, offset)
    return {
        "mask_threshold": threshold,
        "pred_iou_thresh": float(met.iou.quantile(0.5)),
        "stability_score_offset": offset,
        "stability_score_thresh": float(stability.nan_to_num().quantile(0.3)),
        "box_nms_thresh": 1.0,
    }


def generate(kind: str, size: tuple[int, int], points: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """One image through the released generator or ours."""
    model: Any = released_sam.released_vit_b() if kind == "released" else released_sam.our_vit_b()
    model.mask_threshold = chosen.pop("mask_threshold")
    package: Any = released_sam.released_package() if kind == "released" else None
    made = SamAutomaticMaskGenerator if package is None else package.SamAutomaticMaskGenerator
    generator: Any = made(model, points_per_side=points, output_mode="coco_rle", **chosen)
    encoding: list[float] = []
    set_image = generator.predictor.set_image

    def timed(*arguments: Any) -> None:
        encoding.append(released_sam.seconds(lambda: set_image(*arguments))[0])

    generator.predictor.set_image = timed
    image = released_sam.scene(size)
    taken, found = released_sam.seconds(lambda: generator.generate(image))
    return {
        "seconds": taken,
        "encoding": encoding[0],
        "points": points**2,
        "peak_gb": released_sam.peak_gb(),
        "masks": [record["segmentation"] for record in found],
    }


def bundled(size: tuple[int, int], points: int) -> dict[str, Any]:
    """One image with the bundled model and the released thresholds."""
    generator = SamAutomaticMaskGenerator(load_model(), points_per_side=points, output_mode="coco_rle")
    image = released_sam.scene(size)
    taken, found = released_sam.seconds(lambda: generator.generate(image))
    return {"seconds": taken, "points": points**2, "masks": len(found)}


if __name__ == "__main__":
    task, shape = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))
    if task == "settings":
        print(json.dumps(settings(shape)))
    elif task == "bundled":
        print(json.dumps(bundled(shape, int(sys.argv[4]))))
    else:
        print(json.dumps(generate(task, shape, int(sys.argv[4]), json.loads(sys.argv[5]))))
