"""The mean of runs, at another input size, as the file that is shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam, change_image_size
from annotator.training.finish import main, mean_of


@pytest.fixture
def runs() -> list[Sam]:
    torch.manual_seed(0)
    return [Sam(PRESETS["tiny"]).eval() for _ in range(2)]


def test_the_file_holds_the_mean_for_the_wanted_input(
    runs: list[Sam], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{number}.safetensors" for number in range(2)]
    for run, file in zip(runs, files, strict=True):
        save_checkpoint(run, file)
    out = tmp_path / "out.safetensors"
    main([*map(str, files), "--image-size", "192", "--rank-single-mask", "--out", str(out)])
    sam = load_checkpoint(out)
    assert (sam.config.image_size, sam.mask_decoder.ranked_from) == (192, 0)
    assert sam.digest in capsys.readouterr().out
    one, other = (run.mask_decoder.iou_token.weight for run in runs)
    torch.testing.assert_close(sam.mask_decoder.iou_token.weight, (one + other) / 2, atol=2e-3, rtol=0)


def test_position_codes_are_stored_small_and_loaded_large(runs: list[Sam], tmp_path: Path) -> None:
    nn.init.normal_(runs[0].image_encoder.pos_embed)
    plain, out = tmp_path / "plain.safetensors", tmp_path / "out.safetensors"
    save_checkpoint(runs[0], plain)
    save_checkpoint(runs[0], out, image_size=256)
    assert abs(out.stat().st_size - plain.stat().st_size) < 1000
    loaded, expected = load_checkpoint(out), change_image_size(runs[0], 256)
    assert loaded.config == expected.config
    assert loaded.image_encoder.pos_embed.shape[1:3] == (16, 16)
    for name, value in expected.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_one_run_stays_what_it_is(runs: list[Sam]) -> None:
    mean = mean_of(runs[:1]).state_dict()
    for name, value in runs[0].state_dict().items():
        assert torch.equal(mean[name], value), name


def test_runs_that_rank_differently_have_a_mean(runs: list[Sam]) -> None:
    decoder = replace(PRESETS["tiny"].mask_decoder, rank_single_mask=True)
    ranking = Sam(replace(PRESETS["tiny"], mask_decoder=decoder))
    assert mean_of([runs[0], ranking]).config == runs[0].config


def test_the_mean_of_runs_at_two_input_sizes_is_for_the_larger(runs: list[Sam]) -> None:
    nn.init.normal_(runs[0].image_encoder.pos_embed)
    smaller = change_image_size(runs[0], 64)
    mean = mean_of([smaller, runs[1]])
    assert mean.config == runs[1].config
    expected = (change_image_size(smaller, 128).image_encoder.pos_embed + runs[1].image_encoder.pos_embed) / 2
    torch.testing.assert_close(mean.image_encoder.pos_embed, expected)


def test_models_of_different_shape_have_no_mean(runs: list[Sam]) -> None:
    encoder = replace(PRESETS["tiny"].image_encoder, depth=1, global_attention_indexes=(0,))
    other = Sam(replace(PRESETS["tiny"], name="tinier", image_encoder=encoder))
    with pytest.raises(ValueError, match="tiny, tinier"):
        mean_of([runs[0], other])
