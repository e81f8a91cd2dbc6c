"""The released package, ours, and weights for both: for benchmarks that compare the two in processes of their own.

There is no trained ViT-B here, so its weights are random, but such that masks look like masks: positions vary slowly,
the four pixels of an upscaled token are alike, tokens attend to what lies near them, and the mask threshold and the
filters are quantiles of what the model answers. The cost of the model does not depend on its weights.
"""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from annotator.allocator import keep_freed_memory
from annotator.sam import mask_filters
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam

ROOT = Path(__file__).resolve().parent.parent
POSITION_CELLS = 12
SHARPER = 6.0
"""Attention logits to the image are multiplied by this, as tokens with random weights look at everything alike."""


def torchvision_stand_ins(batched_nms: Callable[..., Tensor]) -> dict[str, ModuleType]:
    """The five functions of torchvision that the released package imports, as modules by their names."""
    names = ("torchvision", "torchvision.ops", "torchvision.ops.boxes", "torchvision.transforms")
    modules = {name: ModuleType(name) for name in (*names, "torchvision.transforms.functional")}
    boxes: Any = modules["torchvision.ops.boxes"]
    boxes.batched_nms = batched_nms
    boxes.box_area = lambda boxes: (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    functional: Any = modules["torchvision.transforms.functional"]
    functional.to_pil_image = Image.fromarray
    functional.resize = lambda image, size: image.resize(size[::-1], Image.Resampling.BILINEAR)
    return modules


def released_package() -> Any:
    """`segment_anything`; what it uses of torchvision is replaced by equals."""
    sys.modules.update(torchvision_stand_ins(_suppress))
    return importlib.import_module("segment_anything")


def _suppress(boxes: Tensor, scores: Tensor, _: Tensor, iou_threshold: float) -> Tensor:
    """torchvision's batched_nms for boxes of one class."""
    return torch.from_numpy(mask_filters.suppress(boxes.numpy(), scores.numpy(), iou_threshold))


def released_vit_b() -> Any:
    """The released ViT-B with weights as above, always the same."""
    torch.manual_seed(0)
    model = released_package().sam_model_registry["vit_b"]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if (parameter == parameter.flatten()[0]).all():  # positions, biases and norms take part too
                parameter += 0.1 * torch.randn(parameter.shape)
        coarse = torch.randn(1, 768, POSITION_CELLS, POSITION_CELLS)
        model.image_encoder.pos_embed.copy_(
            F.interpolate(coarse, (64, 64), mode="bicubic").permute(0, 2, 3, 1)
        )
        for index in (0, 3):
            weight = model.mask_decoder.output_upscaling[index].weight
            weight.copy_(weight.mean((2, 3), keepdim=True).expand_as(weight) * 2)
        for name, parameter in model.mask_decoder.named_parameters():
            if "token_to_image.q_proj.weight" in name:
                parameter *= SHARPER
    return model


def our_vit_b() -> Sam:
    """Ours with the same weights."""
    released = released_vit_b()
    sam = Sam(PRESETS["vit_b"]).eval()
    sam.load_state_dict(released.state_dict())
    keep_freed_memory()
    return sam


def scene(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Noise at several scales, (H, W, 3) uint8: a photograph as far as the cost of decoding and resizing goes."""
    random = np.random.default_rng(0)
    layers = [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (4, 16, 64, 256)]
    resized = [np.asarray(Image.fromarray(layer).resize(size[::-1]), np.float32) for layer in layers]
    return np.mean(resized, axis=0).astype(np.uint8)


def child(module: str, *arguments: object) -> dict[str, Any]:
    """Run `python -m module arguments…` and read the JSON of its last line."""
    words = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_gb() -> float:
    """This program's largest resident memory. getrusage would count the parent's too: Linux keeps it over exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**20


def seconds(task: Any) -> tuple[float, Any]:
    """How long `task()` takes, and what it returns."""
    started = time.perf_counter()
    result = task()
    return time.perf_counter() - started, result
