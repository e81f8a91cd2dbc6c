"""A class-agnostic detector on top of a model's embeddings: which boxes hold an object (SAM.md section 3, stage 2).

The encoder has run already for the sake of clicks, so a small convolutional head suffices, and no second backbone.
After FCOS: every cell of a grid twice as fine as the embedding's says for each of three BANDS of size whether it lies
in the middle of an object, how far the object's four sides are, and how well the box will fit. Bands stand in for a
pyramid: a whole and its part may share a middle.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

BANDS = (0.04, 0.12, 0.4)
"""Typical sides of small, middling and large objects as shares of the input's side; sides are predicted in these."""

LIMITS = (0.07, 0.22)
"""Side, as the root of width × height, where one band ends and the next begins."""

WIDTHS = (96, 64)
FORMAT = "annotator-detector-1"
CANDIDATES = 400
OVERLAP = 0.7


@dataclass(frozen=True)
class Detection:
    """Boxes (n, 4) XYXY in pixels of the model's input, the surest first, and their scores (n,) in 0..1."""

    boxes: Tensor
    scores: Tensor


class ObjectDetector(nn.Module):
    """Embeddings (B, C, h, w) to objectness, quality and sides on the grid (2h, 2w); see `forward`.

    `input_size` is the side of the model's input in pixels, `base_digest` names the model, and boxes whose score is at
    least `confident` are worth proposing.
    """

    def __init__(self, channels: int, *, input_size: int, base_digest: str, confident: float = 0.3) -> None:
        super().__init__()
        self.input_size, self.base_digest, self.confident = input_size, base_digest, confident
        inner, outer = WIDTHS
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            *_block(inner, inner),
            *_block(inner, inner, dilation=2),
            nn.ConvTranspose2d(inner, outer, 2, 2),
            nn.GroupNorm(8, outer),
            nn.GELU(),
            *_block(outer, outer),
        )
        self.head = nn.Conv2d(outer, 6 * len(BANDS), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[: len(BANDS)] = -4.0  # almost nowhere is the middle of an object

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of objectness and of quality, each (B, 3, 2h, 2w), and the sides left, top, right, bottom
        (B, 3, 4, 2h, 2w) in pixels of the input."""
        raw = self.head(self.trunk(embeddings))
        bands = len(BANDS)
        unit = raw.new_tensor(BANDS).view(1, bands, 1, 1, 1) * (self.input_size / 2)
        sides = raw[:, 2 * bands :].unflatten(1, (bands, 4)).clamp(-4, 4).exp() * unit
        return raw[:, :bands], raw[:, bands : 2 * bands], sides

    def centres(self, grid: tuple[int, int]) -> Tensor:
        """x,y (2, rows, columns) of the cells in pixels of the input."""
        rows, columns = grid
        step = self.input_size / max(grid)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        return (torch.stack([x, y]) + 0.5) * step

    @torch.no_grad()
    def detect(self, embedding: Tensor, *, most: int = 100, least: float = 0.0) -> Detection:
        """Up to `most` boxes of one embedding (C, h, w) with scores of at least `least`, overlaps removed."""
        objectness, quality, sides = self(embedding[None].float())
        scores = _peaks((objectness.sigmoid() * quality.sigmoid()).sqrt())[0].flatten()
        boxes = to_boxes(self.centres(objectness.shape[2:]).to(sides), sides)[0]
        boxes = boxes.permute(0, 2, 3, 1).reshape(-1, 4).clamp(0, self.input_size)
        first = scores.topk(min(CANDIDATES, len(scores))).indices
        first = first[scores[first] >= least]
        kept = first[suppress(boxes[first])][:most]
        return Detection(boxes[kept], scores[kept])


def _peaks(scores: Tensor) -> Tensor:
    """Scores (B, bands, h, w) with 0 where a neighbouring cell of the band is surer.

    A large object is stood for by hundreds of cells: without this they would be all of the candidates.
    """
    return scores * (scores == F.max_pool2d(scores, 3, 1, 1))


def _block(width_in: int, width_out: int, dilation: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(width_in, width_out, 3, padding=dilation, dilation=dilation)
    return [convolution, nn.GroupNorm(8, width_out), nn.GELU()]


def to_boxes(centres: Tensor, sides: Tensor) -> Tensor:
    """Centres (2, rows, columns) and sides (..., 4, rows, columns) to XYXY of the same shape as the sides."""
    return torch.cat([centres - sides[..., :2, :, :], centres + sides[..., 2:, :, :]], dim=-3)


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of XYXY boxes (n, 4) with (m, 4), (n, m)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return common / (areas[0][:, None] + areas[1][None] - common).clamp(min=1e-6)


def suppress(boxes: Tensor) -> Tensor:
    """Indices to keep of boxes (n, 4) in order of falling score: none overlaps a kept one by more than OVERLAP."""
    clashes = box_iou(boxes, boxes) > OVERLAP
    alive = torch.ones(len(boxes), dtype=torch.bool)
    for index in range(len(boxes)):
        if alive[index]:
            alive[index + 1 :] &= ~clashes[index, index + 1 :]
    return alive.nonzero()[:, 0]


def assign(boxes: Tensor, centres: Tensor, input_size: int) -> Tensor:
    """Which box (index, or −1 for none) each cell of each band stands for: boxes (n, 4) to (3, rows, columns).

    A box is stood for by the cells of its band around its middle: a quarter of its sides away, at least by the
    nearest cell. Where several claim a cell, the smallest gets it.
    """
    rows, columns = centres.shape[1:]
    step = input_size / max(rows, columns)
    assigned = torch.full((len(BANDS), rows, columns), -1, dtype=torch.long)
    shapes = boxes[:, 2:] - boxes[:, :2]
    for index in shapes.prod(1).argsort(descending=True).tolist():
        middle = (boxes[index, :2] + boxes[index, 2:]) / 2
        reach = (shapes[index] / 4).clamp(min=0.51 * step)
        near = ((centres - middle[:, None, None]).abs() <= reach[:, None, None]).all(0)
        band = int((shapes[index].prod().sqrt() / input_size >= torch.tensor(LIMITS)).sum())
        assigned[band][near] = index
    return assigned


def detection_loss(detector: ObjectDetector, embeddings: Tensor, boxes: list[Tensor]) -> Tensor:
    """Focal loss of objectness, GIoU loss of the sides and cross-entropy of the predicted fit, for a batch."""
    objectness, quality, sides = detector(embeddings)
    centres = detector.centres(objectness.shape[2:])
    assigned = torch.stack([assign(each, centres, detector.input_size) for each in boxes])
    positive = assigned >= 0
    count = positive.sum().clamp(min=1)
    focal = _focal(objectness, positive.float()).sum() / count
    if not positive.any():
        return focal
    wanted = torch.stack([each[index.clamp(min=0)] for each, index in zip(boxes, assigned, strict=True)])[
        positive
    ]
    found = to_boxes(centres, sides).permute(0, 1, 3, 4, 2)[positive]
    iou, giou = _paired_iou(found, wanted)
    fit = F.binary_cross_entropy_with_logits(quality[positive], iou.detach())
    return focal + 2 * (1 - giou).mean() + fit


def _focal(logits: Tensor, wanted: Tensor) -> Tensor:
    probability = logits.sigmoid()
    right = probability * wanted + (1 - probability) * (1 - wanted)
    weight = 0.25 * wanted + 0.75 * (1 - wanted)
    return weight * (1 - right) ** 2 * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def _paired_iou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU, (n,) each, of boxes (n, 4) with those of the same row."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    union = (first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1) - common
    iou = common / union.clamp(min=1e-6)
    hull = (torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])).prod(1)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def save_detector(detector: ObjectDetector, path: Path) -> None:
    """Weights in half precision with what is needed to use them."""
    about = {
        "format": FORMAT,
        "channels": detector.trunk[0].in_channels,
        "input_size": detector.input_size,
        "base_digest": detector.base_digest,
        "confident": detector.confident,
    }
    state = {name: value.to(torch.float16).contiguous() for name, value in detector.state_dict().items()}
    save_file(state, path, metadata={"annotator": json.dumps(about)})


def load_detector(path: Path) -> ObjectDetector:
    """The eval-mode detector of a file; raises ValueError for a file of another kind."""
    with safe_open(path, "pt") as file:
        about = json.loads((file.metadata() or {}).get("annotator", "{}"))
        if about.get("format") != FORMAT:
            raise ValueError(
                f"{path.name} is no detector: expected format {FORMAT!r}, found {about.get('format')!r}"
            )
        state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    detector = ObjectDetector(
        about["channels"],
        input_size=about["input_size"],
        base_digest=about["base_digest"],
        confident=about["confident"],
    )
    detector.load_state_dict(state)
    return detector.eval()
