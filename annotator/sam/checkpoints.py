"""Weights on disk: the released .pth files, Hugging Face safetensors, and our own self-describing files.

Nothing is unpickled beyond tensors, and nothing loads partially: a file that does not fit is refused with
what was expected and what was found.
"""

from __future__ import annotations

import json
import os
import pickle
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from annotator.errors import InvalidInput
from annotator.sam.config import PRESETS, ModelConfig
from annotator.sam.digest import config_json, model_digest
from annotator.sam.hf_keys import is_hugging_face, to_released_keys
from annotator.sam.model import Sam, resample_positions
from annotator.sam.weights_header import BUNDLED_WEIGHTS, FORMAT, read_header
from annotator.settings import instance_folder

RELEASED_FILES = {
    "vit_b": "sam_vit_b_01ec64.pth",
    "vit_l": "sam_vit_l_0b3195.pth",
    "vit_h": "sam_vit_h_4b8939.pth",
}
# Kept in float32 in half-precision files: its product with a coordinate is a phase of many turns.
FULL_PRECISION = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
SHOWN = 3  # how many differing tensors an error lists


class CheckpointError(InvalidInput):
    """A weights file is missing, damaged, foreign, or belongs to another model."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="bad_checkpoint")


def load_model(name_or_path: str | os.PathLike[str] | None = None) -> Sam:
    """An eval-mode float32 `Sam` on the CPU with `.config` and `.digest`.

    None is the bundled model, a name an installed one (`flask model install`), anything else a supported
    checkpoint file. Raises CheckpointError.
    """
    return load_checkpoint(find_weights(name_or_path))


def find_weights(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """The file that `load_model` would read; raises CheckpointError when there is none."""
    if name_or_path is None or name_or_path == "bundled":
        if not BUNDLED_WEIGHTS.is_file():
            raise CheckpointError(f"The bundled weights are missing: expected {BUNDLED_WEIGHTS}.")
        return BUNDLED_WEIGHTS
    path = Path(name_or_path)
    if path.is_file():
        return path
    folder, name = weights_folder(), str(name_or_path)
    for candidate in (RELEASED_FILES.get(name, f"{name}.pth"), f"{name}.safetensors"):
        if path.name == name and (folder / candidate).is_file():
            return folder / candidate
    raise CheckpointError(
        f"There is no weights file {name!r}: expected a checkpoint's path or the name of a model in {folder}. "
        f"Install one with: flask model install {'|'.join(RELEASED_FILES)}"
    )


def weights_folder() -> Path:
    """Where installed weights lie: `weights` in the instance folder."""
    return instance_folder() / "weights"


def load_checkpoint(path: str | os.PathLike[str], config: ModelConfig | None = None) -> Sam:
    """An eval-mode float32 `Sam` from any supported file; `config` insists on a configuration.

    Without `config` our own files describe themselves and others are recognised as vit_b, vit_l or vit_h
    by their shapes. Our own may hold the position codes of a smaller input. Raises CheckpointError.
    """
    path = Path(path)
    metadata, state = _read(path)
    digest = None
    if metadata.get("format") == FORMAT:
        found = _own_config(path, metadata)
        if config is not None and found.to_dict() != config.to_dict():
            raise CheckpointError(
                f"{path.name} holds another model: expected {config.name} ({config_json(config)}), "
                f"found {found.name} ({config_json(found)})."
            )
        config, digest = found, model_digest(found, state)
        if digest != metadata.get("digest"):
            raise CheckpointError(
                f"{path.name} is damaged: its digest should be {metadata.get('digest')}, but is {digest}."
            )
    elif is_hugging_face(state):
        state = to_released_keys(state)
    config = config or _recognise(path, state)
    state = {key: tensor.float() for key, tensor in state.items()}
    sam = _assemble(path, config, state, resample=digest is not None)
    sam.digest = digest
    return sam


def save_checkpoint(
    sam: Sam,
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype = torch.float32,
    about: str = "",
    image_size: int | None = None,
) -> str:
    """Writes our own format whole or not at all, and returns the digest of what was written.

    `dtype` float16 halves the file; the digest is that of the stored tensors, so it differs from the
    float32 one. `about` is free text for people who inspect the file. With `image_size` the model is for inputs of that
    many pixels from then on: its position codes are stored as they are and resampled when it is loaded.
    """
    path = Path(path)
    state = {
        key: tensor.detach().cpu().to(torch.float32 if key == FULL_PRECISION else dtype).contiguous()
        for key, tensor in sam.state_dict().items()
    }
    config = sam.config.with_image_size(image_size) if image_size else sam.config
    digest = model_digest(config, state)
    metadata = {"format": FORMAT, "config": config_json(config), "digest": digest, "about": about}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        save_file(state, temporary, metadata=metadata)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return digest


def _build(name: str, checkpoint: str | os.PathLike[str] | None = None) -> Sam:
    if checkpoint is None:
        return Sam(PRESETS[name]).eval()
    return load_checkpoint(checkpoint, PRESETS[name])


sam_model_registry: dict[str, Callable[..., Sam]] = {
    "default": partial(_build, "vit_h"),
    "vit_h": partial(_build, "vit_h"),
    "vit_l": partial(_build, "vit_l"),
    "vit_b": partial(_build, "vit_b"),
}
"""The released registry: `sam_model_registry["vit_b"](checkpoint=path)`, random weights without a
checkpoint.
"""


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(metadata, tensors) of a file, its kind told by its first bytes and not by its name."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    if head[:4] == b"PK\x03\x04" or head[:2] == b"\x80\x02":
        return {}, _read_pth(path, size)
    if len(head) > 8 and head[8:9] == b"{":
        return _read_safetensors(path, size)
    raise CheckpointError(
        f"{path.name} is not a checkpoint: expected a PyTorch .pth or a safetensors file, "
        f"found {size} bytes that begin with {head[:16]!r}."
    )


def _read_pth(path: Path, size: int) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path.name} cannot be loaded: expected a complete file that holds nothing but tensors, "
            f"found {size} bytes and this problem: {reason}"
        ) from None
    if not isinstance(content, Mapping) or not all(isinstance(item, Tensor) for item in content.values()):
        found = sorted(map(str, content))[:SHOWN] if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f"{path.name} is another model's file: expected a state dict of tensors, found {found}."
        )
    return dict(content)


def _read_safetensors(path: Path, size: int) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        header = read_header(path)
        wanted = f"expected {header.expected_bytes} bytes" if header else "expected a readable header"
        raise CheckpointError(f"{path.name} is damaged: {wanted}, found {size} bytes ({error}).") from None


def _own_config(path: Path, metadata: Mapping[str, str]) -> ModelConfig:
    try:
        return ModelConfig.from_dict(json.loads(metadata["config"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path.name} has a configuration that cannot be read: {error}") from None


def _recognise(path: Path, state: Mapping[str, Tensor]) -> ModelConfig:
    """The released configuration that has this file's width and depth."""
    position = state.get("image_encoder.pos_embed")
    width = position.shape[-1] if position is not None else None
    depth = sum(key.startswith("image_encoder.blocks.") and key.endswith(".norm1.weight") for key in state)
    for name in RELEASED_FILES:
        encoder = PRESETS[name].image_encoder
        if (encoder.embed_dim, encoder.depth) == (width, depth):
            return PRESETS[name]
    known = ", ".join(
        f"{name} ({PRESETS[name].image_encoder.embed_dim} wide, {PRESETS[name].image_encoder.depth} deep)"
        for name in RELEASED_FILES
    )
    found = f"{width} wide, {depth} deep" if width else f"tensors such as {sorted(state)[:SHOWN]}"
    raise CheckpointError(f"{path.name} is not a model known here: expected {known}; found {found}.")


def _assemble(path: Path, config: ModelConfig, state: Mapping[str, Tensor], *, resample: bool) -> Sam:
    """A Sam that holds exactly `state`, or resampled positions; built without memory of its own, so that ViT-H fits
    once and not twice.
    """
    with torch.device("meta"):
        sam = Sam(config)
    wanted = {key: tuple(tensor.shape) for key, tensor in sam.state_dict().items()}
    if resample:
        state = resample_positions(state, wanted)
    found = {key: tuple(tensor.shape) for key, tensor in state.items()}
    if problems := _differences(wanted, found):
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise CheckpointError(f"{path.name} does not fit {config.name}: {'; '.join(problems[:SHOWN])}{more}.")
    sam.load_state_dict(state, strict=True, assign=True)
    sam.set_pixel_statistics()
    return sam.eval()


def _differences(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> list[str]:
    shapes = [
        f"{key} expected {wanted[key]}, found {found[key]}"
        for key in wanted
        if key in found and wanted[key] != found[key]
    ]
    missing = [f"{key} expected {wanted[key]}, found nothing" for key in wanted if key not in found]
    foreign = [f"{key} {found[key]} found, not expected" for key in found if key not in wanted]
    return shapes + missing + foreign
