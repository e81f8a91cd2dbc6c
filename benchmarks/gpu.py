"""Image embeddings on a GPU: ViT-B, images a second, beside the released encoder. Without a GPU nothing is measured.

The released encoder computes in float32, a batch at a time; ours with torch's fused attention, in float32 and in
bfloat16, plain and compiled. Embeddings that differ from the released ones by more than the precision explains fail the
benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from annotator.sam.precision import Precision, arithmetic
from benchmarks import released_sam
from benchmarks.run import Row

BATCHES = (1, 4, 8, 16)
SECONDS = 2.0
"""Each kind of encoding is repeated for so long."""

TOLERANCES: dict[Precision, float] = {"exact": 1e-3, "fast": 5e-2}
"""Root mean square of the difference over that of the released embedding; GPUs round products to 10 bits in float32
too, if they may."""


def run(quick: bool) -> Iterator[Row]:
    """The released encoder alone, and how many times as many images ours embeds."""
    if not torch.cuda.is_available():
        print("  not measured: this machine has no GPU that torch can use", flush=True)
        return
    batches = BATCHES[:2] if quick else BATCHES
    name = torch.cuda.get_device_name()
    released = released_sam.released_vit_b().image_encoder.cuda()
    sam = released_sam.our_vit_b().cuda()
    picture = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0)).cuda()
    with torch.no_grad():
        reference = released(picture)
    base = max(_images_a_second(torch.no_grad()(released), picture, batch) for batch in batches)
    yield _row("ViT-B on the GPU, released encoder, best batch", base, "images/s", name)

    def ours(precision: Precision) -> Callable[[Tensor], Tensor]:
        def embed(images: Tensor) -> Tensor:
            with arithmetic(sam, precision):
                embeddings: Tensor = sam.image_encoder(images)
            return embeddings.float()

        return embed

    for compiled in (False, True):
        if compiled:
            sam.image_encoder.compile()
        for precision, tolerance in TOLERANCES.items():
            embed = ours(precision)
            error = float(
                (embed(picture) - reference).square().mean().sqrt() / reference.square().mean().sqrt()
            )
            if not error <= tolerance:
                raise RuntimeError(f"{precision} embeddings are off by {error:.1e}")
            speeds = {batch: _images_a_second(embed, picture, batch) for batch in batches}
            best = max(speeds, key=lambda batch: speeds[batch])
            kind = f"ViT-B on the GPU, {precision}{', compiled' if compiled else ''}"
            note = f"{speeds[best]:.1f} images/s in batches of {best}, {speeds[1]:.1f} one by one; off by {error:.0e}"
            yield _row(f"{kind}, against the released encoder", speeds[best] / base, "×", note)


def _images_a_second(embed: Callable[[Tensor], Any], picture: Tensor, batch: int) -> float:
    images = picture.expand(batch, -1, -1, -1).contiguous()
    embed(images)
    torch.cuda.synchronize()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        embed(images)
        torch.cuda.synchronize()
        count += batch
    return count / (time.perf_counter() - started)


def _row(name: str, value: float, unit: str, note: str) -> Row:
    return {"name": name, "value": value, "unit": unit, "target": None, "ok": None, "note": note}
