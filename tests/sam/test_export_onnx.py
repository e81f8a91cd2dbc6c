from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from annotator.sam import export_onnx
from annotator.sam.export_onnx import (
    OWN,
    RELEASED,
    DecoderGraph,
    ExportError,
    Signature,
    decoder_session,
    export_decoder,
    export_released,
    sample_inputs,
)
from annotator.sam.model import Sam
from annotator.sam.transforms import pack_prompts
from tests.sam.conftest import Pair, assert_close


def _run(session: Any, signature: Signature, inputs: list[Tensor]) -> list[np.ndarray]:
    feed = {name: value.numpy() for name, value in zip(signature.inputs, inputs, strict=True)}
    return session.run(list(signature.outputs), feed)


@pytest.fixture(scope="module", params=["vit_b", "tiny", "bundled"])
def exported(
    request: pytest.FixtureRequest,
    vit_b: Pair,
    tiny: Pair,
    bundled_like: Sam,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Sam, Any, Path]:
    sam = {"vit_b": vit_b.ours, "tiny": tiny.ours, "bundled": bundled_like}[request.param]
    path = tmp_path_factory.mktemp("onnx") / "decoder.onnx"
    export_decoder(sam, path)
    return sam, decoder_session(path), path


@pytest.mark.parametrize(("box", "mask"), [(False, False), (True, False), (False, True), (True, True)])
@torch.no_grad()
def test_onnxruntime_equals_the_torch_model(exported: tuple[Sam, Any, Path], box: bool, mask: bool) -> None:
    sam, session, _ = exported
    for points in (1, 2, 5, 10):
        inputs = sample_inputs(sam, points, box=box, mask=mask, seed=points)
        embedding, coords, labels, mask_input, _ = inputs
        found_logits, found_iou = _run(session, OWN, inputs)
        # The oracle is the training-time interface with separate arguments, not the exported module.
        clicks, corners = coords[:, :points], coords[:, points:].reshape(1, 4) if box else None
        sparse, dense = sam.prompt_encoder(
            (clicks, labels[:, :points]), corners, mask_input if mask else None, embedding
        )
        position = sam.prompt_encoder.get_dense_pe()
        logits, iou = sam.mask_decoder.predict_masks(embedding, position, sparse, dense)
        assert_close(found_logits, logits, 1e-4)
        assert_close(found_iou, iou, 1e-4)


@torch.no_grad()
def test_box_alone(exported: tuple[Sam, Any, Path]) -> None:
    sam, session, _ = exported
    size = sam.config.image_size
    coords, labels = pack_prompts(None, None, [[5, 6, 70, 60]], original_size=(size, size), image_size=size)
    inputs = sample_inputs(sam, 1)
    inputs[1:3] = torch.from_numpy(coords), torch.from_numpy(labels)
    found, _ = _run(session, OWN, inputs)
    sparse, dense = sam.prompt_encoder(None, torch.from_numpy(coords).reshape(1, 4), None, inputs[0])
    position = sam.prompt_encoder.get_dense_pe()
    expected, _ = sam.mask_decoder.predict_masks(inputs[0], position, sparse, dense)
    assert_close(found, expected, 1e-4)


def test_file_has_the_agreed_interface(exported: tuple[Sam, Any, Path]) -> None:
    sam, session, path = exported
    height, width = sam.config.mask_size
    shapes = {item.name: item.shape for item in session.get_inputs()}
    assert shapes == {
        "image_embeddings": [1, 256, height // 4, width // 4],
        "point_coords": [1, "num_points", 2],
        "point_labels": [1, "num_points"],
        "mask_input": [1, 1, height, width],
        "has_mask_input": [1],
    }
    assert {item.name: item.shape for item in session.get_outputs()} == {
        "low_res_logits": [1, 4, height, width],
        "iou_predictions": [1, 4],
    }
    assert {item.type for item in (*session.get_inputs(), *session.get_outputs())} == {"tensor(float)"}
    graph = onnx.load(path)
    assert [opset.version for opset in graph.opset_import] == [17]
    decoder = sum(p.numel() for part in (sam.mask_decoder, sam.prompt_encoder) for p in part.parameters())
    position = height * width // 16 * 256
    assert path.stat().st_size < 4 * (decoder + position) * 1.05 + 2**20


@pytest.fixture(scope="module")
def reference_export(released: Any) -> Callable[[Any, Path, bool], None]:
    """The released exporter as its own script calls it."""

    def export(model: Any, path: Path, single: bool, original: tuple[int, int]) -> None:
        onnx_model = importlib.import_module("segment_anything.utils.onnx").SamOnnxModel(model, single)
        config_size = model.image_encoder.img_size
        grid = model.prompt_encoder.image_embedding_size
        inputs = {
            "image_embeddings": torch.randn(1, 256, *grid),
            "point_coords": torch.randint(0, config_size, (1, 5, 2)).float(),
            "point_labels": torch.randint(0, 4, (1, 5)).float(),
            "mask_input": torch.randn(1, 1, 4 * grid[0], 4 * grid[1]),
            "has_mask_input": torch.tensor([1.0]),
            "orig_im_size": torch.tensor(original).float(),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                onnx_model,
                tuple(inputs.values()),
                path,
                dynamo=False,
                opset_version=17,
                input_names=list(inputs),
                output_names=["masks", "iou_predictions", "low_res_masks"],
                dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
            )

    return export  # type: ignore[return-value]


@pytest.mark.parametrize("single", [False, True])
def test_released_form_agrees_with_the_released_exporters_file(
    tiny: Pair, reference_export: Any, tmp_path: Path, single: bool
) -> None:
    original = (90, 150)
    reference_export(tiny.reference, tmp_path / "reference.onnx", single, original)
    export_released(tiny.ours, tmp_path / "ours.onnx", return_single_mask=single)
    reference, ours = decoder_session(tmp_path / "reference.onnx"), decoder_session(tmp_path / "ours.onnx")
    for side in ("get_inputs", "get_outputs"):
        assert [i.name for i in getattr(ours, side)()] == [i.name for i in getattr(reference, side)()]
    for points, box, mask in ((1, False, False), (2, False, True), (1, True, False), (4, True, True)):
        inputs = sample_inputs(
            tiny.ours, points, RELEASED, box=box, mask=mask, original_size=original, seed=points
        )
        expected = _run(reference, RELEASED, inputs)
        for found, wanted in zip(_run(ours, RELEASED, inputs), expected, strict=True):
            assert_close(found, wanted, 1e-4)
        assert expected[0].shape == (1, 1 if single else 4, *original)


@torch.no_grad()
def test_released_form_ranks_mask_0_where_the_model_does(
    tiny: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = tiny.ours.mask_decoder.iou_prediction_head
    weight, bias = head.layers[-1].weight, head.layers[-1].bias
    monkeypatch.setattr(weight, "data", torch.zeros_like(weight))
    monkeypatch.setattr(bias, "data", torch.tensor([0.6, 0.2, 0.5, 0.4]))
    shared = torch.tensor([0.5, 0.3, 0.2, 0.4])
    monkeypatch.setattr(export_onnx, "expected_iou", lambda scores, _: scores * 0 + shared)
    for ranked_from, best in ((0, 0.6), (1, 0.5)):
        monkeypatch.setattr(tiny.ours.mask_decoder, "ranked_from", ranked_from)
        export_released(tiny.ours, tmp_path / "ours.onnx", return_single_mask=True)
        session = decoder_session(tmp_path / "ours.onnx")
        for points, chosen in ((1, best), (2, 0.6)):
            inputs = sample_inputs(tiny.ours, points, RELEASED, original_size=(90, 150))
            assert _run(session, RELEASED, inputs)[1].item() == pytest.approx(chosen)


@torch.no_grad()
def test_released_form_follows_the_image_size(released: Any, tiny: Pair, tmp_path: Path) -> None:
    # The released exporter's own file is bound to the size it was traced with; its torch model is not.
    model = importlib.import_module("segment_anything.utils.onnx").SamOnnxModel(tiny.reference, False)
    export_released(tiny.ours, tmp_path / "ours.onnx")
    session = decoder_session(tmp_path / "ours.onnx")
    for original in ((60, 200), (200, 60), (128, 128), (31, 17)):
        inputs = sample_inputs(tiny.ours, 2, RELEASED, original_size=original)
        for found, wanted in zip(_run(session, RELEASED, inputs), model(*inputs), strict=True):
            assert_close(found, wanted, 1e-4)


def test_export_that_differs_is_not_kept(tiny: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "decoder.onnx"
    path.write_bytes(b"the last good file")
    write = export_onnx.write_graph

    def wrong(graph: nn.Module, *arguments: Any) -> None:
        other = DecoderGraph(tiny.ours)
        other.position.data = other.position * 1.01
        write(other, *arguments)

    monkeypatch.setattr(export_onnx, "write_graph", wrong)
    with pytest.raises(ExportError, match="low_res_logits differs from torch"):
        export_decoder(tiny.ours, path)
    assert path.read_bytes() == b"the last good file"
    assert list(tmp_path.iterdir()) == [path]


def test_exporting_leaves_the_model_as_it_was(tiny: Pair, tmp_path: Path) -> None:
    tiny.ours.train()
    try:
        export_decoder(tiny.ours, tmp_path / "decoder.onnx")
        assert tiny.ours.training
        assert tiny.ours.mask_decoder.training
    finally:
        tiny.ours.eval()
