"""What each process of a distributed run does in tests: train, then write down what its weights became."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from annotator.training.presets import RECIPES
from annotator.training.run import Plan
from annotator.training.train import train


def main(state: str, data: str) -> None:
    recipe = replace(RECIPES["tiny"], photo_share=1.0, accumulate=2)
    run = train(Plan(recipe, Path(state), data=Path(data), held=Path(data), steps=2, threads=1))
    digest = hashlib.sha256()
    for parameter in run.sam.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    (Path(state) / f"rank{os.environ['RANK']}").write_text(f"{digest.hexdigest()} {run.step} {run.images}")


if __name__ == "__main__":
    main(*sys.argv[1:])
