"""Names of Hugging Face `SamModel` tensors as the released package calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# Tried in order; all that match apply. `layers.N` of an MLP is settled last, since its input and output
# layers have names of their own there and numbers here.
_RENAMES: tuple[tuple[str, str], ...] = (
    (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
    (r"^vision_encoder\.", "image_encoder."),
    (r"patch_embed\.projection\.", "patch_embed.proj."),
    (r"^(image_encoder\.blocks\.\d+)\.layer_norm(\d)\.", r"\1.norm\2."),
    (r"\.neck\.conv1\.", ".neck.0."),
    (r"\.neck\.layer_norm1\.", ".neck.1."),
    (r"\.neck\.conv2\.", ".neck.2."),
    (r"\.neck\.layer_norm2\.", ".neck.3."),
    (
        r"^shared_image_embedding\.positional_embedding$",
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
    (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
    (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
    (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
    (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
    (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
    (r"(\.transformer\.layers\.\d+)\.layer_norm(\d)\.", r"\1.norm\2."),
    (r"\.layer_norm_final_attn\.", ".norm_final_attn."),
    (r"\.upscale_conv1\.", ".output_upscaling.0."),
    (r"\.upscale_layer_norm\.", ".output_upscaling.1."),
    (r"\.upscale_conv2\.", ".output_upscaling.3."),
)
_HIDDEN_LAYER = re.compile(r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.layers\.(\d+)\.")
_INPUT_LAYER = re.compile(r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.proj_in\.")
_OUTPUT_LAYER = re.compile(r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)\.proj_out\.")

# A second copy of the shared position matrix that some files carry.
_TIED = "prompt_encoder.shared_embedding.positional_embedding"


def is_hugging_face(keys: Mapping[str, object]) -> bool:
    return any(key.startswith("vision_encoder.") for key in keys)


def to_released_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the released names; names it does not know pass through unchanged."""
    return {_rename(key, state): tensor for key, tensor in state.items() if key != _TIED}


def _rename(key: str, state: Mapping[str, Tensor]) -> str:
    for pattern, replacement in _RENAMES:
        key = re.sub(pattern, replacement, key)
    if match := _OUTPUT_LAYER.search(key):
        hidden = f"mask_decoder.{match[1]}.layers."
        depth = 1 + sum(name.startswith(hidden) and name.endswith(".weight") for name in state)
        return _OUTPUT_LAYER.sub(rf"\1.layers.{depth}.", key)
    key = _HIDDEN_LAYER.sub(lambda match: f"{match[1]}.layers.{int(match[2]) + 1}.", key)
    return _INPUT_LAYER.sub(r"\1.layers.0.", key)
