"""Baselines find an easy object; a model is prompted the way the product prompts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from annotator.evaluation.baselines import BASELINES, Baseline
from annotator.evaluation.clicks import Click, measure
from annotator.evaluation.model_segmenter import ModelSegmenter, stability
from annotator.evaluation.objects import read_objects
from annotator.sam import mask_decoder
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_baselines_find_a_bright_disc(baseline: Baseline, measuring_folder: Path) -> None:
    outcomes = list(measure(baseline, read_objects(measuring_folder, ("discs",), "all", 6)))
    assert np.mean([outcome.columns["box"] for outcome in outcomes]) > 0.7
    assert np.mean([outcome.columns["1"] for outcome in outcomes]) > 0.15


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_baselines_take_any_prompt(baseline: Baseline) -> None:
    """Clicks on the border, negative clicks alone beside a box, a one-pixel box, a large image that is reduced."""
    image = np.random.default_rng(0).integers(0, 255, (500, 900, 3)).astype(np.uint8)
    opened = baseline.open(image)
    corner = (Click(899, 499, inside=True), Click(0, 0, inside=False))
    for clicks, box in (
        (corner, None),
        (corner[1:], (10, 10, 300, 200)),
        ((), (899, 499, 900, 500)),
        ((), (0, 0, 900, 500)),
    ):
        assert opened.answer(clicks, box).shown.shape == (500, 900)


@pytest.fixture(scope="module")
def segmenter() -> ModelSegmenter:
    torch.manual_seed(0)
    return ModelSegmenter(Sam(PRESETS["tiny"]).eval(), "tiny")


def test_a_single_click_offers_candidates_and_their_choices(segmenter: ModelSegmenter) -> None:
    answer = segmenter.open(np.zeros((50, 70, 3), np.uint8)).answer((Click(5, 6, inside=True),), None)
    assert len(answer.candidates) == 3
    assert any(answer.shown is mask for mask in answer.candidates)
    assert {name for name, _ in answer.alternatives} == {"mask 0", "by stability"}
    assert answer.shown.shape == (50, 70)


def test_mask_0_is_offered_where_the_model_ranks_it(
    segmenter: ModelSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = segmenter.predictor.model.mask_decoder
    scores = torch.tensor([[0.95, 0.2, 0.9, 0.5], [0.6, 0.2, 0.9, 0.5]])
    monkeypatch.setattr(decoder.iou_prediction_head, "forward", lambda _: scores[:1])
    monkeypatch.setattr(mask_decoder, "expected_iou", lambda scores, _: scores)
    for ranked_from, first, best in ((0, [0, 2, 3], 0.95), (1, [2, 3, 1], 0.9)):
        monkeypatch.setattr(decoder, "ranked_from", ranked_from)
        assert decoder.ranked(scores).tolist() == [first, [2, 3, 1]]
        answer = segmenter.open(np.zeros((50, 70, 3), np.uint8)).answer((Click(5, 6, inside=True),), None)
        assert answer.shown is answer.candidates[0]
        assert len(answer.candidates) == 3
        assert answer.predicted_iou == pytest.approx(best)


def test_other_prompts_show_mask_0_and_remember_it(segmenter: ModelSegmenter) -> None:
    opened = segmenter.open(np.zeros((50, 70, 3), np.uint8))
    assert opened.answer((), (5, 5, 40, 30)).candidates == ()
    first = opened.previous
    assert first is not None
    opened.answer((Click(3, 3, inside=False),), (5, 5, 40, 30))
    assert opened.previous is not None
    assert not torch.equal(first, opened.previous)


def test_one_image_is_encoded_once(segmenter: ModelSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    monkeypatch.setattr(segmenter.predictor, "set_image", lambda image: encoded.append(image))
    image = np.zeros((50, 70, 3), np.uint8)
    segmenter.open(image)
    segmenter.open(image)
    assert len(encoded) == 1


def test_stability_by_hand() -> None:
    logits = torch.tensor([[[2.0, 0.5], [-0.5, -3.0]], [[9.0, 9.0], [9.0, -9.0]]])
    assert stability(logits).tolist() == pytest.approx([1 / 3, 1.0])
