"""One training run: what was asked for, everything that a checkpoint holds, and how both reach the disk and back."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
from annotator.sam.config import PRESETS, ModelConfig
from annotator.sam.image_encoder import make_room_for_colours
from annotator.sam.matching import PromptMatching
from annotator.sam.model import Sam, resample_positions
from annotator.training.distributed import World
from annotator.training.optimiser import make_optimiser
from annotator.training.presets import Recipe

CHECKPOINT, AVERAGED, LOG, FINISHED = "checkpoint.pt", "model.safetensors", "log.jsonl", "finished"
COUNTERS = ("step", "images", "seconds", "cycle_step", "cycle_seconds")


@dataclass(frozen=True)
class Plan:
    """What a call asks for. The length is `minutes` of wall time or an exact number of `steps`.

    `stop_after` ends the call after so many steps without changing the schedule. `textures` defaults to the folder
    `textures` beside the sources, where there is one. `start_from` is a weights file that a fresh run begins with.
    `held` is a folder like `data` that is only ever looked at. `with_parent` ends the call, everything saved, when the
    process that started this one ends.
    """

    recipe: Recipe
    state: Path
    data: Path | None = None
    held: Path | None = None
    textures: Path | None = None
    minutes: float | None = None
    steps: int | None = None
    stop_after: int | None = None
    resume: bool = False
    start_from: Path | None = None
    compile: bool = False
    device: str = "cpu"
    threads: int | None = None
    with_parent: bool = False


@dataclass
class Run:
    """Everything that a checkpoint holds. `cycle_*` count within the current schedule, `step` over all of them."""

    sam: Sam
    matching: PromptMatching
    average: Sam
    optimiser: torch.optim.AdamW
    world: World = field(default_factory=World)
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    cycle_step: int = 0
    cycle_seconds: float = 0.0
    sums: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def progress_of(run: Run, plan: Plan) -> float:
    """How much of the schedule is behind the run, 0..1 and a little above."""
    if plan.steps is not None:
        return run.cycle_step / plan.steps
    assert plan.minutes is not None
    return run.cycle_seconds / (60 * plan.minutes)


def start_run(plan: Plan, world: World) -> Run:
    """A fresh run, or the saved one; a finished schedule is followed by a new one from its weights."""
    checkpoint = plan.state / CHECKPOINT
    if checkpoint.exists() and not plan.resume:
        raise FileExistsError(
            f"{checkpoint} exists: pass --resume to continue it, or choose another --state folder"
        )
    torch.manual_seed(plan.recipe.seed)
    device = torch.device(plan.device)
    sam = Sam(_config(plan))
    if plan.start_from is None:
        _initialise(sam)
    else:
        _take_weights(sam, plan.start_from)
    matching = sam.prompt_encoder.matching or PromptMatching(sam.config.image_encoder.out_channels)
    sam, matching = sam.to(device).train(), matching.to(device).train()
    sam.image_encoder.set_drop_path_rate(plan.recipe.drop_path)
    average = copy.deepcopy(sam).eval()
    run = Run(sam, matching, average, make_optimiser(sam, matching, plan.recipe), world)
    if plan.resume and checkpoint.exists():
        _restore(run, torch.load(checkpoint, map_location=device, weights_only=True))
        if progress_of(run, plan) >= 1:
            run.cycle_step, run.cycle_seconds = 0, 0.0
            (plan.state / FINISHED).unlink(missing_ok=True)
    return run


def _config(plan: Plan) -> ModelConfig:
    """The recipe's model, or the shape of the weights that the run begins with."""
    if plan.recipe.model is not None:
        return PRESETS[plan.recipe.model]
    if plan.start_from is None:
        raise ValueError("start_from: this recipe goes on from a model; name its weights file")
    return load_checkpoint(plan.start_from).config


def _initialise(sam: Sam) -> None:
    """Prompt maps start silent so that released weights can be extended; from scratch they must speak."""
    encoder = sam.prompt_encoder
    for layers in (encoder.drawing_downscaling, encoder.matching_downscaling):
        if layers is not None:
            last = layers[-1]
            assert isinstance(last, nn.Conv2d)
            nn.init.kaiming_normal_(last.weight, nonlinearity="linear")


def _take_weights(sam: Sam, path: Path) -> None:
    """Weights of an earlier model, of whatever input size; options that it does not have start silent.

    Raises ValueError for a model of another shape.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in sam.state_dict().items()}
    given = resample_positions(load_checkpoint(path).state_dict(), wanted)
    unexpected = sam.load_state_dict(given, strict=False)
    if any(".details." in key for key in unexpected.missing_keys):
        make_room_for_colours(sam.image_encoder.neck)
    foreign = [
        *unexpected.unexpected_keys,
        *(k for k in unexpected.missing_keys if ".matching" not in k and ".details." not in k),
    ]
    if foreign:
        raise ValueError(
            f"start_from: {path.name} is not a {sam.config.name} model, differing in {foreign[:3]}"
        )


def save(run: Run, plan: Plan, *, finished: bool = False) -> None:
    """Writes the checkpoint and the averaged model, each complete or not at all, and FINISHED after the last step."""
    if not run.world.leads:
        return
    state: dict[str, Any] = {
        "sam": run.sam.state_dict(),
        "matching": run.matching.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        **{name: getattr(run, name) for name in COUNTERS},
    }
    partial = plan.state / f"{CHECKPOINT}.tmp"
    torch.save(state, partial)
    partial.replace(plan.state / CHECKPOINT)
    save_checkpoint(run.average, plan.state / AVERAGED)
    if finished:
        (plan.state / FINISHED).touch()


def export_average(run: Run, path: Path) -> str:
    """Writes the averaged weights as float16 for use; returns the digest."""
    return save_checkpoint(
        run.average, path, dtype=torch.float16, about="Trained by annotator.training.train"
    )


def _restore(run: Run, state: dict[str, Any]) -> None:
    run.sam.load_state_dict(state["sam"])
    run.matching.load_state_dict(state["matching"])
    run.average.load_state_dict(state["average"])
    run.optimiser.load_state_dict(state["optimiser"])
    for name in COUNTERS:
        setattr(run, name, state[name])
