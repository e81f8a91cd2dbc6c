"""`flask train`: go on from a model with a project's masks, or train one from scratch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)
OF_RECIPES = ("preset", "stop_after", "textures", "state", "threads", "resume", "compile", "export")
"""Options that only training by a recipe knows."""


@click.command("train")
@click.option("--project", help="Train on this project's accepted masks, going on from the model it uses.")
@click.option(
    "--detector", is_flag=True, help="With --project: train the detector of objects instead of a model."
)
@click.option(
    "--from",
    "start_from",
    help="Model to go on from. With --project a registered one by name or digest, else a weights file.",
)
@click.option("--minutes", type=float, help="Length of the whole schedule in minutes of training.")
@click.option("--steps", type=int, help="Length in steps instead of minutes.")
@click.option(
    "--data",
    type=EXISTING,
    help="Folder of COCO or SA-1B images instead of the project's own; without both only drawn scenes are used.",
)
@click.option("--device", help="cpu or cuda. [default: cuda where there is one]")
@click.option(
    "--processes", type=int, help="With --project: processes that train together, one per GPU. [default: 1]"
)
@click.option("--preset", help="Recipe; an unknown name lists those there are. [default: bundled]")
@click.option(
    "--stop-after", type=int, help="End this call after so many steps; the schedule stays as it is."
)
@click.option(
    "--textures", type=EXISTING, help="Folder of JPEG photographs for surfaces. [default: DATA/textures]"
)
@click.option("--state", type=FOLDER, help="Folder of the saved state. [default: .training]")
@click.option("--threads", type=int, help="Processor threads. [default: torch's own choice]")
@click.option(
    "--resume", is_flag=True, help="Continue from the saved state; a finished schedule starts anew from it."
)
@click.option(
    "--compile", is_flag=True, help="Compile the model first: minutes once, then about 1.7 times the speed."
)
@click.option(
    "--export", type=click.Path(dir_okay=False, path_type=Path), help="Also write float16 weights here."
)
def train(project: str | None, detector: bool, processes: int | None, **options: Any) -> None:
    """Train with the paper's objective and simulated annotator.

    With --project, the run shows on the project's training page like one started there: some images are held back, the
    new model is compared with the old one on them, and nothing changes until somebody activates it.

    Without, a recipe trains in the folder --state, whose log.jsonl has the figures. SIGTERM and Ctrl-C save before
    they end, and --resume continues from there.
    """
    if not detector and (options["minutes"] is None) == (options["steps"] is None):
        raise click.UsageError("Give either --minutes or --steps.")
    if project is not None:
        given = [name for name in OF_RECIPES if options.pop(name)]
        if given:
            raise click.UsageError(f"--{given[0].replace('_', '-')} does not go with --project.")
        _train_project(project, "detector" if detector else "model", processes, **options)
    elif detector or processes:
        raise click.UsageError("--detector and --processes need --project.")
    else:
        _train_recipe(**options)


@with_appcontext
def _train_project(
    name: str,
    target: str,
    processes: int | None,
    *,
    start_from: str | None,
    data: Path | None,
    **settings: Any,
) -> None:
    from annotator.errors import NotFound
    from annotator.handlers.evaluation import judge
    from annotator.handlers.training import perform
    from annotator.services import embeddings, models, training_runs
    from annotator.services.projects import find_project

    row = find_project(name)
    digest = start_from or embeddings.model_digest(row)
    if digest is None:
        raise NotFound("No model is installed; see `flask model list`.", code="no_model")
    kept = {**settings, "data": str(data) if data else None, "processes": processes}
    run = training_runs.create(
        row,
        target=target,
        base=models.find_model(digest),
        settings={key: value for key, value in kept.items() if value is not None},
        created_by=None,
        queued=False,
    )
    run_id = run.id
    with _progress_bar() as report:
        made = perform(run_id, report)
        if target == "model":
            judge(run_id, report)
    click.echo(f"Run {run_id} made {made['digest'][:12]}.")
    if target == "model":
        _print_comparison(run_id, name)


@contextmanager
def _progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error that takes a share of 0–1 and a message; nothing when not on a terminal."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", disable=None) as bar:

        def report(share: float, message: str = "") -> None:
            bar.set_description(message)
            bar.n = round(share * 100)
            bar.refresh()

        yield report


def _print_comparison(run_id: int, project: str) -> None:
    from annotator.services import training_runs

    run = training_runs.get(run_id)
    evaluation = run.evaluation or {"rows": [], "columns": []}
    for row in evaluation["rows"]:
        cells = [
            f"{column}: {row['old'][column]['mean']:.3f} → {row['new'][column]['mean']:.3f}"
            for column in evaluation["columns"]
        ]
        click.echo(f"{row['category'] or 'all':<20} {row['objects']:>5} objects  {'  '.join(cells)}")
    click.echo(f"To use it: flask model use {(run.digest or '')[:12]} --project {project!r}")


def _train_recipe(
    *,
    preset: str | None,
    start_from: str | None,
    state: Path | None,
    device: str | None,
    export: Path | None,
    **options: Any,
) -> None:
    import torch

    from annotator.training.presets import RECIPES
    from annotator.training.run import Plan, export_average
    from annotator.training.train import train as run_training

    preset = preset or "bundled"
    if preset not in RECIPES:
        raise click.BadParameter(f"{preset!r} is none of {', '.join(sorted(RECIPES))}", param_hint="--preset")
    if start_from is not None and not Path(start_from).is_file():
        raise click.BadParameter(f"there is no file {start_from!r}", param_hint="--from")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    weights = Path(start_from) if start_from else None
    folder = state or Path(".training")
    try:
        run = run_training(
            Plan(recipe=RECIPES[preset], state=folder, start_from=weights, device=device, **options)
        )
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{run.step} steps, {run.images} images, {run.seconds / 60:.1f} minutes; state in {folder}")
    if export:
        digest = export_average(run, export)
        click.echo(f"{export}: {export.stat().st_size / 1e6:.2f} MB, digest {digest}")


command = train
