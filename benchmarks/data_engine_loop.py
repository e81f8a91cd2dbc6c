"""The whole data engine in one script: clicks → accepted masks → training → proposals → accept or fix → training.

    python -m benchmarks.data_engine_loop --data FOLDER [--output docs/images]

FOLDER holds COCO sets; their images become a project without a label, their masks are what a simulated person knows.
About every fifth image is held back, labelled with the truth and never trained on. In each round the person labels
new images with the model of the day; then the detector and the model learn from everything accepted. The new model is
compared with the one before on the held-back images, and put to use if it is better in the mean of one, three and five
clicks and the box. Round 1 is assisted; from round 2 on the images arrive with the detector's proposals, in the last
one with those of a grid, too.

Prints a table, and writes a plot (data-engine-loop.png) and all figures (data-engine-loop.json) into the output folder.
About a quarter of an hour on two idle cores with the bundled model.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from apiflask import APIFlask

from annotator import worker
from annotator.database import db
from annotator.evaluation.clicks import Bitmap
from annotator.evaluation.model_segmenter import ModelSegmenter
from annotator.evaluation.objects import LabelledObject, read_images
from annotator.handlers import training_process
from annotator.models import Image, Model, Project
from annotator.services import automask, embeddings, model_activation, models, projects, training_runs
from annotator.services.automask_parameters import GivenParameters, complete
from annotator.services.ingest import ingest
from annotator.training.project_data import held_back
from app import create_app
from benchmarks.simulated_person import Person, Work, mark_done

SETS = ("dsb2018",)
SHOWN = ("1", "3", "box")
MOST_OBJECTS = 8
"""Of one image; the others stay unlabelled, as with people who have a budget."""


@dataclass(frozen=True)
class Size:
    """How large a loop: images of each set, rounds, and how long the model and the detector learn in each."""

    images: int = 48
    rounds: int = 3
    steps: int = 120
    detector_steps: int = 200
    sets: tuple[str, ...] = SETS
    grid: int = 8
    """Points per side of the grid of the last round."""


@dataclass
class Labelled:
    """An image of the project and the objects that the person sees in it."""

    image_id: int
    sha256: str
    path: Path
    objects: list[LabelledObject]

    def pixels(self) -> Any:
        return self.objects[0].image()

    def truths(self) -> list[Bitmap]:
        return [item.mask() for item in self.objects]


class Loop:
    """One project on its way through the rounds; must run inside the application's context."""

    def __init__(self, app: APIFlask, data: Path, size: Size, weights: Path | None = None) -> None:
        self.size, self.worker = size, worker.Worker(app)
        if weights is None:
            models.ensure_bundled_model()
        else:
            models.register_model(weights, name="given", source="installed")
        self.project_id = projects.create_project("Data engine").id
        self.category_id = projects.create_category(self.project_id, "object").id
        self.images = list(self._upload(data))
        held = held_back({each.sha256 for each in self.images})
        self.held = [each for each in self.images if each.sha256 in held]
        self.waiting = [each for each in self.images if each.sha256 not in held]

    def _upload(self, data: Path) -> Iterator[Labelled]:
        groups: dict[Path, list[LabelledObject]] = {}
        for item in read_images(data, self.size.sets, "all", self.size.images):
            groups.setdefault(item.path, []).append(item)
        for path, objects in groups.items():
            project = db.session.get_one(Project, self.project_id)
            with path.open("rb") as file:
                image = ingest(project, file, path.name, person=None).image
            objects.sort(key=lambda item: -item.area)
            yield Labelled(image.id, image.sha256, path, objects[:MOST_OBJECTS])

    def run(self) -> Iterator[dict[str, Any]]:
        """The figures of each round as soon as it is over."""
        person = self._person()
        for each in self.held:
            person.label_perfectly(each.image_id, each.truths())
            mark_done(each.image_id)
        parts = np.array_split(np.arange(len(self.waiting)), self.size.rounds)
        for number, part in enumerate(parts, start=1):
            started = time.monotonic()
            batch = [self.waiting[index] for index in part]
            self._propose(number, batch)
            work = Work()
            person = self._person()
            for each in batch:
                person.label(each.image_id, each.pixels(), each.truths(), work)
                mark_done(each.image_id)
            evaluation = self._train()
            yield _figures(number, work, evaluation, time.monotonic() - started)

    def _digest(self) -> str:
        digest = embeddings.model_digest(db.session.get_one(Project, self.project_id))
        assert digest is not None
        return digest

    def _person(self) -> Person:
        digest = self._digest()
        return Person(ModelSegmenter(models.load_registered(digest), digest), digest, self.category_id)

    def _propose(self, number: int, batch: list[Labelled]) -> None:
        """Nothing in the first round; the detector's proposals then, and those of a grid in the last one."""
        if number == 1:
            return
        project = db.session.get_one(Project, self.project_id)
        where = Image.id.in_([each.image_id for each in batch])
        detector = training_runs.listing(self.project_id)
        run_id = next(run.id for run in detector if run.target == "detector")
        automask.queue_run(project, {"run_id": run_id}, where=where, purpose="detector")
        self.worker.run_until_idle()
        if number == self.size.rounds:
            parameters = complete("things", GivenParameters(points_per_side=self.size.grid))
            automask.queue_run(project, parameters, where=where)
            self.worker.run_until_idle()

    def _train(self) -> dict[str, Any]:
        """A new model, the decision on it, and a new detector on top; returns the comparison with the model before."""
        evaluation = self._train_one("model", self.size.steps)
        run = training_runs.listing(self.project_id)[0]
        decision = "activated" if is_better(evaluation) else "kept"
        model_activation.decide(run.id, decision, created_by=None)
        self.worker.run_until_idle()
        self._train_one("detector", self.size.detector_steps)
        return evaluation

    def _train_one(self, target: str, steps: int) -> dict[str, Any]:
        project = db.session.get_one(Project, self.project_id)
        base = db.session.get_one(Model, self._digest())
        run_id = training_runs.create(
            project, target=target, base=base, settings={"steps": steps}, created_by=None
        ).id
        self.worker.run_until_idle()
        db.session.expire_all()
        run = training_runs.get(run_id)
        if run.evaluation is None:
            raise RuntimeError(f"run {run_id} ended as {run.state}: {training_runs.error_of(run)}")
        return dict(run.evaluation)


def is_better(evaluation: dict[str, Any]) -> bool:
    """What a person looks for in the comparison: a gain in the mean of all columns, over all held-back objects."""
    difference = evaluation["rows"][0]["difference"]
    return bool(np.mean([difference[column]["mean"] for column in evaluation["columns"]]) > 0)


def _figures(number: int, work: Work, evaluation: dict[str, Any], seconds: float) -> dict[str, Any]:
    everything, columns = evaluation["rows"][0], evaluation["columns"]
    before, trained, difference = (
        {column: everything[kind][column] for column in columns} for kind in ("old", "new", "difference")
    )
    activated = is_better(evaluation)
    return {
        "round": number,
        "masks": work.masks,
        "clicks_per_mask": round(work.clicks_per_mask, 3),
        "brushed": work.brushed,
        "accepted_proposals": work.accepted_proposals,
        "rejected_proposals": work.rejected_proposals,
        "before": before,
        "trained": trained,
        "difference": difference,
        "activated": activated,
        "after": trained if activated else before,
        "minutes": round(seconds / 60, 2),
    }


def plot(rounds: list[dict[str, Any]], path: Path) -> None:
    """Mean IoU on held-back images before the first and after each round; clicks per mask in each round."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = [0, *(each["round"] for each in rounds)]
    for column, label in (("1", "1 click"), ("3", "3 clicks"), ("5", "5 clicks"), ("box", "box")):
        points = [rounds[0]["before"][column], *(each["after"][column] for each in rounds)]
        left.plot(numbers, [p["mean"] for p in points], marker="o", label=label)
        left.fill_between(
            numbers, [p["interval"][0] for p in points], [p["interval"][1] for p in points], alpha=0.15
        )
    left.set(xlabel="rounds of training", ylabel="mean IoU on held-back images", xticks=numbers)
    right.bar([each["round"] for each in rounds], [each["clicks_per_mask"] for each in rounds], width=0.7)
    for each in rounds:
        share = each["accepted_proposals"] / max(each["masks"], 1)
        middle = (each["round"], each["clicks_per_mask"] / 2)
        right.annotate(f"{share:.0%} of\nmasks\nproposed", middle, ha="center", va="center", color="white")
    right.set(xlabel="round of labelling", ylabel="clicks per mask", xticks=numbers[1:])
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def table(rounds: list[dict[str, Any]]) -> str:
    """The figures of all rounds in Markdown."""
    lines = [
        "| round | masks | from proposals | clicks a mask | brushed | new model | IoU after 1 click | 3 clicks | box |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| before | | | | | | {' | '.join(_cell(rounds[0]['before'][column]) for column in SHOWN)} |",
    ]
    for each in rounds:
        cells = " | ".join(_cell(each["after"][column]) for column in SHOWN)
        lines.append(
            f"| {each['round']} | {each['masks']} | {each['accepted_proposals']} | {each['clicks_per_mask']:.2f} "
            f"| {each['brushed']} | {'used' if each['activated'] else 'not better'} | {cells} |"
        )
    return "\n".join(lines)


def _cell(estimate: dict[str, Any]) -> str:
    low, high = estimate["interval"]
    return f"{estimate['mean']:.3f} ({low:.3f}–{high:.3f})"


@contextmanager
def _application() -> Iterator[APIFlask]:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Path(folder) / "instance", {"log_level": "warning"})
        with app.app_context():
            db.create_all()
            yield app
            db.session.remove()
            db.engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of COCO sets")
    parser.add_argument("--output", type=Path, default=Path())
    parser.add_argument("--images", type=int, default=Size.images, help="of each set")
    parser.add_argument("--rounds", type=int, default=Size.rounds)
    parser.add_argument("--steps", type=int, default=Size.steps, help="of the model, in each round")
    parser.add_argument("--detector-steps", type=int, default=Size.detector_steps, help="of the detector")
    parser.add_argument(
        "--sets", nargs="+", default=Size.sets, help="folders of DATA; one for one kind of image"
    )
    parser.add_argument("--grid", type=int, default=Size.grid, help="points per side in the last round")
    options = parser.parse_args()
    size = Size(
        options.images,
        options.rounds,
        options.steps,
        options.detector_steps,
        tuple(options.sets),
        options.grid,
    )
    training_process.NICENESS = 0  # nobody annotates meanwhile
    rounds = []
    with _application() as app:
        for figures in Loop(app, options.data, size).run():
            print(json.dumps(figures), flush=True)
            rounds.append(figures)
    options.output.mkdir(parents=True, exist_ok=True)
    plot(rounds, options.output / "data-engine-loop.png")
    (options.output / "data-engine-loop.json").write_text(json.dumps(rounds, indent=1) + "\n")
    print(table(rounds))


if __name__ == "__main__":
    main()
