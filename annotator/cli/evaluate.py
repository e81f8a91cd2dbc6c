"""`flask evaluate`: measure models on labelled images."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from annotator.evaluation.clicks import Outcome, Segmenter

evaluate = AppGroup("evaluate", help="Measure models on labelled images.")


@evaluate.command("clicks")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of COCO sets: <set>/instances.json and <set>/images/.",
)
@click.option(
    "--model", "models", multiple=True, help="Name or file; repeat to compare. [default: the bundled model]"
)
@click.option(
    "--set", "sets", multiple=True, help="Set to measure on; repeat for several. [default: the headline sets]"
)
@click.option("--half", type=click.Choice(["tuning", "held", "all"]), default="tuning", show_default=True)
@click.option("--objects", type=int, default=24, show_default=True, help="Objects per set.")
@click.option(
    "--baselines/--no-baselines", default=True, help="Also measure what a person has without a model."
)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for JSON, plot and overlays."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def clicks(
    data: Path,
    models: tuple[str, ...],
    sets: tuple[str, ...],
    half: Any,
    objects: int,
    baselines: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Clicks and boxes as in the paper: IoU after 1, 2, 3, 5 and 9 clicks, best of three, box, box and a click."""
    from annotator.evaluation import report
    from annotator.evaluation.objects import HEADLINE, read_objects

    try:
        chosen = read_objects(data, sets or HEADLINE, half, objects)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    results: dict[str, list[Outcome]] = {}
    for segmenter in _segmenters(models, baselines):
        results[segmenter.name] = _run(segmenter, chosen, quiet=as_json)
    summary = report.summarise(results)
    if output:
        _write(output, results, summary, half)
    click.echo(json.dumps(summary, indent=1) if as_json else report.markdown(summary))


@evaluate.command("proposals")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of COCO sets to measure on: <set>/instances.json and <set>/images/.",
)
@click.option(
    "--train",
    "learning",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of other COCO sets whose boxes the detector learns from.",
)
@click.option("--model", help="Name or file. [default: the bundled model]")
@click.option("--set", "sets", multiple=True, help="Set to measure on; repeat for several.")
@click.option("--half", type=click.Choice(["tuning", "held", "all"]), default="all", show_default=True)
@click.option("--images", type=int, default=6, show_default=True, help="Images per set.")
@click.option("--train-set", "train_sets", multiple=True, help="Set to learn from. [default: all]")
@click.option(
    "--train-images", type=int, default=60, show_default=True, help="Images to learn from, per set."
)
@click.option("--steps", type=int, default=600, show_default=True, help="Steps of the detector's training.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def proposals(
    data: Path,
    learning: Path,
    model: str | None,
    sets: tuple[str, ...],
    half: Any,
    images: int,
    train_sets: tuple[str, ...],
    train_images: int,
    steps: int,
    as_json: bool,
) -> None:
    """The detector's boxes against a grid of points: recall at 100 proposals, precision of the confident ones."""
    from annotator.evaluation import proposals as measures
    from annotator.evaluation.objects import read_images
    from annotator.sam import load_model

    own = train_sets or tuple(sorted(file.parent.name for file in learning.glob("*/instances.json")))
    try:
        chosen = read_images(data, sets or measures.SETS, half, images)
        shown = read_images(learning, own, "all", train_images)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    sam = load_model(model)
    detector = _taught_detector(sam, shown, steps, quiet=as_json)
    summaries = {}
    for proposer in (measures.GridProposer(sam), measures.DetectorProposer(sam, detector)):
        total = len({item.path for item in chosen})
        with click.progressbar(
            measures.measure(proposer, chosen), total, label=f"{proposer.name:<16}", file=_stderr(as_json)
        ) as bar:
            summaries[proposer.name] = measures.summarise(list(bar))
    click.echo(json.dumps(summaries, indent=1) if as_json else measures.markdown(summaries))


def _taught_detector(sam: Any, objects: list[Any], steps: int, *, quiet: bool) -> Any:
    """A detector that learned from all images but every fifth, by which its threshold is chosen."""
    from annotator.evaluation.proposals import boxed_images
    from annotator.training.detector_training import choose_confident, train_detector

    total = len({item.path for item in objects})
    with click.progressbar(
        boxed_images(sam, objects), total, label="encoding        ", file=_stderr(quiet)
    ) as bar:
        images = list(bar)
    held = images[::5]
    training = [image for number, image in enumerate(images) if number % 5]
    detector = train_detector(
        training or held, input_size=sam.config.image_size, base_digest=sam.digest, steps=steps
    )
    choose_confident(detector, held)
    return detector


def _segmenters(models: tuple[str, ...], baselines: bool) -> list[Segmenter]:
    from annotator.evaluation.baselines import BASELINES
    from annotator.evaluation.model_segmenter import ModelSegmenter
    from annotator.sam import load_model

    found: list[Segmenter] = []
    for name in models or ("",):
        sam = load_model(name or None)
        label = Path(name).stem if name else "bundled"
        found.append(ModelSegmenter(sam, label if label not in {s.name for s in found} else name))
    return [*found, *BASELINES] if baselines else found


def _run(segmenter: Segmenter, objects: list[Any], *, quiet: bool) -> list[Outcome]:
    from annotator.evaluation.clicks import measure

    started = time.monotonic()
    with click.progressbar(
        measure(segmenter, objects), len(objects), label=f"{segmenter.name:<16}", file=_stderr(quiet)
    ) as bar:
        outcomes = list(bar)
    if not quiet:
        click.echo(
            f"{segmenter.name}: {len(outcomes)} objects in {time.monotonic() - started:.0f} s", err=True
        )
    return outcomes


def _stderr(quiet: bool) -> Any:
    import io
    import sys

    return io.StringIO() if quiet else sys.stderr


def _write(folder: Path, results: dict[str, list[Outcome]], summary: dict[str, Any], half: str) -> None:
    """results.json (summary and every object), table.md, clicks.png and one overlay picture per model."""
    from annotator.evaluation import report

    folder.mkdir(parents=True, exist_ok=True)
    objects = {
        name: [
            {"set": o.item.dataset, "image": o.item.path.name, "number": o.item.number, "area": o.item.area}
            | {"predicted_iou": o.predicted_iou}
            | {column: round(value, 4) for column, value in o.columns.items()}
            for o in outcomes
        ]
        for name, outcomes in results.items()
    }
    body = {"half": half, "summary": summary, "objects": objects}
    (folder / "results.json").write_text(json.dumps(body, indent=1) + "\n")
    (folder / "table.md").write_text(report.markdown(summary))
    report.plot_clicks(summary, folder / "clicks.png")
    for name, outcomes in results.items():
        if any("oracle" in o.columns for o in outcomes):
            report.overlays(outcomes, folder / f"overlays-{name.replace('/', '-')}.png")


command = evaluate
