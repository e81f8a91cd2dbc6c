from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from annotator.sam import CheckpointError, load_model, sam_model_registry
from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
from annotator.sam.config import PRESETS, ModelConfig
from annotator.sam.digest import model_digest
from annotator.sam.model import Sam
from annotator.sam.weights_header import read_header
from tests.sam.conftest import Pair, randomise


@pytest.fixture
def sam() -> Sam:
    torch.manual_seed(0)
    model = Sam(PRESETS["tiny"]).eval()
    randomise(model)
    return model


def _same_weights(a: Sam, b: Sam) -> bool:
    other = b.state_dict()
    return all(torch.equal(value, other[key]) for key, value in a.state_dict().items())


def test_own_format_describes_itself(sam: Sam, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    digest = save_checkpoint(sam, path, about="for a test")
    loaded = load_model(path)
    assert loaded.config == sam.config
    assert loaded.digest == digest == sam.digest
    assert not loaded.training
    assert _same_weights(loaded, sam)
    assert torch.equal(loaded.pixel_mean, sam.pixel_mean)
    header = read_header(path)
    assert header is not None
    assert header.digest == digest
    assert header.expected_bytes == path.stat().st_size
    assert json.loads(header.metadata["config"]) == sam.config.to_dict()
    assert header.metadata["about"] == "for a test"


def test_half_precision_file_is_half_as_large_and_loads_as_float32(sam: Sam, tmp_path: Path) -> None:
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_checkpoint(sam, full)
    digest = save_checkpoint(sam, half, dtype=torch.float16)
    assert half.stat().st_size < 0.52 * full.stat().st_size
    loaded = load_model(half)
    assert loaded.digest == digest != sam.digest
    assert all(p.dtype == torch.float32 for p in loaded.state_dict().values())
    assert torch.equal(
        loaded.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix,
        sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix,
    )


def test_digest_depends_on_weights_and_configuration(sam: Sam) -> None:
    state = sam.state_dict()
    digest = model_digest(sam.config, state)
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert model_digest(sam.config, dict(reversed(state.items()))) == digest
    changed = {key: value.clone() for key, value in state.items()}
    changed["mask_decoder.iou_token.weight"][0, 0] += 1
    assert model_digest(sam.config, changed) != digest
    assert model_digest(sam.config.with_image_size(256), state) != digest


def test_released_pth_loads_strictly_and_is_recognised(vit_b: Pair, tmp_path: Path) -> None:
    path = tmp_path / "sam_vit_b_01ec64.pth"
    torch.save(vit_b.reference.state_dict(), path)
    loaded = load_model(path)
    assert loaded.config == PRESETS["vit_b"]
    assert _same_weights(loaded, vit_b.ours)
    with pytest.raises(CheckpointError) as error:
        sam_model_registry["vit_l"](checkpoint=path)
    assert "pos_embed expected (1, 64, 64, 1024), found (1, 64, 64, 768)" in error.value.message


def test_registry_without_a_checkpoint_builds_random_weights() -> None:
    assert set(sam_model_registry) == {"default", "vit_h", "vit_l", "vit_b"}
    model = sam_model_registry["vit_b"]()
    assert not model.training
    assert model.image_encoder.img_size == 1024
    assert sum(p.numel() for p in model.parameters()) == 93_735_472


@pytest.mark.parametrize("name", ["vit_l", "vit_h"])
def test_larger_presets_have_the_released_tensors(released: Any, name: str) -> None:
    with torch.device("meta"):
        expected = released.sam_model_registry[name]().state_dict()
        found = Sam(PRESETS[name]).state_dict()
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in expected.items()
    }


def test_installed_models_load_by_name(sam: Sam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNOTATOR_INSTANCE", str(tmp_path))
    save_checkpoint(sam, tmp_path / "weights" / "mine.safetensors")
    assert load_model("mine").digest == sam.digest
    for name in ("vit_b", "../weights/mine", "other"):
        with pytest.raises(CheckpointError) as error:
            load_model(name)
        assert name in error.value.message
        assert "flask model install" in error.value.message


class _Payload:
    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


def _bad_files(folder: Path, sam: Sam) -> dict[str, tuple[bytes | None, Any, str]]:
    """name → (bytes or None, object for torch.save, what the message must say)."""
    save_checkpoint(sam, folder / "own")
    own = (folder / "own").read_bytes()
    torch.save(sam.state_dict(), folder / "pth")
    pth = (folder / "pth").read_bytes()
    state = sam.state_dict()
    flipped = own[:-1] + bytes([own[-1] ^ 1])
    return {
        "empty": (b"", None, "found 0 bytes"),
        "page": (b"<!DOCTYPE html><html>not found", None, "<!DOCTYPE html>"),
        "cut.safetensors": (own[: len(own) // 2], None, f"expected {len(own)} bytes, found {len(own) // 2}"),
        "cut.pth": (pth[: len(pth) // 2], None, f"found {len(pth) // 2} bytes"),
        "flipped": (flipped, None, "damaged"),
        "broken header": (own[:8] + b"{" * 100, None, "readable header"),
        "config": (own.replace(b"image_size", b"imagesize_"), None, "imagesize_"),
        "other model": (None, {"a": torch.ones(2)}, "tensors such as ['a']"),
        "nested": (None, {"model": state, "epoch": 3}, "['epoch', 'model']"),
        "list": (None, [1, 2], "list"),
        "code": (None, {"weights": _Payload()}, "nothing but tensors"),
        "renamed": (None, {f"x.{key}": value for key, value in state.items()}, "found tensors such as"),
    }


def test_unusable_files_say_what_was_expected_and_found(
    sam: Sam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, (data, content, reason) in _bad_files(tmp_path, sam).items():
        path = tmp_path / name
        if data is None:
            torch.save(content, path)
        else:
            path.write_bytes(data)
        with pytest.raises(CheckpointError) as error:
            load_checkpoint(path)
        assert reason in error.value.message, (name, error.value.message)
        assert path.name in error.value.message
    assert not (tmp_path / "pwned").exists()


def test_missing_foreign_and_misshapen_tensors_are_named(sam: Sam, tmp_path: Path) -> None:
    state = dict(sam.state_dict())
    del state["mask_decoder.iou_token.weight"]
    state["image_encoder.extra"] = torch.ones(2)
    state["image_encoder.neck.1.bias"] = torch.ones(7)
    torch.save(state, tmp_path / "almost.pth")
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(tmp_path / "almost.pth", PRESETS["tiny"])
    assert "almost.pth does not fit tiny" in error.value.message
    assert "image_encoder.neck.1.bias expected (256,), found (7,)" in error.value.message
    assert "mask_decoder.iou_token.weight expected (1, 256), found nothing" in error.value.message
    assert "image_encoder.extra (2,) found, not expected" in error.value.message


def test_own_file_of_another_configuration_is_refused(sam: Sam, tmp_path: Path) -> None:
    save_checkpoint(sam, tmp_path / "tiny.safetensors")
    with pytest.raises(CheckpointError, match="expected vit_b"):
        sam_model_registry["vit_b"](checkpoint=tmp_path / "tiny.safetensors")


def test_failed_save_leaves_the_old_file(sam: Sam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(sam, path)
    before = path.read_bytes()

    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("annotator.sam.checkpoints.save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(sam, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_configuration_round_trip_and_refusals() -> None:
    for config in PRESETS.values():
        assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="unknown fields \\['colour'\\]"):
        ModelConfig.from_dict({"name": "x", "image_encoder": {"colour": 1}})
    with pytest.raises(ValueError, match="name"):
        ModelConfig.from_dict({})
    for wrong, reason in (
        ({"image_size": 100}, "not a multiple of patch_size"),
        ({"embed_dim": 100}, "not a multiple of num_heads"),
        ({"stem": "fancy"}, "'fancy'"),
        ({"depth": 2}, "outside 0..1"),
    ):
        with pytest.raises(ValueError, match=reason):
            ModelConfig.from_dict({"name": "x", "image_encoder": wrong})


def test_header_of_something_else_is_none(tmp_path: Path) -> None:
    assert read_header(tmp_path / "missing") is None
    (tmp_path / "text").write_text("hello world, this is no header")
    assert read_header(tmp_path / "text") is None
    save_file({"a": torch.ones(3)}, tmp_path / "foreign")
    header = read_header(tmp_path / "foreign")
    assert header is not None
    assert header.digest is None
    assert load_file(tmp_path / "foreign")["a"].sum() == 3


def test_importing_the_package_loads_neither_flask_nor_the_database() -> None:
    code = (
        "import sys, annotator.sam; from annotator.sam import *; "
        "assert 'torch' in sys.modules; "
        "assert not {'flask', 'sqlalchemy', 'onnx', 'onnxruntime'} & set(sys.modules); print('clean')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "clean"
