"""How exactly the image encoder computes: float32, or bfloat16 where processor and model allow it.

The released weights were trained and published in float32. bfloat16 products take half the time on processors that
have them (and a fraction on GPUs), with three digits fewer. `choose` measures what that costs the model at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from annotator.sam.products import has_bfloat16_products

if TYPE_CHECKING:
    from annotator.sam.model import Sam

Precision = Literal["exact", "fast"]

TOLERATED_ERROR = 0.004
"""Root mean square of the embedding's error over that of its values. With 0.0048 a model's masks agreed at a mean IoU
of 0.994 (asked: 0.995), with 0.0013 at 0.999; `benchmarks/encoder_precision.py` measures one's own photographs."""


@contextmanager
def arithmetic(sam: Sam, precision: Precision) -> Iterator[None]:
    """Inside, the model computes with this precision, without gradients."""
    kind = sam.device.type
    with torch.no_grad(), torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "fast"):
        yield


def choose(sam: Sam, wanted: Precision | None) -> Precision:
    """Sets and returns `sam.precision`: what is wanted, else what a measurement of this model on this device says."""
    sam.precision = wanted or ("fast" if _is_quick(sam.device) and error(sam) <= TOLERATED_ERROR else "exact")
    return sam.precision


def error(sam: Sam) -> float:
    """Relative error (root mean squares) of the model's embedding in bfloat16, on noise of all scales.

    At half the input size, which costs a fifth and rounds alike.
    """
    picture = _noise(max(sam.config.image_size // 2, sam.config.image_encoder.patch_size)).to(sam.device)
    with arithmetic(sam, "exact"):
        exact = sam.image_encoder(picture)
    with arithmetic(sam, "fast"):
        fast = sam.image_encoder(picture)
    return float((fast.float() - exact).square().mean().sqrt() / exact.square().mean().sqrt())


def _is_quick(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bfloat16_products()


def _noise(side: int) -> Tensor:
    """A normalised picture (1, 3, side, side) with coarse and fine structure, always the same."""
    random = torch.Generator().manual_seed(0)
    scales = [torch.randn(1, 3, cells, cells, generator=random) for cells in (4, 16, 64)]
    return torch.stack([F.interpolate(scale, size=(side, side), mode="bilinear") for scale in scales]).mean(0)
