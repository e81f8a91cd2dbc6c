from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from annotator.masks import encode
from annotator.sam.config import PRESETS
from annotator.sam.transforms import (
    ResizeLongestSide,
    input_size,
    normalise_and_pad,
    pack_prompts,
    postprocess_masks,
    to_model_space,
)
from tests import make_golden
from tests.sam.conftest import Pair, photograph

GOLDEN = make_golden.FOLDER


def _cases(name: str) -> list[dict[str, Any]]:
    return json.loads((GOLDEN / name).read_text())["cases"]


def test_golden_files_are_what_the_generator_writes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_golden, "FOLDER", tmp_path)
    make_golden.main()
    for name in ("transforms.json", "prompts.json"):
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), "python -m tests.make_golden"
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "case", _cases("transforms.json"), ids=lambda c: f"{c['original']}@{c['image_size']}"
)
def test_transforms_give_the_golden_answers(released: Any, case: dict[str, Any]) -> None:
    original, size = tuple(case["original"]), case["image_size"]
    assert list(input_size(original, size)) == case["input"]
    assert to_model_space(case["points"], original, size).tolist() == case["transformed"]
    assert list(PRESETS["vit_b"].with_image_size(size).mask_size) == case["mask_size"]
    if min(case["input"]) > 1:  # the released rule has no lower limit and would give a side of zero
        transforms = released.predictor.ResizeLongestSide(size)
        assert transforms.get_preprocess_shape(*original, size) == tuple(case["input"])
        expected = transforms.apply_coords(np.array(case["points"], dtype=float), original)
        assert expected.tolist() == case["transformed"]


@pytest.mark.parametrize("case", _cases("prompts.json"))
def test_packed_prompts_are_the_golden_ones(case: dict[str, Any]) -> None:
    coords, labels = pack_prompts(
        case["points"],
        case["labels"],
        case["boxes"],
        original_size=tuple(case["original"]),
        image_size=case["image_size"],
    )
    assert coords.dtype == labels.dtype == np.float32
    assert coords.shape == (1, labels.shape[1], 2)
    assert coords[0].tolist() == case["coords"]
    assert labels[0].tolist() == case["packed_labels"]


@pytest.mark.parametrize("case", _cases("upsample.json"), ids=lambda c: str(c["original"]))
def test_upsampled_masks_are_the_golden_ones(case: dict[str, Any]) -> None:
    side = case["low_res"][0]
    blob = (GOLDEN / "upsample.bin").read_bytes()
    logits = np.frombuffer(blob, "<f4", side * side, case["offset"]).reshape(1, 1, side, side)
    full = postprocess_masks(
        torch.from_numpy(logits.copy()), tuple(case["input"]), tuple(case["original"]), case["image_size"]
    )
    mask = (full[0, 0] > 0).numpy()
    assert int(mask.sum()) == case["area"]
    assert encode(mask).counts == case["counts"]


def test_packed_prompts_mean_the_same_as_the_prompt_encoders_own_arguments(tiny: Pair) -> None:
    points, labels, box = [[10.0, 20.0], [50.0, 40.0]], [1, 0], [[5.0, 6.0, 90.0, 70.0]]
    encoder = tiny.ours.prompt_encoder
    for boxes in ([], box):
        coords, kinds = pack_prompts(points, labels, boxes, original_size=(128, 128), image_size=128)
        arguments = (torch.tensor([points]), torch.tensor([labels]))
        expected, _ = encoder(arguments, torch.tensor(boxes) if boxes else None, None)
        assert torch.equal(encoder.embed_tokens(torch.from_numpy(coords), torch.from_numpy(kinds)), expected)


def test_points_and_labels_must_agree() -> None:
    with pytest.raises(ValueError, match="2 points but 1 labels"):
        pack_prompts([[1, 2], [3, 4]], [1], None, original_size=(10, 10), image_size=128)


def test_padding_is_zero_after_normalising() -> None:
    mean, std = torch.full((3, 1, 1), 100.0), torch.full((3, 1, 1), 50.0)
    padded = normalise_and_pad(torch.full((1, 3, 4, 6), 200.0), mean, std, 8)
    assert padded.shape == (1, 3, 8, 8)
    assert (padded[..., :4, :6] == 2.0).all()
    assert not padded[..., 4:, :].any()
    assert not padded[..., :, 6:].any()
    with pytest.raises(ValueError, match="9x6"):
        normalise_and_pad(torch.zeros(1, 3, 9, 6), mean, std, 8)


def test_released_transform_object(released: Any) -> None:
    ours, reference = ResizeLongestSide(128), released.predictor.ResizeLongestSide(128)
    boxes = np.array([[1.0, 2.0, 30.0, 40.0], [5.0, 5.0, 9.0, 9.0]])
    coords, size = torch.rand(2, 3, 2) * 50, (60, 90)
    assert np.array_equal(ours.apply_boxes(boxes, size), reference.apply_boxes(boxes, size))
    torch.testing.assert_close(
        ours.apply_coords_torch(coords, size), reference.apply_coords_torch(coords, size)
    )
    rounded = torch.from_numpy(boxes)
    torch.testing.assert_close(
        ours.apply_boxes_torch(rounded, size), reference.apply_boxes_torch(rounded, size), check_dtype=False
    )
    # The released apply_image_torch takes its size from the wrong axes; ours is held to apply_image instead.
    image = photograph(size)
    resized = ours.apply_image_torch(torch.from_numpy(image).permute(2, 0, 1)[None].float())
    assert resized.shape == (1, 3, 85, 128)
    difference = resized[0].permute(1, 2, 0).numpy() - ours.apply_image(image).astype(np.float32)
    assert np.abs(difference).max() <= 1.0
