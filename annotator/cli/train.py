"""`flask train`: train a model from scratch, or go on from its last saved state."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("train")
@click.option(
    "--preset", default="bundled", show_default=True, help="Recipe; an unknown name lists those there are."
)
@click.option("--minutes", type=float, help="Length of the whole schedule in minutes of training.")
@click.option("--steps", type=int, help="Length in steps instead of minutes.")
@click.option(
    "--stop-after", type=int, help="End this call after so many steps; the schedule stays as it is."
)
@click.option(
    "--data", type=EXISTING, help="Folder of labelled COCO sources. Without it only drawn scenes are used."
)
@click.option(
    "--textures", type=EXISTING, help="Folder of JPEG photographs for surfaces. [default: DATA/textures]"
)
@click.option(
    "--state", type=FOLDER, default=Path(".training"), show_default=True, help="Folder of the saved state."
)
@click.option("--device", help="cpu or cuda. [default: cuda where there is one]")
@click.option("--threads", type=int, help="Processor threads. [default: torch's own choice]")
@click.option(
    "--resume", is_flag=True, help="Continue from the saved state; a finished schedule starts anew from it."
)
@click.option(
    "--from",
    "start_from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin with these weights, of the same shape, instead of random ones.",
)
@click.option(
    "--compile", is_flag=True, help="Compile the model first: minutes once, then about 1.7 times the speed."
)
@click.option(
    "--export", type=click.Path(dir_okay=False, path_type=Path), help="Also write float16 weights here."
)
def train(
    preset: str,
    minutes: float | None,
    steps: int | None,
    device: str | None,
    export: Path | None,
    **options: object,
) -> None:
    """Train with the paper's objective and simulated annotator; figures go to STATE/log.jsonl.

    SIGTERM and Ctrl-C save before they end, and --resume continues from there.
    """
    import torch

    from annotator.training.presets import RECIPES
    from annotator.training.run import Plan, export_average
    from annotator.training.train import train as run_training

    if preset not in RECIPES:
        raise click.BadParameter(f"{preset!r} is none of {', '.join(sorted(RECIPES))}", param_hint="--preset")
    if (minutes is None) == (steps is None):
        raise click.UsageError("Give either --minutes or --steps.")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    plan = Plan(recipe=RECIPES[preset], minutes=minutes, steps=steps, device=device, **options)  # type: ignore[arg-type]
    try:
        run = run_training(plan)
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{run.step} steps, {run.images} images, {run.seconds / 60:.1f} minutes; state in {plan.state}"
    )
    if export:
        digest = export_average(run, export)
        click.echo(f"{export}: {export.stat().st_size / 1e6:.2f} MB, digest {digest}")


command = train
