"""The browser's decoder as three ONNX files: what runs once per image, per click, and per mask prompt.

They share work, not weights, so together they are no larger than the plain decoder's file. They are kept only if
onnxruntime, running them one after the other, agrees with the plain decoder value by value.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from annotator.sam.export_onnx import (
    POINT_AXES,
    VERIFIED_POINTS,
    DecoderGraph,
    ExportError,
    Signature,
    decoder_session,
    sample_inputs,
    write_graph,
)
from annotator.sam.fast_decoder import Click, MaskPrompt, Prelude, no_mask_rows
from annotator.sam.model import Sam

PREPARED = ("image", "keys", "values", "queries")
RESULTS = ("low_res_logits", "iou_predictions")
TOLERANCE = 2e-5  # of the largest magnitude of each output


def signatures(sam: Sam) -> dict[str, Signature]:
    """File name of each graph to its inputs and outputs; `prepared` names are the same on both sides."""
    prepared = PREPARED if sam.prompt_encoder.matching is None else (*PREPARED, "features")
    prompts = ("point_coords", "point_labels", "mask_rows")
    return {
        "prelude.onnx": Signature(("image_embeddings",), prepared, {}),
        "mask_prompt.onnx": Signature(("mask_input",), ("mask_rows",), {}),
        "click.onnx": Signature(
            (*prepared, *prompts), RESULTS, {**POINT_AXES, "mask_rows": {0: "mask_channels"}}
        ),
    }


def export_click_graphs(sam: Sam, folder: str | os.PathLike[str]) -> list[Path]:
    """Writes the files that `signatures` names into `folder`, all of them or none; returns their paths.

    Raises ExportError when a result differs from the plain decoder's by more than TOLERANCE.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    was_training = sam.training
    sam.eval()
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".graphs.") as temporary, torch.no_grad():
            written = _write_all(sam, Path(temporary))
            _verify(sam, written)
            return [path.replace(folder / path.name) for path in written]
    finally:
        sam.train(was_training)


def _write_all(sam: Sam, folder: Path) -> list[Path]:
    embedding, coords, labels, mask, _ = sample_inputs(sam, 3)
    prelude, mask_prompt = Prelude(sam).eval(), MaskPrompt(sam).eval()
    prepared = prelude(embedding)
    traced: list[tuple[nn.Module, tuple[Any, ...]]] = [
        (prelude, (embedding,)),
        (mask_prompt, (mask,)),
        (_Flat(Click(sam)).eval(), (*prepared, coords, labels, mask_prompt(mask))),
    ]
    paths = []
    for (name, signature), (graph, inputs) in zip(signatures(sam).items(), traced, strict=True):
        write_graph(graph, inputs, signature, folder / name, fold=False)
        paths.append(folder / name)
    return paths


class _Flat(nn.Module):
    """A click whose prepared tensors are arguments of their own, as a graph's inputs are."""

    def __init__(self, click: Click) -> None:
        super().__init__()
        self.click = click

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *prepared, coords, labels, mask_rows = inputs
        masks, iou = self.click(tuple(prepared), coords, labels, mask_rows)
        return masks, iou


def _verify(sam: Sam, paths: list[Path]) -> None:
    plain = DecoderGraph(sam).eval()
    decoder = ClickGraphs(paths, no_mask_rows(sam))
    for inputs in _cases(sam):
        embedding, coords, labels, mask, has_mask = inputs
        found = decoder.run(embedding, coords, labels, mask if has_mask else None)
        for name, value, reference in zip(RESULTS, found, plain(*inputs), strict=True):
            worst = float((torch.from_numpy(value) - reference[0]).abs().max())
            allowed = TOLERANCE * float(reference.abs().max())
            if not worst <= allowed:
                raise ExportError(
                    f"{name} differs from the plain decoder with {coords.shape[1]} prompt tokens: expected within "
                    f"{allowed:.2e}, found off by {worst:.2e}"
                )


def _cases(sam: Sam) -> Iterator[list[Tensor]]:
    for points in VERIFIED_POINTS:
        for box in (False, True):
            yield sample_inputs(sam, points, box=box, mask=(points % 2 == 0) != box, seed=points)


class ClickGraphs:
    """The three files in onnxruntime, run as the browser runs them."""

    def __init__(self, paths: list[Path], no_mask: Tensor) -> None:
        self.prelude, self.mask_prompt, self.click = (decoder_session(path) for path in paths)
        self.no_mask = no_mask.numpy()

    def run(self, embedding: Tensor, coords: Tensor, labels: Tensor, mask: Tensor | None) -> list[Any]:
        """Masks (4, 4h, 4w) and predicted IoU (4,) as arrays."""
        names = [item.name for item in self.prelude.get_outputs()]
        prepared = self.prelude.run(names, {"image_embeddings": embedding.numpy()})
        rows = self.no_mask
        if mask is not None:
            rows = self.mask_prompt.run(None, {"mask_input": mask.numpy()})[0]
        feed = dict(zip(names, prepared, strict=True))
        feed |= {"point_coords": coords.numpy(), "point_labels": labels.numpy(), "mask_rows": rows}
        return list(self.click.run(list(RESULTS), feed))
