"""The log of a run: a line of means every few steps, and one for each look at the held-back images."""

from __future__ import annotations

import json

from annotator.training.presets import Stage
from annotator.training.run import LOG, Plan, Run, progress_of
from annotator.training.steps import Figures
from annotator.training.validation import held_batches, validate

LOG_STEPS = 20
VALIDATIONS = 10
"""Looks at the held-back images in a run, besides the one before its first step."""


def note_step(run: Run, plan: Plan, figures: Figures, progress: float, stage: Stage) -> None:
    """Averages LOG_STEPS steps into one line of the log."""
    for name, value in figures.items():
        run.sums[name].append(value)
    if run.step % LOG_STEPS:
        return
    means = {name: round(sum(values) / len(values), 5) for name, values in run.sums.items()}
    run.sums.clear()
    rate = run.optimiser.param_groups[0]["lr"]
    _write_line(run, plan, progress, {"size": stage.shape.size, "learning_rate": rate, **means})


def _write_line(run: Run, plan: Plan, progress: float, values: dict[str, float]) -> None:
    if not run.world.leads:
        return
    line = {
        "step": run.step,
        "images": run.images,
        "minutes": round(run.seconds / 60, 2),
        "progress": round(min(progress, 1.0), 4),
    }
    with (plan.state / LOG).open("a") as file:
        file.write(json.dumps(line | values) + "\n")


class Looks:
    """Looks at the held-back images at even shares of a run, its start and its end included."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run, self.plan = run, plan
        self.size = run.sam.config.image_size
        wanted = plan.held is not None and run.world.leads
        self.batches = held_batches(plan.held, self.size) if wanted and plan.held else []
        self.taken = -1 if run.step == 0 else int(progress_of(run, plan) * VALIDATIONS)

    def take(self, progress: float) -> None:
        """Writes a line of figures when the next look is due."""
        due = int(min(progress, 1.0) * VALIDATIONS)
        if self.batches and due > self.taken:
            self.taken = due
            figures = validate(self.run.average, self.batches)
            _write_line(self.run, self.plan, progress, {"size": self.size, **figures})
