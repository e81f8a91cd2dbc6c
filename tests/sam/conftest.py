"""The released package as an oracle, and models that are random in every parameter."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from annotator.sam.config import PRESETS
from annotator.sam.model import Sam
from benchmarks.released_sam import torchvision_stand_ins

LANDSCAPE, PORTRAIT, SQUARE = (150, 225), (231, 160), (128, 128)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """IoU, computed in float32 and compared in double precision as torchvision's C++ does; 0 for empty boxes."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = np.prod(np.maximum(sides, np.float32(0)))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / union) if union > 0 else 0.0


def _nms(
    boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """torchvision's batched_nms for a single class, as its definition reads."""
    assert not classes.any()
    remaining = scores.sort(descending=True, stable=True).indices.tolist()
    corners = boxes.numpy().astype(np.float32)
    keep = []
    while remaining:
        best, *remaining = remaining
        keep.append(best)
        remaining = [
            other for other in remaining if not _overlap(corners[best], corners[other]) > iou_threshold
        ]
    return torch.tensor(keep, dtype=torch.int64)


@pytest.fixture(scope="session")
def released() -> ModuleType:
    """`segment_anything`, whose import of torchvision is met by stand-ins that are gone afterwards."""
    stubs = torchvision_stand_ins(_nms)
    hidden = {
        name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "torchvision"
    }
    sys.modules.update(stubs)
    try:
        module = importlib.import_module("segment_anything")
        importlib.import_module("segment_anything.utils.onnx")
    finally:
        for name in stubs:
            del sys.modules[name]
        sys.modules.update(hidden)
    return module


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Gives every parameter that starts at zero or one a value: positions, biases and norms must take part."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if (parameter == parameter.flatten()[0]).all():
                parameter += 0.1 * torch.randn(parameter.shape, generator=random)


def released_model(released: ModuleType, name: str) -> Any:
    """The released package's model of a preset of ours, for presets it has no builder for."""
    config = PRESETS[name]
    encoder, decoder = config.image_encoder, config.mask_decoder
    parts = importlib.import_module("segment_anything.modeling")
    return parts.Sam(
        image_encoder=parts.ImageEncoderViT(
            depth=encoder.depth,
            embed_dim=encoder.embed_dim,
            img_size=encoder.image_size,
            mlp_ratio=encoder.mlp_ratio,
            norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
            num_heads=encoder.num_heads,
            patch_size=encoder.patch_size,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=encoder.global_attention_indexes,
            window_size=encoder.window_size,
            out_chans=encoder.out_channels,
        ),
        prompt_encoder=parts.PromptEncoder(
            embed_dim=encoder.out_channels,
            image_embedding_size=config.embedding_size,
            input_image_size=(config.image_size, config.image_size),
            mask_in_chans=config.prompt_encoder.mask_channels,
        ),
        mask_decoder=parts.MaskDecoder(
            num_multimask_outputs=decoder.num_multimask_outputs,
            transformer=parts.TwoWayTransformer(
                depth=decoder.depth,
                embedding_dim=encoder.out_channels,
                mlp_dim=decoder.mlp_dim,
                num_heads=decoder.num_heads,
            ),
            transformer_dim=encoder.out_channels,
            iou_head_depth=decoder.iou_head_depth,
            iou_head_hidden_dim=decoder.iou_head_hidden_dim,
        ),
        pixel_mean=list(config.pixel_mean),
        pixel_std=list(config.pixel_std),
    ).eval()


@dataclass(frozen=True)
class Pair:
    """The released model and ours with the same weights."""

    reference: Any
    ours: Sam


def _pair(reference: Any, name: str) -> Pair:
    randomise(reference)
    with torch.no_grad():
        reference.mask_decoder.iou_prediction_head.layers[-1].bias += 0.5  # predicted IoU in the usual range
    ours = Sam(PRESETS[name]).eval()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return Pair(reference, ours)


@pytest.fixture(scope="session")
def tiny(released: ModuleType) -> Pair:
    torch.manual_seed(0)
    return _pair(released_model(released, "tiny"), "tiny")


@pytest.fixture(scope="session")
def vit_b(released: ModuleType) -> Pair:
    torch.manual_seed(0)
    return _pair(released.sam_model_registry["vit_b"]().eval(), "vit_b")


@pytest.fixture(scope="session")
def bundled_like() -> Sam:
    """Our own kind of model with its extras – conv stem, details, drawn and matched prompts – and random weights."""
    torch.manual_seed(0)
    sam = Sam(PRESETS["bundled"].with_image_size(128)).eval()
    randomise(sam)
    return sam


def photograph(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Noise at several scales, (H, W, 3) uint8."""
    random = np.random.default_rng(seed)
    layers = [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (4, 16, 64)]
    width_height = (size[1], size[0])
    resized = [np.asarray(Image.fromarray(layer).resize(width_height), dtype=np.float32) for layer in layers]
    return np.mean(resized, axis=0).astype(np.uint8)


@dataclass(frozen=True)
class Encoded:
    """One photograph in both predictors."""

    image: NDArray[np.uint8]
    reference: Any
    ours: Any


def encoded(released: ModuleType, pair: Pair, size: tuple[int, int]) -> Encoded:
    """Both models' predictors with the embedding of a photograph of (H, W)."""
    from annotator.sam import SamPredictor

    image = photograph(size)
    reference, ours = released.SamPredictor(pair.reference), SamPredictor(pair.ours)
    reference.set_image(image)
    ours.set_image(image)
    return Encoded(image, reference, ours)


@pytest.fixture(scope="session")
def vit_b_predictors(released: ModuleType, vit_b: Pair) -> Encoded:
    """The slow part of the oracle, once: the released shape's embedding of a landscape."""
    return encoded(released, vit_b, LANDSCAPE)


@pytest.fixture(scope="session")
def oracles(released: ModuleType, vit_b_predictors: Encoded, tiny: Pair) -> dict[str, Encoded]:
    """ViT-B on a landscape, and the tiny model on every orientation, whose rules do not depend on the model's size."""
    sizes = {"tiny landscape": LANDSCAPE, "tiny portrait": PORTRAIT, "tiny square": SQUARE}
    return {
        "vit_b": vit_b_predictors,
        **{name: encoded(released, tiny, size) for name, size in sizes.items()},
    }


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    """Max abs difference at most `tolerance` times the largest magnitude of `expected`."""
    found, expected = torch.as_tensor(found).detach(), torch.as_tensor(expected).detach()
    assert found.shape == expected.shape
    worst, largest = float((found - expected).abs().max()), float(expected.abs().max())
    assert worst <= tolerance * largest, f"off by {worst:.3e}, {worst / largest:.3e} of {largest:.3e}"
