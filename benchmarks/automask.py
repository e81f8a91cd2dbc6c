"""All masks of an image on the CPU: 32×32 points, ViT-B, beside the released generator with the same weights.

The released generator takes minutes for an image, so it gets a coarse grid and its decoding is extrapolated to 1024
points; ours answers all of them (in the quick form a quarter, extrapolated too). Both answer the coarse grid, and the
benchmark fails unless 99 % of the masks of each have a counterpart of IoU 0.99 in the other. Random weights would pass
all masks or none: the filters are set so that about half pass the first and most of these the second. Their boxes
all cover the image, so none suppresses another.

BENCH=full adds four sizes, and gives the released generator all points of the first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from annotator.masks import iou, parse_rle
from annotator.sam import SamAutomaticMaskGenerator, SamPredictor, load_model, mask_filters
from annotator.sam.grid_decoder import GridDecoder
from annotator.sam.model import Sam
from benchmarks import released_sam
from benchmarks.run import Row

RATIO, PEAK_GB = 15.0, 1.5
MATCHED, SAME = 0.99, 0.99
POINTS = 32
COARSE = 8
"""Points a side that the released generator gets: one of its batches of 64."""

SIZE = (1500, 2250)
MORE_SIZES = ((2250, 1500), (480, 640), (1024, 1024), (3000, 4000))
"""With BENCH=full, on a coarser grid."""


def run(quick: bool) -> Iterator[Row]:
    """Ratio, agreement and peak memory on one size, with BENCH=full on five; and the bundled model's seconds."""
    full = os.environ.get("BENCH") == "full"
    points = POINTS // 2 if quick and not full else POINTS
    found = released_sam.child("benchmarks.automask", "bundled", *SIZE, points if full else POINTS // 2)
    note = f"{found['points']} points, {found['masks']} masks, embedding included"
    yield _row("all masks with the bundled model, 2250×1500", found["seconds"], "s", None, note)
    yield from _compared(SIZE, POINTS if full else COARSE, points)
    for size in MORE_SIZES if full else ():
        yield from _compared(size, COARSE // 2, points)


def _compared(size: tuple[int, int], coarse: int, points: int) -> Iterator[Row]:
    name = f"{size[1]}×{size[0]}"
    ours = released_sam.child("benchmarks.automask", "ours", *size, points, coarse)
    peak_name = f"peak memory, all masks of {name}"
    yield _row(peak_name, ours["peak_gb"], "GB", PEAK_GB, at_most=True)
    theirs = released_sam.child(
        "benchmarks.automask", "released", *size, coarse, json.dumps(ours["settings"])
    )
    same, masks = ours["coarse"], theirs["masks"]
    share = min(_matched(same, masks), _matched(masks, same))
    if share < MATCHED:
        raise RuntimeError(f"{name}: only {share:.1%} of the masks have their counterpart")
    took = {kind: _for_all_points(found) for kind, found in (("theirs", theirs), ("ours", ours))}
    note = (
        f"{took['theirs']:.0f} s → {took['ours']:.1f} s for {POINTS}² points, theirs from {theirs['points']}, "
        f"ours from {ours['points']}; {len(same)} against {len(masks)} masks, {share:.1%} matched; "
        f"released {theirs['peak_gb']:.1f} GB"
    )
    ratio = took["theirs"] / took["ours"]
    yield _row(f"all masks of {name}, against the released generator", ratio, "×", RATIO, note)


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
    name: str, value: float, unit: str, target: float | None, note: str = "", *, at_most: bool = False
) -> Row:
    ok = None if target is None else (value <= target if at_most else value >= target)
    return {"name": name, "value": value, "unit": unit, "target": target, "ok": ok, "note": note}


@torch.no_grad()
def settings(sam: Sam, size: tuple[int, int]) -> dict[str, Any]:
    """Filters that fit the random weights: quantiles of what they answer to 25 points."""
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


def ours(size: tuple[int, int], points: int, coarse: int) -> dict[str, Any]:
    """One image through our generator: all points, measured, then the coarse grid, to compare."""
    sam = released_sam.our_vit_b()
    chosen = settings(sam, size)
    found = generate(sam, SamAutomaticMaskGenerator, size, points, chosen)
    same = found if coarse == points else generate(sam, SamAutomaticMaskGenerator, size, coarse, chosen)
    return {**found, "coarse": same["masks"], "settings": chosen}


def released(size: tuple[int, int], points: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """One image through the released generator."""
    model = released_sam.released_vit_b()
    return generate(model, released_sam.released_package().SamAutomaticMaskGenerator, size, points, chosen)


def generate(
    model: Any, kind: Any, size: tuple[int, int], points: int, chosen: dict[str, Any]
) -> dict[str, Any]:
    """One image through a generator of this kind."""
    model.mask_threshold = chosen["mask_threshold"]
    filters = {name: value for name, value in chosen.items() if name != "mask_threshold"}
    generator = kind(model, points_per_side=points, output_mode="coco_rle", **filters)
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
    task, shape, count = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4])
    if task == "bundled":
        print(json.dumps(bundled(shape, count)))
    elif task == "ours":
        print(json.dumps(ours(shape, count, int(sys.argv[5]))))
    else:
        print(json.dumps(released(shape, count, json.loads(sys.argv[5]))))
