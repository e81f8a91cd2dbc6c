"""Models in a running instance: rows, stored files, the active one, and `flask model`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from flask import Flask

from annotator.database import writing
from annotator.errors import InvalidInput, NotFound
from annotator.models import Model
from annotator.sam import CheckpointError, weights_header
from annotator.sam.checkpoints import save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.export_onnx import OWN, RELEASED, decoder_session
from annotator.sam.model import Sam
from annotator.services import model_install, models
from annotator.services.model_install import Release, file_sha256
from annotator.storage import storage


def _tiny(seed: int) -> Sam:
    torch.manual_seed(seed)
    return Sam(PRESETS["tiny"]).eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models in our own format, the second in half precision."""
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / "first.safetensors", folder / "second.safetensors"]
    save_checkpoint(_tiny(1), paths[0])
    save_checkpoint(_tiny(2), paths[1], dtype=torch.float16)
    return paths


def _digest(path: Path) -> str:
    header = weights_header.read_header(path)
    assert header is not None
    assert header.digest is not None
    return header.digest


@pytest.fixture
def in_app(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def test_registering_stores_weights_and_decoder_and_writes_the_row(
    in_app: Flask, weights: list[Path]
) -> None:
    digest = models.register_model(weights[1], name="second", source="trained")
    assert digest == _digest(weights[1])
    assert storage().read(models.weights_key(digest)) == weights[1].read_bytes()
    decoder = storage().read(models.decoder_key(digest))
    row = models.find_model("second")
    assert (row.digest, row.source, row.active) == (digest, "trained", True)
    assert row.decoder_key == f"models/{digest}/decoder.onnx"
    config = dict(row.config)
    graphs = config.pop("graphs")
    assert sorted(graphs) == sorted(models.GRAPHS)
    for name, file in graphs.items():
        stored = storage().read(models.graph_key(digest, name))
        assert file == {"bytes": len(stored), "sha256": hashlib.sha256(stored).hexdigest()}
    assert config.pop("model") == PRESETS["tiny"].to_dict()
    assert config.pop("graphs_version") == models.GRAPHS_VERSION
    assert config == {
        "image_size": 128,
        "embedding_size": [8, 8],
        "mask_size": [32, 32],
        "rank_single_mask": False,
        "pixel_mean": [123.675, 116.28, 103.53],
        "pixel_std": [58.395, 57.12, 57.375],
        "parameters": sum(p.numel() for p in _tiny(2).parameters()),
        "decoder_bytes": len(decoder),
        "decoder_sha256": hashlib.sha256(decoder).hexdigest(),
    }
    loaded = models.load_registered(digest)
    assert loaded.digest == digest
    assert loaded.config == PRESETS["tiny"]


def test_registering_a_model_in_memory_and_again(in_app: Flask) -> None:
    sam = _tiny(3)
    digest = models.register_model(sam, name="memory", source="trained")
    assert digest == sam.digest
    assert models.register_model(sam, name="memory", source="trained") == digest
    assert [row.digest for row in models.list_models()] == [digest]
    assert torch.equal(
        models.load_registered(digest).mask_decoder.iou_token.weight, sam.mask_decoder.iou_token.weight
    )


def test_a_new_model_takes_the_name_and_the_old_one_stays(in_app: Flask, weights: list[Path]) -> None:
    old = models.register_model(weights[0], name="mine", source="trained")
    new = models.register_model(weights[1], name="mine", source="trained")
    assert models.find_model("mine").digest == new
    assert models.find_model(old).name == f"mine-{old[:8]}"
    assert models.active_model().digest == old  # type: ignore[union-attr]


def test_exactly_one_model_is_active(in_app: Flask, weights: list[Path]) -> None:
    assert models.active_model() is None
    digests = [models.register_model(path, name=path.stem, source="installed") for path in weights]
    assert [row.active for row in models.list_models()] == [True, False]
    for name, digest in (("second", digests[1]), (digests[0], digests[0]), (digests[1][:8], digests[1])):
        assert models.use_model(name).digest == digest
        assert [row.digest for row in models.list_models() if row.active] == [digest]


def test_unknown_models_and_sources_are_refused(in_app: Flask, weights: list[Path]) -> None:
    models.register_model(weights[0], name="first", source="installed")
    with pytest.raises(NotFound, match="Registered: first"):
        models.use_model("third")
    with pytest.raises(NotFound):
        models.find_model(_digest(weights[0])[:5])  # too short to stand for anything
    with pytest.raises(InvalidInput, match="'borrowed'"):
        models.register_model(weights[0], name="x", source="borrowed")
    with pytest.raises(NotFound, match="blob"):
        models.load_registered("0" * 64)


def test_stored_weights_of_another_model_are_noticed(in_app: Flask, weights: list[Path]) -> None:
    digest = models.register_model(weights[0], name="first", source="installed")
    storage().put(models.weights_key(digest), weights[1].read_bytes())
    with pytest.raises(CheckpointError, match=_digest(weights[1])):
        models.load_registered(digest)


def test_bundled_model_registers_once_and_follows_its_file(
    in_app: Flask, weights: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights_header, "BUNDLED_WEIGHTS", weights[0])
    first = models.ensure_bundled_model()
    assert (first.name, first.source, first.active) == ("bundled", "bundled", True)

    def expensive(*args: object, **kwargs: object) -> None:
        raise AssertionError("the second start must not export again")

    with monkeypatch.context() as patch:
        patch.setattr(models, "register_model", expensive)
        assert models.ensure_bundled_model().digest == first.digest

    storage().delete(models.decoder_key(first.digest))
    models.ensure_bundled_model()
    assert storage().exists(models.decoder_key(first.digest))

    monkeypatch.setattr(weights_header, "BUNDLED_WEIGHTS", weights[1])
    assert models.ensure_bundled_model().digest == _digest(weights[1])
    assert models.active_model().digest == _digest(weights[1])  # type: ignore[union-attr]
    assert len(models.list_models()) == 2

    monkeypatch.setattr(weights_header, "BUNDLED_WEIGHTS", tmp_path / "nothing.safetensors")
    with pytest.raises(NotFound, match=r"nothing\.safetensors"):
        models.ensure_bundled_model()


def test_a_chosen_model_stays_active_when_the_bundled_one_arrives(
    in_app: Flask, weights: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = models.register_model(weights[0], name="chosen", source="installed")
    monkeypatch.setattr(weights_header, "BUNDLED_WEIGHTS", weights[1])
    assert not models.ensure_bundled_model().active
    assert models.active_model().digest == chosen  # type: ignore[union-attr]


def test_models_from_before_these_graphs_get_them(in_app: Flask, weights: list[Path]) -> None:
    first, second = (models.register_model(path, name=path.stem, source="installed") for path in weights)
    for digest in (first, second):
        with writing() as session:
            row = session.get(Model, digest)
            assert row is not None
            row.config = row.config | ({"graphs_version": 1} if digest == first else {"graphs": None})
    assert not models.is_complete(models.find_model(first))
    assert models.current_graphs(models.find_model(first)) == {}, "pages would not understand them"
    storage().delete(models.weights_key(second))
    models.complete_models()
    assert models.is_complete(models.find_model(first))
    assert models.find_model(first).active
    assert not models.is_complete(models.find_model(second)), "without weights the whole decoder has to do"

    storage().delete(models.graph_key(first, "click"))
    assert not models.is_complete(models.find_model(first))


@pytest.fixture
def flask_model(app: Flask) -> Any:
    def run(*arguments: str) -> Any:
        return app.test_cli_runner().invoke(args=["model", *arguments])

    return run


def test_install_a_file_of_ones_own_list_and_use(flask_model: Any, weights: list[Path]) -> None:
    assert "No model is registered" in flask_model("list").output
    for path in weights:
        result = flask_model("install", path.stem, "--from", str(path))
        assert result.exit_code == 0, result.output
        assert _digest(path) in result.output
    assert flask_model("use", "second").exit_code == 0
    listed = json.loads(flask_model("list", "--json").output)
    assert [(row["name"], row["active"]) for row in listed] == [("second", True), ("first", False)]
    lines = flask_model("list").output.splitlines()
    assert lines[0].startswith("* second")
    assert _digest(weights[1])[:12] in lines[0]
    assert lines[1].startswith("  first")


def test_install_released_weights_from_a_file(
    app: Flask, flask_model: Any, weights: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release("vit_b", "sam_vit_b_01ec64.pth", file_sha256(weights[0]))
    monkeypatch.setitem(model_install.RELEASES, "vit_b", release)
    result = flask_model("install", "vit_b", "--from", str(weights[0]), "--use")
    assert result.exit_code == 0, result.output
    instance = Path(app.extensions["annotator_settings"].instance)
    assert (instance / "weights" / release.file).read_bytes() == weights[0].read_bytes()
    with app.app_context():
        assert models.active_model().name == "vit_b"  # type: ignore[union-attr]
    refused = flask_model("install", "vit_b", "--from", str(weights[1]))
    assert refused.exit_code == 0, "what is installed and right needs no second source"


def test_failures_are_one_line_and_a_non_zero_exit(
    flask_model: Any, weights: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no weights")
    cases = (
        (
            ("install", "vit_b", "--from", str(weights[0])),
            "is not the released vit_b: expected SHA-256 ec2df627",
        ),
        (("install", "vit_x"), "expected vit_b, vit_l, vit_h"),
        (("install", "mine", "--from", str(tmp_path / "text")), "text is not a checkpoint"),
        (("use", "nothing"), "There is no model 'nothing'"),
        (("export-onnx", "nothing"), "There is no model 'nothing'"),
        (("export-onnx", str(weights[0]), "--return-single-mask"), "needs --format segment-anything"),
    )
    for arguments, message in cases:
        result = flask_model(*arguments)
        assert result.exit_code != 0
        assert message in result.output, result.output
        assert "Traceback" not in result.output


def test_export_onnx_in_both_forms(
    flask_model: Any, weights: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flask_model("install", "first", "--from", str(weights[0]))
    assert flask_model("export-onnx").exit_code == 0  # the active model
    assert (
        flask_model(
            "export-onnx", str(weights[1]), "-o", "other.onnx", "--format", "segment-anything"
        ).exit_code
        == 0
    )
    for file, signature in (("first.onnx", OWN), ("other.onnx", RELEASED)):
        session = decoder_session(tmp_path / file)
        assert tuple(item.name for item in session.get_inputs()) == signature.inputs
        assert tuple(item.name for item in session.get_outputs()) == signature.outputs
