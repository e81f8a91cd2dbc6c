"""Prompt encoder and mask decoder as one ONNX file, for the browser and for other tools.

Every export runs the file it wrote and compares it value by value with torch; a file that differs is not
kept.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotator.sam.mask_decoder import expected_iou, to_tokens
from annotator.sam.model import Sam

OPSET = 17
TOLERANCE = 1e-4  # of the largest magnitude of each output
VERIFIED_POINTS = (1, 2, 3, 5, 10)
VERIFIED_ORIGINAL_SIZES = ((480, 640), (1024, 683), (300, 300))


class ExportError(RuntimeError):
    """The written graph disagrees with the model."""


@dataclass(frozen=True)
class Signature:
    """Names of a graph's inputs and outputs in order, and which axes of which are free."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic_axes: dict[str, dict[int, str]]


POINT_AXES = {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}}
PROMPT_INPUTS = ("image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input")

OWN = Signature(PROMPT_INPUTS, ("low_res_logits", "iou_predictions"), POINT_AXES)
RELEASED = Signature(
    (*PROMPT_INPUTS, "orig_im_size"),
    ("masks", "iou_predictions", "low_res_masks"),
    {**POINT_AXES, "masks": {2: "height", 3: "width"}},
)


class DecoderGraph(nn.Module):
    """What the browser runs: one prompt set to all four low-resolution masks.

    image_embeddings (1, C, h, w); point_coords (1, N, 2) x,y in pixels of the padded input and
    point_labels (1, N) as `transforms.pack_prompts` makes them; mask_input (1, 1, 4h, 4w) logits, used
    where has_mask_input (1,) is 1. All float32. Returns low_res_logits (1, 4, 4h, 4w), index 0 for
    unambiguous prompts, and iou_predictions (1, 4).
    """

    position: Tensor

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.prompt_encoder = sam.prompt_encoder
        self.mask_decoder = sam.mask_decoder
        # A persistent buffer becomes one shared initializer; anything else is copied into the file at every use.
        position = to_tokens(sam.prompt_encoder.get_dense_pe()).detach().contiguous()
        self.register_buffer("position", position)

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        encoder = self.prompt_encoder
        sparse = encoder.embed_tokens(point_coords, point_labels)
        absent = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        dense = has_mask_input * encoder.mask_downscaling(mask_input) + (1 - has_mask_input) * absent
        features = encoder.match_features(image_embeddings)
        for layers, maps in encoder.prompt_maps(point_coords, point_labels, features):
            dense = dense + layers(maps)
        return self.mask_decoder.decode(image_embeddings + dense, self.position, sparse)


class ReleasedGraph(nn.Module):
    """The released package's export: as `DecoderGraph`, plus orig_im_size (2,) as height, width, and full
    masks.

    Returns masks (1, M, H, W) logits at the original size, iou_predictions (1, M) and low_res_masks (1,
    M, 4h, 4w). M is 4, or 1 with `return_single_mask`: mask 0 for three tokens and more, counting the
    padding point, else the best that the model ranks: 1..3, and 0 where the model says so.
    """

    def __init__(self, sam: Sam, *, return_single_mask: bool) -> None:
        super().__init__()
        self.decoder = DecoderGraph(sam)
        self.image_size = sam.config.image_size
        self.return_single_mask = return_single_mask
        self.ranked_from = sam.mask_decoder.ranked_from

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
        orig_im_size: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        logits, iou = self.decoder(image_embeddings, point_coords, point_labels, mask_input, has_mask_input)
        if self.return_single_mask:
            logits, iou = _best_mask(logits, iou, point_coords.shape[1], self.ranked_from)
        return self._full_size(logits, orig_im_size), iou, logits

    def _full_size(self, logits: Tensor, orig_im_size: Tensor) -> Tensor:
        """`transforms.postprocess_masks` with the sizes as tensors, so that they stay free in the graph."""
        size = orig_im_size.to(torch.float32)
        resized = torch.floor(size * (self.image_size / size.max()) + 0.5).to(torch.int64)
        original = orig_im_size.to(torch.int64)
        padded = F.interpolate(
            logits, (self.image_size, self.image_size), mode="bilinear", align_corners=False
        )
        cropped = padded[..., : resized[0], : resized[1]]
        target: Any = (original[0], original[1])
        return F.interpolate(cropped, target, mode="bilinear", align_corners=False)


def _best_mask(logits: Tensor, iou: Tensor, tokens: int | Tensor, ranked_from: int) -> tuple[Tensor, Tensor]:
    # Mask 0 is lifted above all others by three or more tokens and, unless it is ranked too, put below them by fewer.
    bias = torch.zeros_like(iou)
    bias[:, 0] = 1000.0
    lift = (tokens - 2.5) * bias
    scores = iou + lift if ranked_from else expected_iou(iou, logits) + lift.clamp(min=0)
    best = scores.argmax(dim=1)
    return logits.index_select(1, best), iou.index_select(1, best)  # one image: `best` is (1,)


def export_decoder(sam: Sam, path: str | os.PathLike[str]) -> None:
    """Writes the browser's decoder for batch 1 and any number of prompt tokens, whole or not at all.

    Raises ExportError when onnxruntime's results differ from torch by more than TOLERANCE.
    """
    _export(sam, DecoderGraph(sam), OWN, path)


def export_released(sam: Sam, path: str | os.PathLike[str], *, return_single_mask: bool = False) -> None:
    """Writes a file with the inputs and outputs of `segment_anything`'s own export; raises ExportError."""
    _export(sam, ReleasedGraph(sam, return_single_mask=return_single_mask), RELEASED, path)


def _export(sam: Sam, graph: nn.Module, signature: Signature, path: str | os.PathLike[str]) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    was_training = sam.training
    graph.eval()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".onnx")
    os.close(handle)
    try:
        write_graph(graph, sample_inputs(sam, 3, signature), signature, temporary)
        _verify(sam, graph, signature, temporary)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
        sam.train(was_training)


def write_graph(
    graph: nn.Module,
    inputs: Sequence[Tensor],
    signature: Signature,
    path: str | os.PathLike[str],
    *,
    fold: bool = True,
) -> None:
    """Unverified. Without `fold`, what weights alone decide is computed by the runtime: smaller files."""
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is deprecated in favour of one that needs fixed shapes or another package.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            graph,
            tuple(inputs),
            os.fspath(path),
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            dynamic_axes=signature.dynamic_axes,
            opset_version=OPSET,
            do_constant_folding=fold,
            dynamo=False,
        )


def optimise_graph(path: Path, *, fold: bool = True) -> None:
    """Rewrites a graph as onnxruntime would run it anywhere: operators fused and, if asked to, constants folded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    optimised = path.with_suffix(".optimised.onnx")
    options.optimized_model_filepath = os.fspath(optimised)
    onnxruntime.InferenceSession(
        os.fspath(path),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=None if fold else ["ConstantFolding"],
    )
    optimised.replace(path)


def _verify(sam: Sam, graph: nn.Module, signature: Signature, path: str) -> None:
    session = decoder_session(path)
    for inputs in _cases(sam, signature):
        feed = {name: value.numpy() for name, value in zip(signature.inputs, inputs, strict=True)}
        found = session.run(list(signature.outputs), feed)
        with torch.no_grad():
            expected = graph(*inputs)
        for name, value, reference in zip(signature.outputs, found, expected, strict=True):
            worst = float((torch.from_numpy(value) - reference).abs().max())
            allowed = TOLERANCE * max(float(reference.abs().max()), 1e-6)
            if tuple(value.shape) != tuple(reference.shape) or not worst <= allowed:
                raise ExportError(
                    f"{name} differs from torch with {inputs[1].shape[1]} prompt tokens: expected "
                    f"{tuple(reference.shape)} within {allowed:.2e}, found {value.shape} off by {worst:.2e}"
                )


def decoder_session(path: str | os.PathLike[str]) -> Any:
    """An onnxruntime session on the CPU that prints errors only."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Waiting threads give up their core: the server exports beside other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])


def _cases(sam: Sam, signature: Signature) -> Iterator[list[Tensor]]:
    """Points alone, with a box, and with a mask prompt; the released form also at several image sizes."""
    sizes = VERIFIED_ORIGINAL_SIZES if "orig_im_size" in signature.inputs else VERIFIED_ORIGINAL_SIZES[:1]
    for size in sizes:
        for points in VERIFIED_POINTS if size == sizes[0] else VERIFIED_POINTS[:1]:
            for box, mask in ((False, False), (True, False), (False, True), (True, True)):
                yield sample_inputs(sam, points, signature, box=box, mask=mask, original_size=size)


def sample_inputs(
    sam: Sam,
    points: int,
    signature: Signature = OWN,
    *,
    box: bool = False,
    mask: bool = False,
    original_size: tuple[int, int] = VERIFIED_ORIGINAL_SIZES[0],
    seed: int = 0,
) -> list[Tensor]:
    """Random inputs of a graph in the order of its signature; without a box the last token is padding."""
    config, random = sam.config, torch.Generator().manual_seed(seed)
    size, (height, width) = config.image_size, config.mask_size
    channels = config.image_encoder.out_channels
    labels = torch.randint(0, 2, (1, points), generator=random).float()
    labels = torch.cat([labels, torch.tensor([[2.0, 3.0]] if box else [[-1.0]])], dim=1)
    coords = torch.rand(1, labels.shape[1], 2, generator=random) * size
    inputs = [
        torch.randn(1, channels, *config.embedding_size, generator=random),
        coords * (labels != -1)[..., None],
        labels,
        torch.randn(1, 1, height, width, generator=random) * 4,
        torch.tensor([float(mask)]),
    ]
    return [*inputs, torch.tensor(original_size).float()] if "orig_im_size" in signature.inputs else inputs
