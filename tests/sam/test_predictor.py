from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from annotator.sam import SamPredictor
from annotator.sam.embedding_file import unpack_embedding
from annotator.sam.predictor import encode_image
from tests.sam.conftest import LANDSCAPE, Encoded, Pair, assert_close, photograph

CASES: dict[str, dict[str, Any]] = {
    "point": {"point_coords": [[0.4, 0.6]], "point_labels": [1]},
    "points": {"point_coords": [[0.4, 0.6], [0.1, 0.2], [0.9, 0.5]], "point_labels": [1, 0, 1]},
    "box": {"box": [0.2, 0.1, 0.8, 0.7]},
    "box and point": {"box": [0.2, 0.1, 0.8, 0.7], "point_coords": [[0.5, 0.5]], "point_labels": [0]},
}


def _pixels(case: dict[str, Any], image: np.ndarray) -> dict[str, np.ndarray]:
    width_height = np.array([image.shape[1], image.shape[0]])
    scaled = dict(case)
    for key in ("point_coords", "box"):
        if key in case:
            values = np.array(case[key])
            scaled[key] = (values.reshape(-1, 2) * width_height).reshape(values.shape)
    return {key: np.array(value) for key, value in scaled.items()}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["vit_b", "tiny landscape", "tiny portrait", "tiny square"])
def test_masks_equal_the_released_ones(
    oracles: dict[str, Encoded], name: str, case: str, multimask: bool
) -> None:
    encoded = oracles[name]
    prompts = _pixels(CASES[case], encoded.image)
    expected, expected_iou, expected_low = encoded.reference.predict(**prompts, multimask_output=multimask)
    logits, *_ = encoded.reference.predict(**prompts, multimask_output=multimask, return_logits=True)
    masks, iou, low = encoded.ours.predict(**prompts, multimask_output=multimask)
    assert masks.dtype == bool
    assert masks.shape == (3 if multimask else 1, *encoded.image.shape[:2])
    clear = np.abs(logits) >= 1e-3
    assert np.array_equal(masks[clear], expected[clear])
    assert clear.mean() > 0.95  # random weights are unsure: 1-3 % of their logits lie that close to zero
    assert_close(low, expected_low, 5e-5)
    assert_close(iou, expected_iou, 5e-5)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mask_prompt_equals_the_released_one(vit_b_predictors: Encoded) -> None:
    prompts = _pixels(CASES["point"], vit_b_predictors.image)
    _, iou, low = vit_b_predictors.reference.predict(**prompts)
    prompts["mask_input"] = low[int(np.argmax(iou))][None]
    logits, *_ = vit_b_predictors.reference.predict(**prompts, multimask_output=False, return_logits=True)
    masks, *_ = vit_b_predictors.ours.predict(**prompts, multimask_output=False)
    clear = np.abs(logits) >= 1e-3
    assert np.array_equal(masks[clear], (logits > 0)[clear])


@pytest.mark.parametrize("size", [(96, 150), (150, 96), (128, 128), (40, 33), (600, 1000)])
def test_tiny_model_agrees_on_every_shape(released: Any, tiny: Pair, size: tuple[int, int]) -> None:
    image = photograph(size)
    reference, ours = released.SamPredictor(tiny.reference), SamPredictor(tiny.ours)
    reference.set_image(image)
    ours.set_image(image)
    assert ours.input_size == reference.input_size
    assert_close(ours.get_image_embedding(), reference.get_image_embedding(), 2e-5)
    prompts = _pixels(CASES["box and point"], image)
    expected = reference.predict(**prompts, return_logits=True)
    for found, wanted in zip(ours.predict(**prompts, return_logits=True), expected, strict=True):
        assert_close(found, wanted, 5e-5)


def test_resized_image_equals_the_released_resize(released: Any, tiny: Pair) -> None:
    reference, ours = released.SamPredictor(tiny.reference), SamPredictor(tiny.ours)
    for size in ((96, 150), (150, 97), (40, 33), (600, 1000)):
        image = photograph(size)
        assert np.array_equal(ours.transform.apply_image(image), reference.transform.apply_image(image))


def test_bgr_is_the_same_image_with_its_channels_turned(tiny: Pair) -> None:
    image = photograph((50, 70))
    predictor = SamPredictor(tiny.ours)
    predictor.set_image(image)
    expected = predictor.get_image_embedding()
    predictor.set_image(image[..., ::-1], image_format="BGR")
    assert torch.equal(predictor.get_image_embedding(), expected)


def test_batched_forward_equals_the_predictor(tiny: Pair) -> None:
    image = photograph((60, 100))
    predictor = SamPredictor(tiny.ours)
    predictor.set_image(image)
    coords = torch.tensor([[[30.0, 40.0]]])
    masks, iou, low = predictor.predict_torch(coords, torch.ones(1, 1))
    resized = torch.from_numpy(predictor.transform.apply_image(image).copy()).permute(2, 0, 1)
    item = {
        "image": resized,
        "original_size": (60, 100),
        "point_coords": coords,
        "point_labels": torch.ones(1, 1),
    }
    (result,) = tiny.ours([item], multimask_output=True)
    assert torch.equal(result["masks"], masks)
    assert_close(result["iou_predictions"], iou, 1e-6)
    assert_close(result["low_res_logits"], low, 1e-6)


def test_continuing_from_a_stored_embedding(tiny: Pair) -> None:
    image = photograph(LANDSCAPE)
    direct, stored = SamPredictor(tiny.ours), SamPredictor(tiny.ours)
    direct.set_image(image)
    file = unpack_embedding(encode_image(tiny.ours, image, image_sha256="ab" * 32))
    stored.set_embedding(file)
    assert (file.original_size, file.input_size) == (LANDSCAPE, (85, 128))
    assert file.image_sha256 == "ab" * 32
    prompts = _pixels(CASES["point"], image)
    expected, *_ = direct.predict(**prompts)
    found, *_ = stored.predict(**prompts)
    assert (found == expected).mean() > 0.99


def test_embedding_of_another_model_is_refused(tiny: Pair, bundled_like: Any) -> None:
    file = unpack_embedding(encode_image(tiny.ours, photograph((20, 20)), image_sha256="0" * 64))
    with pytest.raises(ValueError) as error:
        SamPredictor(bundled_like).set_embedding(file)
    assert tiny.ours.digest in str(error.value)


def test_callers_mistakes_are_named(tiny: Pair) -> None:
    predictor = SamPredictor(tiny.ours)
    with pytest.raises(RuntimeError, match="set_image"):
        predictor.predict(point_coords=np.zeros((1, 2)), point_labels=np.ones(1))
    with pytest.raises(ValueError, match="image_format"):
        predictor.set_image(photograph((20, 20)), image_format="HSV")
    with pytest.raises(ValueError, match="float32"):
        predictor.set_image(photograph((20, 20)).astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="long side of 128"):
        predictor.set_torch_image(torch.zeros(1, 3, 64, 64), (64, 64))
    predictor.set_image(photograph((20, 20)))
    with pytest.raises(ValueError, match="point_labels"):
        predictor.predict(point_coords=np.zeros((1, 2)))
    predictor.reset_image()
    with pytest.raises(RuntimeError, match="set_image"):
        predictor.get_image_embedding()
