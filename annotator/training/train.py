"""Training from scratch or from the last saved state, top to bottom.

    python -m annotator.training.train --preset bundled --minutes 150 --data train/ --state .training/ [--resume]

Everything random is a function of the step number, so a run stopped at any step and resumed ends with the
same weights as one that never stopped. State lives in one folder: `checkpoint.pt` (weights, average,
optimiser, position), `model.safetensors` (the averaged weights in the product's format), `log.jsonl` (one
line of figures per LOG_STEPS, and one per look at the held-back images).

Several processes, one per GPU: start the same command through torchrun, see distributed.py.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from annotator.sam.checkpoints import load_checkpoint
from annotator.training import distributed
from annotator.training.allocator import tune_allocator
from annotator.training.datasets import Batch, TrainingData
from annotator.training.distributed import World
from annotator.training.materials import TextureBank
from annotator.training.optimiser import learning_rate, set_rate
from annotator.training.pool import ScenePool
from annotator.training.presets import RECIPES, RETRAINING, Recipe, Stage, retraining
from annotator.training.run import Plan, Run, progress_of, save, start_run
from annotator.training.run_log import Looks, note_step
from annotator.training.steps import Figures, Parts, accumulate_gradients, make_decode, set_input_size

SAVE_SECONDS = 180


def train(plan: Plan) -> Run:
    """Trains until the plan is fulfilled or a signal arrives, saving on the way and at the end."""
    tune_allocator()
    if plan.threads:
        torch.set_num_threads(plan.threads)
    if (plan.minutes is None) == (plan.steps is None):
        raise ValueError("give either minutes or steps")
    plan.state.mkdir(parents=True, exist_ok=True)
    recipe = plan.recipe
    world, device = distributed.join(plan.device)
    plan = replace(plan, device=device)
    run = start_run(plan, world)
    data, pool = _open_data(plan, world)
    drawing = recipe.photo_share < 1 or plan.data is None
    painter = pool.start_painter(run.step) if drawing and recipe.workers and world.leads else None
    if drawing and not recipe.workers:
        _paint_now(pool)
    looks = Looks(run, plan)
    stop, parent = _stop_on_signals(), os.getppid()
    first_step, saved, mark = run.step, time.monotonic(), time.monotonic()
    finished = False
    stage: Stage | None = None
    batches: Iterator[Batch] = iter(())
    try:
        while True:
            ending = stop.is_set() or (plan.with_parent and os.getppid() != parent)
            progress, stopping = distributed.agree(world, progress_of(run, plan), ending, plan.device)
            looks.take(progress)
            if progress >= 1:
                finished = True
            if finished or stopping:
                break
            if plan.stop_after is not None and run.step - first_step >= plan.stop_after:
                break
            if stage is not (stage := _stage(recipe, progress)):
                batches = data.batches(run.step * recipe.accumulate, stage.shape, recipe.workers)
                parts = _parts(run, stage, compiled=plan.compile)
            figures = _step(run, parts, batches, stage, recipe, progress)
            now = time.monotonic()
            run.seconds += now - mark
            run.cycle_seconds += now - mark
            note_step(run, plan, {**figures, "seconds_a_step": now - mark}, progress, stage)
            mark = now
            if now - saved > SAVE_SECONDS:
                save(run, plan)
                saved = now
    finally:
        if painter is not None:
            painter.terminate()
    save(run, plan, finished=finished)
    distributed.leave(world)
    return run


def _step(
    run: Run, parts: Parts, batches: Iterator[Batch], stage: Stage, recipe: Recipe, progress: float
) -> Figures:
    """One move of the optimiser over `recipe.accumulate` batches; the figures are those of the last one."""
    set_rate(run.optimiser, learning_rate(recipe, run.cycle_step, progress))
    run.optimiser.zero_grad(set_to_none=True)
    waited = 0.0
    for micro in range(recipe.accumulate):
        started = time.monotonic()
        batch = next(batches).to(run.sam.device)
        waited += time.monotonic() - started
        number = (run.step * recipe.accumulate + micro) * run.world.size + run.world.rank
        generator = torch.Generator(batch.images.device).manual_seed(recipe.seed * 1_000_003 + number)
        torch.manual_seed(number)  # stochastic depth draws from the global generator
        figures = accumulate_gradients(parts, batch, recipe, stage.iterations, generator)
        run.images += len(batch.images) * run.world.size
    figures["wait"] = waited
    parameters = [p for group in run.optimiser.param_groups for p in group["params"]]
    distributed.average_gradients(run.world, parameters, recipe.accumulate)
    figures["gradient"] = float(nn.utils.clip_grad_norm_(parameters, recipe.clip_norm))
    if math.isfinite(figures["gradient"]):
        run.optimiser.step()
        _average(run, recipe)
    run.step += 1
    run.cycle_step += 1
    return figures


@torch.no_grad()
def _average(run: Run, recipe: Recipe) -> None:
    """Moving average of the weights, shorter at the start where they still change fast."""
    decay = min(recipe.ema_decay, (1 + run.step) / (10 + run.step))
    for average, current in zip(run.average.parameters(), run.sam.parameters(), strict=True):
        average.lerp_(current, 1 - decay)


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


def _open_data(plan: Plan, world: World) -> tuple[TrainingData, ScenePool]:
    textures = plan.textures
    if textures is None and plan.data is not None and (plan.data / "textures").is_dir():
        textures = plan.data / "textures"
    recipe = plan.recipe
    pool = ScenePool(
        plan.state / "scenes", recipe.scene_size, recipe.scene_shards, textures, recipe.shard_scenes
    )
    data = TrainingData(
        pool,
        plan.data,
        seed=recipe.seed,
        photo_share=recipe.photo_share,
        jitter=recipe.jitter,
        fitted_to=recipe.fitted_to,
        mosaic_share=recipe.mosaic_share,
        rank=world.rank,
    )
    return data, pool


def _paint_now(pool: ScenePool) -> None:
    bank = TextureBank.make(photographs=pool.textures)
    for shard in range(pool.max_shards):
        pool.draw_shard(shard, bank)


def _stop_on_signals() -> threading.Event:
    """SIGTERM and SIGINT end the run after the current step, with everything saved."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop


def find_recipe(name: str, start_from: Path | None) -> Recipe:
    """The recipe of this name; "retrain" is made for the model of `start_from`. Raises ValueError without one."""
    if name != RETRAINING:
        return RECIPES[name]
    if start_from is None:
        raise ValueError("retrain goes on from a model: name its weights file with --from")
    return retraining(load_checkpoint(start_from).config)


def _main() -> None:
    import argparse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="bundled", choices=[*sorted(RECIPES), RETRAINING])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--stop-after", type=int)
    parser.add_argument(
        "--data", type=Path, help="folder of labelled COCO sources; without it only scenes are used"
    )
    parser.add_argument("--held", type=Path, help="folder of COCO sources to look at, never trained on")
    parser.add_argument("--textures", type=Path)
    parser.add_argument("--state", type=Path, default=Path(".training"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument(
        "--from", dest="start_from", type=Path, help="weights file to begin with, of the same shape"
    )
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--nice", type=int, default=0, help="how far to step back behind other processes")
    parser.add_argument(
        "--with-parent", action="store_true", help="save and end when the process that started this one ends"
    )
    options = vars(parser.parse_args())
    os.nice(options.pop("nice"))
    recipe = find_recipe(options.pop("preset"), options["start_from"])
    train(Plan(recipe=recipe, **options))


if __name__ == "__main__":
    _main()
