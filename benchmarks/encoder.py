"""Image embeddings on the CPU: ViT-B beside the released encoder, and photographs with the bundled model.

The released encoder and ours run one after the other, each in a process of its own, so that memory and allocator are
each one's own. Ours gets a second turn, as in a server: the released one asks the system for its memory every time, so
its first turn is like any other. A result that differs from the released one fails the benchmark, however quick it
was. Beside the ratio of seconds stands that of processor time, which other programs on the machine change less.
BENCH=full repeats all of it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
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
OUR_TURNS, FULL_ROUNDS = 2, 3

Found = dict[str, float]
"""What a run of an encoder took: seconds, processor (seconds), peak_gb."""


def run(quick: bool) -> Iterator[Row]:
    """ViT-B: ratios, peak memory, differences. The bundled model: seconds from a JPEG to its embedding file."""
    yield from _vit_b(FULL_ROUNDS if os.environ.get("BENCH") == "full" else 1)
    yield from _photographs(1 if quick else 3)


def _vit_b(rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-encoder-") as name:
        folder = Path(name)
        released = _best("released", folder, rounds)
        reference = np.load(folder / "released.npy")
        exact = _best("exact", folder, rounds)
        error = float(np.abs(np.load(folder / "exact.npy") - reference).max() / np.abs(reference).max())
        if not error <= TOLERANCE:
            raise RuntimeError(f"the exact embedding is off by {error:.1e} of the largest value")
        yield _ratio("exact", released, exact, EXACT_RATIO, f"off by {error:.0e}")
        beside = f"released {released['peak_gb']:.2f} GB"
        peak = exact["peak_gb"]
        yield _row("peak memory, ViT-B, exact", peak, "GB", EXACT_PEAK_GB, beside, at_most=True)
        if has_bfloat16_products():
            fast = _best("fast", folder, rounds)
            off = float(np.sqrt(np.square(np.load(folder / "fast.npy") - reference).mean()) / reference.std())
            yield _ratio("bfloat16", released, fast, FAST_RATIO, f"rms off by {off:.1e}")


def _best(kind: str, folder: Path, rounds: int) -> Found:
    """The least of each number over the rounds; of peak memory the most."""
    found = [released_sam.child("benchmarks.encoder", kind, folder) for _ in range(rounds)]
    return {name: (max if name == "peak_gb" else min)(float(one[name]) for one in found) for name in found[0]}


def _photographs(turns: int) -> Iterator[Row]:
    """Decoding, resizing, encoding and packing, with the precision that the product chooses itself."""
    keep_freed_memory()
    sam = load_model()
    precision = choose(sam, None)
    for height, width in PHOTOGRAPHS:
        file = io.BytesIO()
        Image.fromarray(released_sam.scene((height, width))).save(file, "jpeg", quality=90)

        def task(file: io.BytesIO = file) -> bytes:
            with Image.open(io.BytesIO(file.getvalue())) as picture:
                return encode_image(sam, np.asarray(picture.convert("RGB")), image_sha256="0" * 64)

        first, *again = (released_sam.seconds(task)[0] for _ in range(1 + turns))
        name = f"JPEG of {width}×{height} to embedding file, bundled model"
        note = f"{precision}; the first one {first:.2f} s"
        target = PHOTOGRAPH_SECONDS if height * width <= 12_000_000 else None
        yield _row(name, min(again), "s", target, note, at_most=True)


def _ratio(kind: str, released: Found, ours: Found, target: float, note: str) -> Row:
    took = f"{released['seconds']:.1f} s → {ours['seconds']:.1f} s, {torch.get_num_threads()} threads"
    processor = f"by processor time {released['processor'] / ours['processor']:.2f} ×"
    name = f"ViT-B, {kind}, against the released encoder"
    ratio = released["seconds"] / ours["seconds"]
    return _row(name, ratio, "×", target, f"{took}; {processor}; {note}", at_most=False)


def _row(name: str, value: float, unit: str, target: float | None, note: str, *, at_most: bool) -> Row:
    ok = None if target is None else (value <= target if at_most else value >= target)
    return {"name": name, "value": value, "unit": unit, "target": target, "ok": ok, "note": note}


def encode_vit_b(kind: str, folder: Path) -> dict[str, Any]:
    """One embedding of a normalised picture, after a small product that loads the libraries."""
    if kind == "released":
        encoder: Any = released_sam.released_vit_b().image_encoder
    else:
        sam = released_sam.our_vit_b()
        choose(sam, "fast" if kind == "fast" else "exact")
        encoder = sam.embed
    picture = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0))
    seconds, processor = [], []
    with torch.no_grad():
        torch.nn.functional.conv2d(picture[..., :64, :64], torch.ones(3, 3, 4, 4))
        for _ in range(1 if kind == "released" else OUR_TURNS):
            started, worked = time.perf_counter(), time.process_time()
            embedding = encoder(picture)
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - worked)
    np.save(folder / f"{kind}.npy", embedding.float().numpy())
    return {"seconds": min(seconds), "processor": min(processor), "peak_gb": released_sam.peak_gb()}


if __name__ == "__main__":
    print(json.dumps(encode_vit_b(sys.argv[1], Path(sys.argv[2]))))
