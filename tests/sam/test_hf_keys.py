"""Hugging Face checkpoints: the same tensors under other names must give the same numbers."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from annotator.sam.checkpoints import load_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.hf_keys import to_released_keys
from annotator.sam.model import Sam
from tests.sam.conftest import assert_close, randomise


@pytest.fixture(scope="module")
def transformers() -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers
        from transformers.utils import logging
    logging.disable_progress_bar()
    return transformers


def _config(transformers: Any, name: str) -> Any:
    ours = PRESETS[name]
    encoder = ours.image_encoder
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": encoder.embed_dim,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.num_heads,
            "image_size": encoder.image_size,
            "patch_size": encoder.patch_size,
            "global_attn_indexes": list(encoder.global_attention_indexes),
            "window_size": encoder.window_size,
            "mlp_dim": int(encoder.embed_dim * encoder.mlp_ratio),
            "output_channels": encoder.out_channels,
        },
        prompt_encoder_config={
            "image_size": encoder.image_size,
            "image_embedding_size": encoder.grid_size,
        },
        mask_decoder_config={
            "mlp_dim": ours.mask_decoder.mlp_dim,
            # That implementation has 1e-6 here; the released decoder normalises with torch's default.
            "layer_norm_eps": 1e-5,
        },
    )
    config._attn_implementation = "eager"
    return config


@pytest.fixture(scope="module")
def pair(transformers: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Sam]:
    torch.manual_seed(0)
    theirs = transformers.SamModel(_config(transformers, "tiny")).eval()
    randomise(theirs)
    folder = tmp_path_factory.mktemp("hf")
    theirs.save_pretrained(folder)
    return theirs, load_checkpoint(folder / "model.safetensors", PRESETS["tiny"])


@torch.no_grad()
def test_encoder_agrees(pair: tuple[Any, Sam]) -> None:
    theirs, ours = pair
    x = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    assert_close(ours.image_encoder(x), theirs.get_image_embeddings(x), 2e-5)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("prompt", ["points", "box", "box and points", "mask"])
@torch.no_grad()
def test_decoder_agrees(pair: tuple[Any, Sam], prompt: str, multimask: bool) -> None:
    theirs, ours = pair
    random = torch.Generator().manual_seed(2)
    embedding = torch.randn(1, 256, 8, 8, generator=random)
    points = torch.rand(1, 1, 3, 2, generator=random) * 128 if "points" in prompt else None
    labels = torch.tensor([[[1, 0, 1]]]) if "points" in prompt else None
    box = torch.tensor([[[10.0, 20.0, 90.0, 100.0]]]) if "box" in prompt else None
    mask = torch.randn(1, 1, 32, 32, generator=random) if prompt == "mask" else None
    if prompt == "mask":
        points, labels = torch.tensor([[[[30.0, 40.0]]]]), torch.tensor([[[1]]])
    expected = theirs(
        image_embeddings=embedding,
        input_points=points,
        input_labels=labels,
        input_boxes=box,
        input_masks=mask,
        multimask_output=multimask,
    )
    own_points = (points[0], labels[0]) if points is not None and labels is not None else None
    sparse, dense = ours.prompt_encoder(own_points, box[0] if box is not None else None, mask)
    masks, iou = ours.mask_decoder(embedding, ours.prompt_encoder.get_dense_pe(), sparse, dense, multimask)
    assert_close(masks, expected.pred_masks[0], 1e-5)
    assert_close(iou, expected.iou_scores[0], 1e-5)


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_key_map_is_complete_for_the_released_sizes(transformers: Any, name: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        theirs = transformers.SamModel(_config(transformers, name))
        ours = Sam(PRESETS[name])
    mapped = to_released_keys(theirs.state_dict())
    assert {key: value.shape for key, value in mapped.items()} == {
        key: value.shape for key, value in ours.state_dict().items()
    }
