"""What the page decodes: the bundled model, and a vit_b-shaped decoder in our graphs and in the released export.

The vit_b decoders share random weights: a decoder costs the same whatever its weights are. Upsampling does not: it
depends on how long the masks' edges are, and those of random weights are noise. So neighbouring logits share their
weights here and the embedding is of broad patches: the masks' edges are somewhat longer than the bundled model's.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from annotator.sam import load_model
from annotator.sam.config import PRESETS
from annotator.sam.embedding_file import pack_embedding
from annotator.sam.export_click_graphs import export_click_graphs
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.sam.transforms import input_size

Sizes = Sequence[tuple[int, int]]
PATCHES = 6
"""A side of the embedding; more make longer edges."""


@dataclass(frozen=True)
class Contender:
    """One decoder: `kind` says who runs its files in the page. Sizes are (height, width)."""

    name: str
    kind: str
    files: list[Path]
    image_size: int
    embedding_size: tuple[int, int]
    embeddings: dict[str, str]
    digest: str

    def for_page(self) -> dict[str, Any]:
        """The shape of the API's Model, and where the embeddings are."""
        height, width = self.embedding_size
        files = {
            path.stem: {"url": f"/data/{path.parent.name}/{path.name}", "bytes": path.stat().st_size}
            for path in self.files
        }
        return {
            "name": self.name,
            "kind": self.kind,
            "embeddings": self.embeddings,
            "model": {
                "digest": self.digest,
                "config": {
                    "image_size": self.image_size,
                    "embedding_size": [height, width],
                    "mask_size": [4 * height, 4 * width],
                },
                "decoder": files.get("decoder", {"url": "", "bytes": 0}) | {"graphs": files},
            },
        }


def bundled(folder: Path, sizes: Sizes) -> Contender:
    """The model that ships with the product, with the embedding of a drawn scene."""
    sam = load_model()
    files = export_click_graphs(sam, folder / "bundled")
    predictor = SamPredictor(sam)
    embeddings: dict[str, str] = {}
    for height, width in sizes:
        predictor.set_image(_scene(height, width))
        embeddings |= _store(folder, sam, predictor.get_image_embedding()[0].numpy(), (height, width))
    return Contender(
        "bundled", "own", files, sam.config.image_size, sam.config.embedding_size, embeddings, sam.digest
    )


def own_vit_b(folder: Path, sizes: Sizes) -> Contender:
    """A vit_b-shaped decoder in our own graphs."""
    sam = _object_like(vit_b_decoder())
    files = export_click_graphs(sam, folder / "own")
    return _random_contender("own vit_b", "own", files, sam, folder, sizes)


def released_vit_b(folder: Path, sizes: Sizes) -> Contender:
    """The same weights exported by the released package, as its export script does by default."""
    sam = _object_like(vit_b_decoder())
    decoder = folder / "released" / "decoder.onnx"
    decoder.parent.mkdir()
    _export_released(sam, decoder)
    return _random_contender("released vit_b", "released", [decoder], sam, folder, sizes)


def vit_b_decoder() -> Sam:
    """Prompt encoder and mask decoder of vit_b; the image encoder, which is not used, is cut to one thin layer."""
    torch.manual_seed(0)
    config = PRESETS["vit_b"]
    thin = replace(config.image_encoder, embed_dim=32, depth=1, num_heads=2, global_attention_indexes=(0,))
    return Sam(replace(config, image_encoder=thin)).eval()


def _object_like(sam: Sam) -> Sam:
    """The same with transposed convolutions whose four taps are equal: no noise from logit to logit."""
    for layer in sam.mask_decoder.output_upscaling:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.weight.data = layer.weight.data[:, :, :1, :1].repeat(1, 1, 2, 2)
    return sam


def _patches(sam: Sam) -> np.ndarray:
    """An embedding (C, h, w) of a few broad patches."""
    coarse = torch.randn(1, 256, PATCHES, PATCHES, generator=torch.Generator().manual_seed(0))
    fine = functional.interpolate(coarse, sam.config.embedding_size, mode="bicubic")
    return fine[0].numpy()


def _random_contender(
    name: str, kind: str, files: list[Path], sam: Sam, folder: Path, sizes: Sizes
) -> Contender:
    embeddings: dict[str, str] = {}
    for size in sizes:
        embeddings |= _store(folder, sam, _patches(sam), size)
    return Contender(
        name, kind, files, sam.config.image_size, sam.config.embedding_size, embeddings, sam.digest
    )


def _store(folder: Path, sam: Sam, values: np.ndarray, size: tuple[int, int]) -> dict[str, str]:
    """Write the embedding file of an image of `size`; {"HxW": url}."""
    key = f"{size[0]}x{size[1]}"
    data = pack_embedding(
        values,
        model_digest=sam.digest,
        image_sha256=hashlib.sha256(key.encode()).hexdigest(),
        input_size=input_size(size, sam.config.image_size),
        original_size=size,
    )
    path = folder / f"{sam.digest[:8]}-{key}.safetensors"
    path.write_bytes(data)
    return {key: f"/data/{path.name}"}


def _scene(height: int, width: int) -> np.ndarray:
    """A bright ellipse in the middle of a shaded, slightly noisy ground; (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    ground = 60 + 50 * x / width + 30 * y / height
    inside = ((y - height / 2) / (height / 4)) ** 2 + ((x - width / 2) / (width / 5)) ** 2 < 1
    noise = np.random.default_rng(1).normal(0, 6, (height, width)).astype(np.float32)
    grey = np.where(inside, 200, ground) + noise
    return np.clip(grey[..., None] * np.array([1.0, 0.85, 0.7], np.float32), 0, 255).astype(np.uint8)


def _export_released(sam: Sam, path: Path) -> None:
    """What the released package's scripts/export_onnx_model.py does, with its defaults."""
    package = _released_package()
    parts = importlib.import_module("segment_anything.modeling")
    onnx_model = importlib.import_module("segment_anything.utils.onnx").SamOnnxModel
    encoder, side = sam.config.image_encoder, sam.config.embedding_size[0]
    released = package.modeling.Sam(
        image_encoder=parts.ImageEncoderViT(depth=1, embed_dim=encoder.embed_dim, num_heads=2),
        prompt_encoder=parts.PromptEncoder(
            embed_dim=256, image_embedding_size=(side, side), input_image_size=(1024, 1024), mask_in_chans=16
        ),
        mask_decoder=parts.MaskDecoder(
            num_multimask_outputs=3,
            transformer=parts.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
    ).eval()
    released.prompt_encoder.load_state_dict(sam.prompt_encoder.state_dict())
    released.mask_decoder.load_state_dict(sam.mask_decoder.state_dict())
    graph = onnx_model(released, return_single_mask=False).eval()
    inputs = {
        "image_embeddings": torch.randn(1, 256, side, side),
        "point_coords": torch.randint(0, 1024, (1, 5, 2)).float(),
        "point_labels": torch.randint(0, 4, (1, 5)).float(),
        "mask_input": torch.randn(1, 1, 4 * side, 4 * side),
        "has_mask_input": torch.ones(1),
        "orig_im_size": torch.tensor([1500.0, 2250.0]),
    }
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer remarks on the released code's shape arithmetic
        torch.onnx.export(
            graph,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
            opset_version=17,
            do_constant_folding=True,
            dynamo=False,
        )


def _released_package() -> ModuleType:
    """`segment_anything`; it imports torchvision, of which the exporter uses nothing, so empty modules will do."""
    names = ("torchvision", "torchvision.ops", "torchvision.ops.boxes", "torchvision.transforms")
    stubs = {name: ModuleType(name) for name in (*names, "torchvision.transforms.functional")}
    for name, functions in {
        "torchvision.ops.boxes": ("batched_nms", "box_area"),
        "torchvision.transforms.functional": ("resize", "to_pil_image"),
    }.items():
        for function in functions:
            setattr(stubs[name], function, None)
    missing = {name: stub for name, stub in stubs.items() if name not in sys.modules}
    sys.modules.update(missing)
    try:
        return importlib.import_module("segment_anything")
    finally:
        for name in missing:
            del sys.modules[name]
