"""The browser's graphs, run by onnxruntime, are the plain decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from annotator.sam import export_click_graphs as export
from annotator.sam import load_model
from annotator.sam.config import PRESETS
from annotator.sam.export_click_graphs import ClickGraphs, export_click_graphs
from annotator.sam.export_onnx import DecoderGraph, ExportError, sample_inputs
from annotator.sam.model import Sam
from annotator.services.models import GRAPHS
from benchmarks.click_page.artefacts import vit_b_decoder

FILES = [f"{name}.onnx" for name in GRAPHS]


def _perturbed(preset: str) -> Sam:
    """Random weights with biases, gains and optional prompts that matter."""
    torch.manual_seed(5)
    sam = Sam(PRESETS[preset]).eval()
    for parameter in [*sam.prompt_encoder.parameters(), *sam.mask_decoder.parameters()]:
        parameter.data += 0.02 * torch.randn_like(parameter)
    return sam


@pytest.fixture(scope="module", params=["tiny", "bundled"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Sam, list[Path]]:
    sam = _perturbed(request.param)
    return sam, export_click_graphs(sam, tmp_path_factory.mktemp("graphs"))


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("box", [False, True])
@torch.no_grad()
def test_graphs_equal_the_plain_decoder(exported: tuple[Sam, list[Path]], box: bool, mask: bool) -> None:
    sam, paths = exported
    graphs, plain = ClickGraphs(paths, sam), DecoderGraph(sam).eval()
    for points in (1, 2, 7, 40):
        inputs = sample_inputs(sam, points, box=box, mask=mask, seed=points)
        embedding, coords, labels, mask_input, _ = inputs
        found = graphs.run(embedding, coords, labels, mask_input if mask else None)
        for value, reference in zip(found, plain(*inputs), strict=True):
            assert value.shape == reference[0].shape
            assert np.abs(value - reference[0].numpy()).max() <= 1e-5 * float(reference.abs().max())


@torch.no_grad()
def test_the_released_shape_with_and_without_a_mask_prompt(tmp_path: Path) -> None:
    sam = vit_b_decoder()
    for parameter in [*sam.prompt_encoder.parameters(), *sam.mask_decoder.parameters()]:
        parameter.data += 0.02 * torch.randn_like(parameter)
    graphs, plain = ClickGraphs(export_click_graphs(sam, tmp_path), sam), DecoderGraph(sam).eval()
    for mask in (False, True):
        inputs = sample_inputs(sam, 3, mask=mask, seed=9)
        embedding, coords, labels, mask_input, _ = inputs
        found, iou = graphs.run(embedding, coords, labels, mask_input if mask else None)
        expected, expected_iou = (value[0].numpy() for value in plain(*inputs))
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
        assert np.abs(iou - expected_iou).max() <= 1e-5 * np.abs(expected_iou).max()
        assert ((found > 0) & (expected > 0)).sum() >= 0.9999 * ((found > 0) | (expected > 0)).sum()


@torch.no_grad()
def test_trained_weights_and_parts_of_masks(tmp_path: Path) -> None:
    sam = load_model()
    graphs, plain = ClickGraphs(export_click_graphs(sam, tmp_path), sam), DecoderGraph(sam).eval()
    height, width = sam.config.embedding_size
    for mask in (False, True):
        inputs = sample_inputs(sam, 2, mask=mask, seed=4)
        embedding, coords, labels, mask_input, _ = inputs
        arguments = (embedding, coords, labels, mask_input if mask else None)
        expected = plain(*inputs)[0][0].numpy()
        found, _ = graphs.run(*arguments)
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
        assert ((found > 0) & (expected > 0)).sum() >= 0.9999 * ((found > 0) | (expected > 0)).sum()
        window = (0, height, 0, width - 11)
        part, _ = graphs.run(*arguments, window=window, masks=slice(1, 2))
        assert part.shape == (1, 4 * height, 4 * (width - 11))
        assert np.abs(part[0] - expected[1, :, : 4 * (width - 11)]).max() <= 1e-5 * np.abs(expected).max()


def test_files_hold_the_weights_once(exported: tuple[Sam, list[Path]]) -> None:
    sam, paths = exported
    assert [path.name for path in paths] == FILES
    weights = sum(p.numel() for part in (sam.mask_decoder, sam.prompt_encoder) for p in part.parameters())
    assert sum(path.stat().st_size for path in paths) < 4 * weights * 1.2 + 2**20


def test_what_the_first_click_waits_for_is_optimised_beforehand(exported: tuple[Sam, list[Path]]) -> None:
    fused = {path.name for path in exported[1] if b"FusedMatMul" in path.read_bytes()}
    assert fused == set(export.OPTIMISED)


def test_graphs_that_differ_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = Sam(PRESETS["tiny"]).eval()
    (tmp_path / "click.onnx").write_bytes(b"the last good file")
    exact = ClickGraphs.run

    def wrong(self: ClickGraphs, *arguments: Any) -> list[Any]:
        masks, iou = exact(self, *arguments)
        return [masks * 1.001, iou]

    monkeypatch.setattr(export.ClickGraphs, "run", wrong)
    with pytest.raises(ExportError, match="low_res_logits differs from the plain decoder with"):
        export_click_graphs(sam, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["click.onnx"]
    assert (tmp_path / "click.onnx").read_bytes() == b"the last good file"


def test_exporting_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    sam = Sam(PRESETS["tiny"]).train()
    export_click_graphs(sam, tmp_path)
    assert sam.training
    assert sam.mask_decoder.training
