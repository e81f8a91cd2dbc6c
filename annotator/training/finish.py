"""From the weights of training runs to the file that is shipped:

    python -m annotator.training.finish RUN/model.safetensors … --image-size 896 --rank-single-mask --out FILE

The mean of the weights (of runs that go on from one another it is often better than any) for the input size, float16.
Prints the digest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from annotator.sam.checkpoints import load_checkpoint, save_checkpoint
from annotator.sam.config import ModelConfig
from annotator.sam.model import Sam, change_image_size


def mean_of(models: Sequence[Sam]) -> Sam:
    """A model whose weights are the mean of these, for the largest of their inputs. Raises ValueError if they differ
    otherwise."""
    size = max(model.config.image_size for model in models)
    models = [
        model if model.config.image_size == size else change_image_size(model, size) for model in models
    ]
    first = models[0]
    if any(_shape(model) != _shape(first) for model in models):
        names = ", ".join(model.config.name for model in models)
        raise ValueError(f"models of different shape have no mean: {names}; give runs of one recipe")
    states = [model.state_dict() for model in models]
    mean = Sam(first.config)
    mean.load_state_dict(
        {name: torch.stack([state[name].float() for state in states]).mean(0) for name in states[0]}
    )
    return mean


def _shape(model: Sam) -> ModelConfig:
    """What two models must have in common for a mean of their weights."""
    return _ranking(model.config, rank_single_mask=False)


def _ranking(config: ModelConfig, *, rank_single_mask: bool) -> ModelConfig:
    """The configuration with that option, which changes no weight."""
    return replace(config, mask_decoder=replace(config.mask_decoder, rank_single_mask=rank_single_mask))


def finished(models: Sequence[Sam], *, rank_single_mask: bool) -> Sam:
    """The mean of the models; see `MaskDecoderConfig` for the option."""
    mean = mean_of(models)
    sam = Sam(_ranking(mean.config, rank_single_mask=rank_single_mask))
    sam.load_state_dict(mean.state_dict())
    return sam.eval()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the file that is shipped from the weights of runs.")
    parser.add_argument("weights", nargs="+", type=Path, help="model.safetensors of one or several runs")
    parser.add_argument("--image-size", type=int, help="side of the input in pixels (default: the runs')")
    parser.add_argument("--rank-single-mask", action="store_true", help="mask 0 may answer single clicks")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    models = [load_checkpoint(path) for path in given.weights]
    sam = finished(models, rank_single_mask=given.rank_single_mask)
    save_checkpoint(sam, given.out, dtype=torch.float16, image_size=given.image_size)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.1f} MB, digest {load_checkpoint(given.out).digest}")


if __name__ == "__main__":
    main()
