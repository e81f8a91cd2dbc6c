"""Every number of a training run in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from annotator.sam.config import ModelConfig
from annotator.training.datasets import BatchShape


@dataclass(frozen=True)
class Stage:
    """A stretch of the run up to a share `until` of it; `iterations` is how often each object is prompted.

    With 0 nothing is prompted: the dense loss alone trains the encoder's convolutional branch and the matching.
    """

    until: float
    shape: BatchShape
    iterations: int


@dataclass(frozen=True)
class Recipe:
    """One training run; `model` names an entry of the model presets, None is the shape of the weights it begins with.

    An optimiser step sees `accumulate` batches. `layer_decay` multiplies the learning rate once per encoder block
    below the last. `jitter` is the range of scales of a view, relative to the image as the product sees it, which is
    fitted to a side of `fitted_to` pixels, or of the stage's. `mosaic_share` of all samples are four views in one.
    """

    model: str | None
    stages: tuple[Stage, ...]
    schedule: Literal["cosine", "steps"] = "cosine"
    learning_rate: float = 6e-4
    final_learning_rate: float = 1e-5
    layer_decay: float = 1.0
    accumulate: int = 1
    jitter: tuple[float, float] = (0.6, 2.0)
    fitted_to: int | None = None
    warmup_steps: int = 60
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    drop_path: float = 0.0
    ema_decay: float = 0.998
    affinity_weight: float = 0.3
    later_candidates_weight: float = 0.2
    photo_share: float = 0.5
    mosaic_share: float = 0.0
    scene_size: int = 384
    scene_shards: int = 48
    shard_scenes: int = 192
    workers: int = 1
    seed: int = 20


RECIPES: dict[str, Recipe] = {
    # From nothing to something useful in about an hour of two busy cores.
    "bundled": Recipe(
        model="bundled",
        stages=(
            Stage(0.28, BatchShape(size=128, images=8, objects=4), iterations=3),
            Stage(0.78, BatchShape(size=256, images=8, objects=4), iterations=3),
            Stage(1.0, BatchShape(size=384, images=4, objects=4), iterations=3),
        ),
    ),
    # For the hours after that, resuming from the short run: small batches for many steps, mostly scenes and a strong
    # dense loss, because the short run ends with masks that hardly follow the image yet.
    "bundled-longer": Recipe(
        model="bundled",
        stages=(
            Stage(0.4, BatchShape(size=128, images=4, objects=4), iterations=2),
            Stage(0.85, BatchShape(size=256, images=4, objects=4), iterations=3),
            Stage(1.0, BatchShape(size=512, images=2, objects=6), iterations=3),
        ),
        learning_rate=8e-4,
        ema_decay=0.999,
        affinity_weight=1.0,
        photo_share=0.3,
        scene_shards=96,
    ),
    "tiny": Recipe(
        model="tiny",
        stages=(
            Stage(0.5, BatchShape(size=64, images=2, objects=2), iterations=2),
            Stage(1.0, BatchShape(size=128, images=2, objects=2), iterations=2),
        ),
        warmup_steps=2,
        scene_size=96,
        scene_shards=1,
        shard_scenes=4,
        workers=0,
    ),
}

# From the weights of a short run to a model that matches its prompts with the image (`--from`).
RECIPES["bundled-matching"] = replace(
    RECIPES["bundled-longer"],
    stages=(
        Stage(0.35, BatchShape(size=128, images=4, objects=4), iterations=2),
        Stage(0.92, BatchShape(size=256, images=4, objects=4), iterations=3),
        Stage(1.0, BatchShape(size=512, images=2, objects=6), iterations=3),
    ),
    affinity_weight=0.5,
    photo_share=0.4,
)

# The same again at larger inputs only, from a model that already matches.
RECIPES["bundled-finer"] = replace(
    RECIPES["bundled-matching"],
    stages=(
        Stage(0.64, BatchShape(size=256, images=4, objects=4), iterations=3),
        Stage(1.0, BatchShape(size=384, images=2, objects=6), iterations=3),
    ),
    learning_rate=6e-4,
    photo_share=0.5,
    seed=21,
)


# And once more at 384 pixels only, from the end of that, with more photographs and half the rate.
RECIPES["bundled-finest"] = replace(
    RECIPES["bundled-finer"],
    stages=(Stage(1.0, BatchShape(size=384, images=2, objects=6), iterations=3),),
    learning_rate=3e-4,
    photo_share=0.6,
    seed=22,
)


# For things that are small in their image, and nearer to the product's input.
RECIPES["bundled-smaller"] = replace(
    RECIPES["bundled-finest"],
    stages=(
        Stage(0.55, BatchShape(size=384, images=2, objects=6), iterations=3),
        Stage(1.0, BatchShape(size=512, images=2, objects=6), iterations=3),
    ),
    photo_share=0.65,
    mosaic_share=0.25,
    seed=24,
)

# The same at the end of the scale, one image a step.
RECIPES["bundled-larger"] = replace(
    RECIPES["bundled-smaller"],
    stages=(Stage(1.0, BatchShape(size=640, images=1, objects=8), iterations=3),),
    learning_rate=2e-4,
    seed=25,
)

RETRAINING = "retrain"
"""Name of the recipe that goes on from any model; see `retraining`."""

LARGEST_PAIR = 640
"""Input side up to which retraining takes whole images two at a time; at 896 pixels a pair would take 4.6 GB."""


def retraining(config: ModelConfig) -> Recipe:
    """Going on from a model of this shape with what people drew: the paper's schedule, mostly on parts of images.

    Layer-wise decay 0.8, warm-up, two drops to a tenth and large-scale jitter are the paper's (SAM.md section 2). The
    rate is a sixth of that of training from nothing: what few masks say about a weight is mostly noise, and a larger
    rate lets that undo what many taught. Parts at the product's scale cost a quarter of whole images, and show objects
    as large as the product will; images made smaller taught the model sizes that nobody asks it about.
    """
    size = config.image_size
    return Recipe(
        model=None,
        stages=(
            Stage(0.7, BatchShape(size=size // 2, images=4, objects=4), iterations=3),
            Stage(
                1.0, BatchShape(size=size, images=2 if size <= LARGEST_PAIR else 1, objects=4), iterations=3
            ),
        ),
        schedule="steps",
        learning_rate=1e-4,
        warmup_steps=20,
        layer_decay=0.8,
        drop_path=0.1,
        accumulate=2,
        jitter=(0.1, 2.0),
        fitted_to=size,
        ema_decay=0.99,
        affinity_weight=0.3 if config.prompt_encoder.match_prompts else 0.0,
        photo_share=1.0,
        seed=22,
    )
