"""Training from scratch or from the last saved state, top to bottom.

    python -m annotator.training.train --preset bundled --minutes 150 --data train/ --state .training/ [--resume]

Everything random is a function of the step number, so a run stopped at any step and resumed ends with the
same weights as one that never stopped. State lives in one folder: `checkpoint.pt` (weights, average,
optimiser, position), `model.safetensors` (the averaged weights in the product's format), `log.jsonl` (one
line of figures per LOG_STEPS).
"""

from __future__ import annotations

import copy
import ctypes
import json
import math
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.image_encoder import make_room_for_colours
from annotator.sam.matching import PromptMatching
from annotator.sam.model import Sam
from annotator.training.datasets import Batch, TrainingData
from annotator.training.materials import TextureBank
from annotator.training.pool import ScenePool
from annotator.training.presets import RECIPES, Recipe, Stage
from annotator.training.steps import Figures, Parts, accumulate_gradients, make_decode, set_input_size

LOG_STEPS = 20
SAVE_SECONDS = 180
CHECKPOINT, AVERAGED, LOG = "checkpoint.pt", "model.safetensors", "log.jsonl"


@dataclass(frozen=True)
class Plan:
    """What a call asks for. The length is `minutes` of wall time or an exact number of `steps`.

    `stop_after` ends the call after so many steps without changing the schedule. `textures` defaults to the folder
    `textures` beside the sources, where there is one. `start_from` is a weights file that a fresh run begins with.
    """

    recipe: Recipe
    state: Path
    data: Path | None = None
    textures: Path | None = None
    minutes: float | None = None
    steps: int | None = None
    stop_after: int | None = None
    resume: bool = False
    start_from: Path | None = None
    compile: bool = False
    device: str = "cpu"
    threads: int | None = None


@dataclass
class Run:
    """Everything that a checkpoint holds. `cycle_*` count within the current schedule, `step` over all of them."""

    sam: Sam
    matching: PromptMatching
    average: Sam
    optimiser: torch.optim.AdamW
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    cycle_step: int = 0
    cycle_seconds: float = 0.0
    sums: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def train(plan: Plan) -> Run:
    """Trains until the plan is fulfilled or a signal arrives, saving on the way and at the end."""
    _tune_allocator()
    if plan.threads:
        torch.set_num_threads(plan.threads)
    if (plan.minutes is None) == (plan.steps is None):
        raise ValueError("give either minutes or steps")
    plan.state.mkdir(parents=True, exist_ok=True)
    recipe = plan.recipe
    run = _start(plan)
    data, pool = _open_data(plan)
    painter = pool.start_painter(run.step) if recipe.workers else None
    if painter is None:
        _paint_now(pool)
    stop = _stop_on_signals()
    first_step, saved, mark = run.step, time.monotonic(), time.monotonic()
    stage: Stage | None = None
    batches: Iterator[Batch] = iter(())
    try:
        while (progress := _progress(run, plan)) < 1 and not stop.is_set():
            if plan.stop_after is not None and run.step - first_step >= plan.stop_after:
                break
            if stage is not (stage := _stage(recipe, progress)):
                batches = data.batches(run.step, stage.shape, recipe.workers)
                parts = _parts(run, stage, compiled=plan.compile)
            waited = time.monotonic()
            batch = next(batches).to(torch.device(plan.device))
            waited = time.monotonic() - waited
            figures = _step(run, parts, batch, stage, recipe, progress)
            now = time.monotonic()
            run.seconds += now - mark
            run.cycle_seconds += now - mark
            _log(run, plan, {**figures, "seconds_a_step": now - mark, "wait": waited}, progress, stage)
            mark = now
            if now - saved > SAVE_SECONDS:
                save(run, plan)
                saved = now
    finally:
        if painter is not None:
            painter.terminate()
    save(run, plan)
    return run


def _step(run: Run, parts: Parts, batch: Batch, stage: Stage, recipe: Recipe, progress: float) -> Figures:
    generator = torch.Generator(batch.images.device).manual_seed(recipe.seed * 1_000_003 + run.step)
    torch.manual_seed(run.step)  # stochastic depth draws from the global generator
    rate = learning_rate(recipe, run.cycle_step, progress)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.zero_grad(set_to_none=True)
    figures = accumulate_gradients(parts, batch, recipe, stage.iterations, generator)
    parameters = [p for group in run.optimiser.param_groups for p in group["params"]]
    figures["gradient"] = float(nn.utils.clip_grad_norm_(parameters, recipe.clip_norm))
    if math.isfinite(figures["gradient"]):
        run.optimiser.step()
        _average(run, recipe)
    run.step += 1
    run.cycle_step += 1
    run.images += len(batch.images)
    return figures


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up over the first steps of a cycle, then a cosine over its progress 0..1."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    low = recipe.final_learning_rate
    return warm * (low + (recipe.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


@torch.no_grad()
def _average(run: Run, recipe: Recipe) -> None:
    """Moving average of the weights, shorter at the start where they still change fast."""
    decay = min(recipe.ema_decay, (1 + run.step) / (10 + run.step))
    for average, current in zip(run.average.parameters(), run.sam.parameters(), strict=True):
        average.lerp_(current, 1 - decay)


def _progress(run: Run, plan: Plan) -> float:
    if plan.steps is not None:
        return run.cycle_step / plan.steps
    assert plan.minutes is not None
    return run.cycle_seconds / (60 * plan.minutes)


def _stage(recipe: Recipe, progress: float) -> Stage:
    return next(stage for stage in recipe.stages if progress < stage.until or stage is recipe.stages[-1])


def _parts(run: Run, stage: Stage, *, compiled: bool) -> Parts:
    set_input_size(run.sam, stage.shape.size)
    run.sam.image_encoder.vit_frozen = stage.iterations == 0
    encode, decode = run.sam.image_encoder, make_decode(run.sam)
    if not compiled:
        return Parts(run.sam, run.matching, encode, decode)
    torch._dynamo.reset()
    return Parts(run.sam, run.matching, torch.compile(encode), torch.compile(decode))


def _start(plan: Plan) -> Run:
    """A fresh run, or the saved one; a finished schedule is followed by a new one from its weights."""
    checkpoint = plan.state / CHECKPOINT
    if checkpoint.exists() and not plan.resume:
        raise FileExistsError(
            f"{checkpoint} exists: pass --resume to continue it, or choose another --state folder"
        )
    torch.manual_seed(plan.recipe.seed)
    device = torch.device(plan.device)
    sam = Sam(PRESETS[plan.recipe.model])
    if plan.start_from is None:
        _initialise(sam)
    else:
        _take_weights(sam, plan.start_from)
    matching = sam.prompt_encoder.matching or PromptMatching(sam.config.image_encoder.out_channels)
    sam, matching = sam.to(device).train(), matching.to(device).train()
    sam.image_encoder.set_drop_path_rate(plan.recipe.drop_path)
    run = Run(sam, matching, copy.deepcopy(sam).eval(), _optimiser(sam, matching, plan.recipe))
    if plan.resume and checkpoint.exists():
        _restore(run, torch.load(checkpoint, map_location=device, weights_only=True))
        if _progress(run, plan) >= 1:
            run.cycle_step, run.cycle_seconds = 0, 0.0
    return run


def _initialise(sam: Sam) -> None:
    """Prompt maps start silent so that released weights can be extended; from scratch they must speak."""
    encoder = sam.prompt_encoder
    for layers in (encoder.drawing_downscaling, encoder.matching_downscaling):
        if layers is not None:
            last = layers[-1]
            assert isinstance(last, nn.Conv2d)
            nn.init.kaiming_normal_(last.weight, nonlinearity="linear")


def _take_weights(sam: Sam, path: Path) -> None:
    """Weights of an earlier model; options that it does not have start silent.

    Raises ValueError for a model of another shape.
    """
    unexpected = sam.load_state_dict(load_checkpoint(path).state_dict(), strict=False)
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


def _optimiser(sam: Sam, matching: PromptMatching, recipe: Recipe) -> torch.optim.AdamW:
    """Weight decay on matrices only: not on biases, norms, embeddings or positions."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    unique = {id(p): (name, p) for module in (matching, sam) for name, p in module.named_parameters()}
    for name, parameter in unique.values():
        embedding = "embed" in name or "token" in name or name.endswith(("scale", "offset"))
        (plain if parameter.ndim < 2 or embedding else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def _open_data(plan: Plan) -> tuple[TrainingData, ScenePool]:
    textures = plan.textures
    if textures is None and plan.data is not None and (plan.data / "textures").is_dir():
        textures = plan.data / "textures"
    recipe = plan.recipe
    pool = ScenePool(
        plan.state / "scenes", recipe.scene_size, recipe.scene_shards, textures, recipe.shard_scenes
    )
    return TrainingData(pool, plan.data, seed=recipe.seed, photo_share=recipe.photo_share), pool


def _paint_now(pool: ScenePool) -> None:
    bank = TextureBank.make(photographs=pool.textures)
    for shard in range(pool.max_shards):
        pool.draw_shard(shard, bank)


def save(run: Run, plan: Plan) -> None:
    """Writes the checkpoint and the averaged model, each complete or not at all."""
    state: dict[str, Any] = {
        "sam": run.sam.state_dict(),
        "matching": run.matching.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        **{name: getattr(run, name) for name in ("step", "images", "seconds", "cycle_step", "cycle_seconds")},
    }
    partial = plan.state / f"{CHECKPOINT}.tmp"
    torch.save(state, partial)
    partial.replace(plan.state / CHECKPOINT)
    save_checkpoint(run.average, plan.state / AVERAGED)


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
    for name in ("step", "images", "seconds", "cycle_step", "cycle_seconds"):
        setattr(run, name, state[name])


def _log(run: Run, plan: Plan, figures: Figures, progress: float, stage: Stage) -> None:
    """Averages LOG_STEPS steps into one line of the log."""
    for name, value in figures.items():
        run.sums[name].append(value)
    if run.step % LOG_STEPS:
        return
    means = {name: round(sum(values) / len(values), 5) for name, values in run.sums.items()}
    line = {
        "step": run.step,
        "images": run.images,
        "minutes": round(run.seconds / 60, 2),
        "progress": round(progress, 4),
        "size": stage.shape.size,
        "learning_rate": run.optimiser.param_groups[0]["lr"],
        **means,
    }
    run.sums.clear()
    with (plan.state / LOG).open("a") as file:
        file.write(json.dumps(line) + "\n")


def _stop_on_signals() -> threading.Event:
    """SIGTERM and SIGINT end the run after the current step, with everything saved."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop


def _tune_allocator() -> None:
    """Keep glibc from returning every large buffer to the kernel: page faults cost more than the arithmetic."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_mmap_threshold, m_trim_threshold = -3, -1
    libc.mallopt(m_mmap_threshold, 1 << 30)
    libc.mallopt(m_trim_threshold, (1 << 31) - 1)


def _main() -> None:
    import argparse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="bundled", choices=sorted(RECIPES))
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--stop-after", type=int)
    parser.add_argument(
        "--data", type=Path, help="folder of labelled COCO sources; without it only scenes are used"
    )
    parser.add_argument("--textures", type=Path)
    parser.add_argument("--state", type=Path, default=Path(".training"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument(
        "--from", dest="start_from", type=Path, help="weights file to begin with, of the same shape"
    )
    parser.add_argument("--compile", action="store_true")
    options = vars(parser.parse_args())
    train(Plan(recipe=RECIPES[options.pop("preset")], **options))


if __name__ == "__main__":
    _main()
