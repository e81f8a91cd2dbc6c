"""The detector learns what is an object from embeddings, its boxes become masks, and its file carries all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from annotator.sam.config import PRESETS
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.training.box_proposals import propose
from annotator.training.detector import (
    ObjectDetector,
    assign,
    box_iou,
    load_detector,
    save_detector,
    suppress,
    to_boxes,
)
from annotator.training.detector_training import BoxedImage, choose_confident, train_detector

SIDE, GRID, CHANNELS = 128, 8, 16
BASE = "b" * 64


def drawn(seed: int) -> BoxedImage:
    """An "embedding" whose first channels say, with noise, which cells one or two objects cover."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(0, 0.1, (CHANNELS, GRID, GRID))
    boxes = []
    for half in range(1 + seed % 2):
        width, height = rng.integers(2, 4, 2)
        x, y = half * 4 + rng.integers(0, 5 - width), rng.integers(0, GRID - height + 1)
        embedding[:4, y : y + height, x : x + width] += 1.0
        embedding[4 + half, y : y + height, x : x + width] += 1.0
        boxes.append(np.array([x, y, x + width, y + height]) * SIDE / GRID)
    return BoxedImage(embedding.astype(np.float16), np.array(boxes, np.float32))


@pytest.fixture(scope="module")
def trained() -> ObjectDetector:
    return train_detector(
        [drawn(seed) for seed in range(32)], input_size=SIDE, base_digest=BASE, steps=110, seed=1
    )


def test_it_finds_what_it_was_shown_elsewhere(trained: ObjectDetector) -> None:
    held = [drawn(seed) for seed in range(100, 120)]
    found = choose_confident(trained, held)
    assert found.recall > 0.9
    assert found.precision >= 0.7
    assert found.confident_recall > 0.5
    assert 0 < trained.confident < 1


def test_confidence_is_a_threshold(trained: ObjectDetector) -> None:
    embedding = torch.from_numpy(drawn(200).embedding)
    all_of_them = trained.detect(embedding)
    sure = trained.detect(embedding, least=float(all_of_them.scores[0]))
    assert len(sure.boxes) == 1 < len(all_of_them.boxes)
    assert (all_of_them.scores.diff() <= 0).all()


def test_a_file_gives_the_same_detector(trained: ObjectDetector, tmp_path: Path) -> None:
    save_detector(trained, tmp_path / "d.safetensors")
    read = load_detector(tmp_path / "d.safetensors")
    assert (read.base_digest, read.input_size, read.confident) == (BASE, SIDE, trained.confident)
    embedding = torch.from_numpy(drawn(3).embedding)
    assert torch.allclose(read.detect(embedding).boxes[:1], trained.detect(embedding).boxes[:1], atol=2.0)


def test_another_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no detector"):
        load_detector(tmp_path / "other.safetensors")


def test_boxes_are_needed() -> None:
    empty = BoxedImage(drawn(0).embedding, np.zeros((0, 4), np.float32))
    with pytest.raises(ValueError, match="no image has a box"):
        train_detector([empty], input_size=SIDE, base_digest=BASE, steps=1)


def test_cells_stand_for_the_box_around_them() -> None:
    detector = ObjectDetector(CHANNELS, input_size=SIDE, base_digest=BASE)
    centres = detector.centres((16, 16))
    boxes = torch.tensor([[0.0, 0, 128, 128], [60, 60, 66, 66]])
    assigned = assign(boxes, centres, SIDE)
    assert assigned[2, 8, 8] == 0  # the whole image, in the band of large objects
    assert assigned[2, 0, 0] == -1
    small = (assigned[0] == 1).nonzero()
    assert len(small) >= 1
    assert ((small.float() + 0.5) * 8 - 63).abs().max() <= 8


def test_geometry() -> None:
    assert box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])).item() == pytest.approx(
        1 / 3
    )
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    assert suppress(boxes).tolist() == [0, 2]
    sides = torch.tensor([1.0, 2, 3, 4]).view(4, 1, 1)
    assert to_boxes(torch.tensor([10.0, 20]).view(2, 1, 1), sides).flatten().tolist() == [9, 18, 13, 24]


def test_its_boxes_become_masks() -> None:
    torch.manual_seed(0)
    sam = Sam(PRESETS["tiny"]).eval()
    predictor = SamPredictor(sam)
    predictor.set_image(np.random.default_rng(0).integers(0, 255, (60, 100, 3), dtype=np.uint8))
    detector = ObjectDetector(256, input_size=128, base_digest=sam.digest)
    records = propose(predictor, detector, least=0.0, most=5)
    assert 1 <= len(records) <= 5
    for record in records:
        (x0, y0, x1, y1) = record["boxes"][0]
        assert 0 <= x0 <= x1 <= 100
        assert 0 <= y0 <= y1 <= 60
        assert record["segmentation"]["size"] == [60, 100]
        assert record["area"] > 0
        assert 0 <= record["stability_score"] <= 1
    detector.base_digest = BASE
    with pytest.raises(ValueError, match="is of model"):
        propose(predictor, detector)


def test_one_large_object_leaves_room_for_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of a large object are hundreds; a small one is a few, and less sure."""
    detector = ObjectDetector(8, input_size=640, base_digest="a").eval()
    objectness = torch.full((1, 3, 80, 80), -9.0)
    objectness[0, 2, 20:60, 20:60] = 4.0 + torch.rand(40, 40, generator=torch.Generator().manual_seed(0))
    objectness[0, 0, 70, 5] = 0.0
    sides = torch.full((1, 3, 4, 80, 80), 10.0)
    sides[:, 2] = 200.0
    monkeypatch.setattr(detector, "forward", lambda _: (objectness, torch.zeros(1, 3, 80, 80), sides))
    found = detector.detect(torch.zeros(8, 40, 40))
    assert any(torch.equal(box, torch.tensor([34.0, 554.0, 54.0, 574.0])) for box in found.boxes)
