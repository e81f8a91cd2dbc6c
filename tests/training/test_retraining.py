"""Going on from a model: the recipe, rates by depth, looks at held-back images, several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from annotator.sam.checkpoints import load_checkpoint, load_model, save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.matching import PromptMatching
from annotator.sam.model import Sam, change_image_size
from annotator.training.distributed import World, average_gradients
from annotator.training.optimiser import DROPS, learning_rate, make_optimiser, set_rate
from annotator.training.presets import RECIPES, RETRAINING, retraining
from annotator.training.run import AVERAGED, LOG, Plan, start_run
from annotator.training.train import find_recipe, train
from annotator.training.validation import held_batches, validate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(Sam(PRESETS["tiny"]), path)
    return path


def test_retraining_keeps_the_shape_and_looks_at_held_images(
    tiny: Path, labelled_folder: Path, tmp_path: Path
) -> None:
    recipe = replace(find_recipe(RETRAINING, tiny), workers=0)
    assert recipe.stages[-1].shape.size == 128
    plan = Plan(recipe, tmp_path, labelled_folder / "dots", labelled_folder, start_from=tiny, steps=2)
    run = train(plan)
    assert run.images == 2 * 4 * recipe.accumulate
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    looks = [line for line in lines if "val_iou_point" in line]
    assert [line["progress"] for line in looks] == [0.0, 0.5, 1.0]
    assert all(0 <= line[name] <= 1 for line in looks for name in ("val_iou_3", "val_iou_box"))
    assert load_model(tmp_path / AVERAGED).config == PRESETS["tiny"]


def test_retraining_needs_a_model_to_go_on_from() -> None:
    with pytest.raises(ValueError, match="--from"):
        find_recipe(RETRAINING, None)


def test_a_run_begins_with_weights_made_for_another_input_size(tiny: Path, tmp_path: Path) -> None:
    smaller = tmp_path / "smaller.safetensors"
    save_checkpoint(change_image_size(load_checkpoint(tiny), 64), smaller)
    plan = Plan(RECIPES["tiny"], tmp_path / "run", start_from=smaller, steps=1)
    run = start_run(plan, World())
    assert run.sam.config == PRESETS["tiny"]
    assert run.sam.image_encoder.pos_embed.shape[1:3] == (8, 8)
    kept = load_checkpoint(tiny).mask_decoder.iou_token.weight
    assert torch.equal(run.sam.mask_decoder.iou_token.weight, kept)


def test_the_figures_of_a_look_repeat(tiny: Path, labelled_folder: Path) -> None:
    sam = load_model(tiny)
    batches = held_batches(labelled_folder, 128)
    assert len(batches) == 3
    assert validate(sam, batches) == validate(sam, batches)


def test_lower_blocks_learn_more_slowly() -> None:
    sam = Sam(PRESETS["tiny"])
    recipe = replace(RECIPES["tiny"], layer_decay=0.5)
    optimiser = make_optimiser(sam, PromptMatching(256), recipe)
    set_rate(optimiser, 1.0)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    encoder = sam.image_encoder
    assert rates[id(encoder.pos_embed)] == 0.25
    assert {rates[id(each)] for each in encoder.blocks[0].parameters()} == {0.5}
    assert {rates[id(each)] for each in encoder.blocks[1].parameters()} == {1.0}
    assert rates[id(encoder.neck[0].weight)] == rates[id(sam.mask_decoder.iou_token.weight)] == 1.0
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(rates)


def test_the_stepped_rate_drops_twice() -> None:
    recipe = retraining(PRESETS["bundled"])
    rates = [learning_rate(recipe, 1000, progress) for progress in (0.5, *DROPS, 1.0)]
    assert rates == pytest.approx([recipe.learning_rate * share for share in (1, 0.1, 0.01, 0.01)])
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(recipe.learning_rate / recipe.warmup_steps)


def test_gradients_of_several_batches_are_averaged() -> None:
    layer = torch.nn.Linear(2, 1)
    layer.weight.grad = torch.tensor([[2.0, 4.0]])
    average_gradients(World(), list(layer.parameters()), 2)
    assert layer.weight.grad.tolist() == [[1.0, 2.0]]
    assert layer.bias.grad is None


def test_two_processes_end_with_the_same_weights(labelled_folder: Path, tmp_path: Path) -> None:
    """Started by torch's launcher over gloo: equal weights, twice the images, one log."""
    state = tmp_path / "state"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = ["-m", "tests.training.two_processes", str(state), str(labelled_folder)]
    done = subprocess.run(
        [*command, *script], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [(state / f"rank{rank}").read_text().split() for rank in (0, 1)]
    assert told[0] == told[1]
    assert told[0][1:] == ["2", str(2 * 2 * 2 * 2)]  # steps × batches × images × processes
    looks = [json.loads(line) for line in (state / LOG).read_text().splitlines()]
    assert [line["progress"] for line in looks] == [0.0, 0.5, 1.0]
