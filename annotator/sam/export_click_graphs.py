"""The browser's decoder as four ONNX files: what runs per image, per mask prompt, per click, and per part of its masks.

They share work, not weights, so together they are hardly larger than the plain decoder's file. They are kept only if
onnxruntime, running them one after the other, agrees with the plain decoder value by value.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from annotator.sam.export_onnx import (
    POINT_AXES,
    VERIFIED_POINTS,
    DecoderGraph,
    ExportError,
    Signature,
    decoder_session,
    optimise_graph,
    sample_inputs,
    write_graph,
)
from annotator.sam.fast_decoder import (
    Click,
    Drawing,
    MaskPrompt,
    Prelude,
    Prepared,
    Reading,
    Upscale,
    no_mask_rows,
)
from annotator.sam.model import Sam

RESULTS = ("low_res_logits", "iou_predictions")
TOLERANCE = 1e-5  # of the largest magnitude of each output
Window = tuple[int, int, int, int]
OPTIMISED = ("prelude.onnx", "click.onnx", "upscale.onnx")
"""Left as they are where the browser opens them: half of the time that a page waits for its first click went there."""
FOLDED = ("click.onnx", "upscale.onnx")
"""Constants are computed here, and not where the graph runs. The prelude's position codes are smaller as formulas."""


def signatures(sam: Sam) -> dict[str, Signature]:
    """File name of each graph to its inputs and outputs; equal names are the same tensor."""
    prepared = _prepared_names(sam)
    prompts = ("point_coords", "point_labels", "mask_rows")
    mixes = {"features": {0: "mixes"}, "basis": {0: "mixes"}}
    return {
        "prelude.onnx": Signature(("image_embeddings",), (*prepared, "pixels"), {}),
        "mask_prompt.onnx": Signature(("mask_input",), ("mask_rows",), {}),
        "click.onnx": Signature(
            (*prepared, *prompts),
            (*Drawing._fields, "iou_predictions"),
            {**POINT_AXES, "mask_rows": {0: "mask_channels"}, **mixes},
        ),
        "upscale.onnx": Signature(
            ("pixels", *Drawing._fields, "window"),
            ("low_res_logits",),
            {**mixes, "kernels": {0: "masks"}, "low_res_logits": {0: "masks", 1: "rows", 2: "columns"}},
        ),
    }


def _prepared_names(sam: Sam) -> tuple[str, ...]:
    """The image, each reading's tensors with its level behind the name, the features; those only that there are."""
    last = sam.config.mask_decoder.depth
    readings = [
        f"{name}_{level}"
        for level in range(last + 1)
        for name in Reading._fields
        if not (level == 0 and "joins" in name) and not (level == last and "queries" in name)
    ]
    matches = sam.prompt_encoder.matching is not None
    return ("image", *readings, *(("match_features",) if matches else ()))


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
    prelude, mask_prompt, click = _FlatPrelude(sam).eval(), MaskPrompt(sam).eval(), _FlatClick(sam).eval()
    *prepared, pixels = prelude(embedding)
    prompts = (coords, labels, mask_prompt(mask))
    *drawing, _ = click(*prepared, *prompts)
    height, width = sam.config.embedding_size
    window = torch.tensor([0, height - 1, 0, width])
    traced: list[tuple[nn.Module, tuple[Any, ...]]] = [
        (prelude, (embedding,)),
        (mask_prompt, (mask,)),
        (click, (*prepared, *prompts)),
        (_FlatUpscale(sam).eval(), (pixels, *drawing, window)),
    ]
    paths = []
    for (name, signature), (graph, inputs) in zip(signatures(sam).items(), traced, strict=True):
        write_graph(graph, inputs, signature, folder / name, fold=False)
        if name in OPTIMISED:
            optimise_graph(folder / name, fold=name in FOLDED)
        paths.append(folder / name)
    return paths


class _FlatPrelude(nn.Module):
    """The prelude as a graph has it: every tensor an output of its own, in the order of `signatures`."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prelude = Prelude(sam)

    def forward(self, image_embeddings: Tensor) -> tuple[Tensor, ...]:
        (image, readings, features), pixels = self.prelude(image_embeddings)
        return tuple(
            x
            for x in (image, *(x for reading in readings for x in reading), features, pixels)
            if x is not None
        )


class _FlatClick(nn.Module):
    """A click whose prepared tensors are inputs of their own."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.click = Click(sam)
        self.names = _prepared_names(sam)
        self.levels = range(sam.config.mask_decoder.depth + 1)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        *prepared, coords, labels, mask_rows = inputs
        named = dict(zip(self.names, prepared, strict=True))
        readings = [
            Reading(*(named.get(f"{name}_{level}") for name in Reading._fields))  # type: ignore[arg-type]
            for level in self.levels
        ]
        features = named.get("match_features")
        drawing, iou = self.click(Prepared(named["image"], readings, features), coords, labels, mask_rows)
        return (*drawing, iou)


class _FlatUpscale(nn.Module):
    """The upscaling whose drawing is inputs of their own."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.upscale = Upscale(sam)

    def forward(self, pixels: Tensor, *inputs: Tensor) -> Tensor:
        *drawing, window = inputs
        logits: Tensor = self.upscale(pixels, Drawing(*drawing), window)
        return logits


def _verify(sam: Sam, paths: list[Path]) -> None:
    plain = DecoderGraph(sam).eval()
    decoder = ClickGraphs(paths, sam)
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
    """The files in onnxruntime, run as the browser runs them."""

    def __init__(self, paths: list[Path], sam: Sam) -> None:
        self.sessions = {path.name: decoder_session(path) for path in paths}
        self.no_mask = no_mask_rows(sam).numpy()
        self.grid = sam.config.embedding_size

    def run(
        self,
        embedding: Tensor,
        coords: Tensor,
        labels: Tensor,
        mask: Tensor | None,
        *,
        window: Window | None = None,
        masks: slice = slice(None),
    ) -> list[Any]:
        """Masks (4, 4h, 4w) and predicted IoU (4,) as arrays; or only `masks`, only of `window`, in embedding cells as
        y0, y1, x0, x1."""
        known = {"image_embeddings": embedding.numpy(), "mask_rows": self.no_mask}
        known |= {"point_coords": coords.numpy(), "point_labels": labels.numpy()}
        known |= {"window": np.array(window or (0, self.grid[0], 0, self.grid[1]))}
        if mask is not None:
            known |= self._outputs("mask_prompt.onnx", {"mask_input": mask.numpy()})
        known |= self._outputs("prelude.onnx", known)
        known |= self._outputs("click.onnx", known)
        known["kernels"] = known["kernels"][masks]
        known |= self._outputs("upscale.onnx", known)
        return [known[name] for name in RESULTS]

    def _outputs(self, name: str, known: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        session = self.sessions[name]
        feed = {item.name: known[item.name] for item in session.get_inputs()}
        outputs = [item.name for item in session.get_outputs()]
        return dict(zip(outputs, session.run(outputs, feed), strict=True))
