"""Image embeddings on the CPU: ViT-B beside the released encoder, and photographs with the bundled model.

The released encoder and ours take turns, each in a process of its own, so that memory and allocator are each one's own.
A result that differs from the released one fails the benchmark, however quick it was.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from annotator.allocator import keep_freed_memory
from annotator.sam import load_model
from annotator.sam.precision import choose
from annotator.sam.predictor import encode_image
from annotator.sam.products import has_bfloat16_products
from benchmarks import released_sam
from benchmarks.run import Row

EXACT_RATIO, FAST_RATIO = 2.5, 4.0
TOLERANCE = 2e-5  # of the largest magnitude
EXACT_PEAK_GB = 1.1
PHOTOGRAPH_SECONDS = 1.2
PHOTOGRAPHS = ((3000, 4000), (4000, 3000), (1500, 2250), (4000, 6000), (480, 640))
ROUNDS = 3


def run(quick: bool) -> list[Row]:
    """ViT-B: ratios, peak memory, differences. The bundled model: seconds from a JPEG to its embedding file."""
    kinds = ("released", "exact", "fast") if has_bfloat16_products() else ("released", "exact")
    with tempfile.TemporaryDirectory(prefix="bench-encoder-") as folder:
        runs = [
            {kind: released_sam.child("benchmarks.encoder", kind, folder) for kind in kinds}
            for _ in range(1 if quick else ROUNDS)
        ]
        values = {kind: np.load(Path(folder) / f"{kind}.npy") for kind in kinds}
    best = {kind: min(found[kind]["seconds"] for found in runs) for kind in kinds}
    error = float(np.abs(values["exact"] - values["released"]).max() / np.abs(values["released"]).max())
    if not error <= TOLERANCE:
        raise RuntimeError(f"the exact embedding is off by {error:.1e} of the largest value")
    rows = [
        _ratio(
            "ViT-B, exact, against the released encoder", best, "exact", EXACT_RATIO, f"off by {error:.0e}"
        )
    ]
    peak = max(found["exact"]["peak_gb"] for found in runs)
    beside = f"released {runs[0]['released']['peak_gb']:.2f} GB"
    rows.append(_row("peak memory, ViT-B, exact", peak, "GB", EXACT_PEAK_GB, beside, at_most=True))
    if "fast" in kinds:
        spread = values["released"].std()
        off = float(np.sqrt(np.square(values["fast"] - values["released"]).mean()) / spread)
        rows.append(
            _ratio(
                "ViT-B, bfloat16, against the released encoder",
                best,
                "fast",
                FAST_RATIO,
                f"rms off by {off:.1e}",
            )
        )
    return rows + _photographs(1 if quick else ROUNDS)


def _photographs(rounds: int) -> list[Row]:
    rows = []
    for height, width in PHOTOGRAPHS:
        found = [
            released_sam.child("benchmarks.encoder", "photograph", f"{height}x{width}") for _ in range(rounds)
        ]
        name = f"JPEG of {width}×{height} to embedding file, bundled model"
        note = f"{found[0]['precision']}; the first one in a process {found[0]['first']:.2f} s"
        target = PHOTOGRAPH_SECONDS if height * width <= 12_000_000 else None
        rows.append(_row(name, min(one["seconds"] for one in found), "s", target, note, at_most=True))
    return rows


def _ratio(name: str, best: dict[str, float], kind: str, target: float, note: str) -> Row:
    ratio = best["released"] / best[kind]
    note = f"{best['released']:.1f} s → {best[kind]:.1f} s, {torch.get_num_threads()} threads; {note}"
    return _row(name, ratio, "×", target, note, at_most=False)


def _row(name: str, value: float, unit: str, target: float | None, note: str, *, at_most: bool) -> Row:
    ok = None if target is None else (value <= target if at_most else value >= target)
    return {"name": name, "value": value, "unit": unit, "target": target, "ok": ok, "note": note}


def encode_vit_b(kind: str, folder: Path) -> dict[str, Any]:
    """One embedding of a normalised picture, after a small one that loads the libraries."""
    if kind == "released":
        encoder: Any = released_sam.released_vit_b().image_encoder
    else:
        sam = released_sam.our_vit_b()
        choose(sam, "fast" if kind == "fast" else "exact")
        encoder = sam.embed
    picture = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.nn.functional.conv2d(picture[..., :64, :64], torch.ones(3, 3, 4, 4))
        taken, embedding = released_sam.seconds(lambda: encoder(picture))
    np.save(folder / f"{kind}.npy", embedding.numpy())
    return {"seconds": taken, "peak_gb": released_sam.peak_gb()}


def encode_photograph(height: int, width: int) -> dict[str, Any]:
    """Decoding, resizing, encoding and packing, with the precision that the product chooses itself."""
    keep_freed_memory()
    file = io.BytesIO()
    Image.fromarray(released_sam.scene((height, width))).save(file, "jpeg", quality=90)
    sam = load_model()
    precision = choose(sam, None)

    def task() -> bytes:
        with Image.open(io.BytesIO(file.getvalue())) as picture:
            return encode_image(sam, np.asarray(picture.convert("RGB")), image_sha256="0" * 64)

    first, _ = released_sam.seconds(task)
    again = [released_sam.seconds(task)[0] for _ in range(3)]
    return {"first": first, "seconds": min(again), "precision": precision}


if __name__ == "__main__":
    if sys.argv[1] == "photograph":
        print(json.dumps(encode_photograph(*map(int, sys.argv[2].split("x")))))
    else:
        print(json.dumps(encode_vit_b(sys.argv[1], Path(sys.argv[2]))))
