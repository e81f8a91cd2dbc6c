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
