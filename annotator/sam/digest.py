"""The name of a model: one digest over its configuration and its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor

from annotator.sam.config import ModelConfig


def config_json(config: ModelConfig) -> str:
    """Canonical JSON of a configuration: sorted keys, no spaces."""
    return json.dumps(config.to_dict(), sort_keys=True, separators=(",", ":"))


def model_digest(config: ModelConfig, state: Mapping[str, Tensor]) -> str:
    """SHA-256, 64 hex digits, over the configuration and every tensor's name, dtype, shape and bytes."""
    digest = hashlib.sha256(config_json(config).encode())
    for key in sorted(state):
        tensor = state[key].detach().cpu().contiguous()
        digest.update(f"\n{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
