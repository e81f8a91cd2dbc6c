"""`flask model`: list, install, activate and export models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from annotator.models import Model
from annotator.services import model_activation
from annotator.services import models as service
from annotator.services.model_install import RELEASES, Progress, install_model
from annotator.services.projects import find_project

model = AppGroup("model", help="List, install, activate and export models.")

FORMATS = ("annotator", "segment-anything")


@model.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_models(as_json: bool) -> None:
    """Registered models; the active one is marked with a star."""
    rows = service.list_models()
    if as_json:
        click.echo(json.dumps([_described(row) for row in rows], indent=2))
        return
    for row in rows:
        size = f"{row.config['parameters'] / 1e6:.1f} M parameters, input {row.config['image_size']}"
        click.echo(f"{'*' if row.active else ' '} {row.name:<20} {row.digest[:12]}  {row.source:<9} {size}")
    if not rows:
        click.echo(f"No model is registered. Install one with: flask model install {'|'.join(RELEASES)}")


@model.command("install")
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the weights from a file instead of downloading them.",
)
@click.option("--use", is_flag=True, help="Make it the active model afterwards.")
def install(name: str, source: Path | None, use: bool) -> None:
    """Download (or copy), verify and register vit_b, vit_l or vit_h.

    With --from, any other NAME registers a checkpoint of your own.
    """
    with _ProgressBar(name) as bar:
        digest = install_model(name, source=source, progress=bar.show)
    if use:
        service.use_model(digest)
    click.echo(f"{name} is installed as {digest}.")


@model.command("use")
@click.argument("name_or_digest")
@click.option("--project", help="Use it in this project only.")
def use(name_or_digest: str, project: str | None) -> None:
    """Make a registered model the active one, or that of one project; using the one before goes back at once.

    Embeddings are queued; until an image has its new one, the model before serves it.
    """
    if project is not None:
        chosen = service.find_model(name_or_digest)
        model_activation.activate_in(find_project(project).id, chosen.digest)
        click.echo(f"{chosen.name} ({chosen.digest[:12]}) is used in {project!r}.")
        return
    row = model_activation.activate_everywhere(name_or_digest)
    click.echo(f"{row.name} ({row.digest[:12]}) is active.")
    for other in model_activation.projects_of_their_own():
        click.echo(f"{other.name!r} names its own model; change it with --project.", err=True)


@model.command("export-onnx")
@click.argument("name_or_path", required=False)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; NAME.onnx in the current folder by default.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="The browser's decoder, or the inputs and outputs of the segment_anything package's export.",
)
@click.option(
    "--return-single-mask",
    is_flag=True,
    help="segment-anything format only: return the best mask instead of all four.",
)
def export_onnx(name_or_path: str | None, output: Path | None, form: str, return_single_mask: bool) -> None:
    """Write prompt encoder and mask decoder of a model as an ONNX file, checked value by value.

    NAME_OR_PATH is a registered model or a checkpoint file; the active model by default.
    """
    from annotator.sam.export_onnx import export_decoder, export_released

    if return_single_mask and form != "segment-anything":
        raise click.UsageError("--return-single-mask needs --format segment-anything")
    sam, name = _load(name_or_path)
    output = output or Path(f"{name}.onnx")
    if form == "segment-anything":
        export_released(sam, output, return_single_mask=return_single_mask)
    else:
        export_decoder(sam, output)
    click.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")


def _load(name_or_path: str | None) -> tuple[Any, str]:
    """(Sam, short name) of a checkpoint file, a registered model, or the active one."""
    if name_or_path is not None and Path(name_or_path).is_file():
        from annotator.sam.checkpoints import load_checkpoint

        return load_checkpoint(name_or_path), Path(name_or_path).stem
    row = service.find_model(name_or_path) if name_or_path else service.active_model()
    if row is None:
        row = service.ensure_bundled_model()
    return service.load_registered(row.digest), row.name


def _described(row: Model) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "name": row.name,
        "source": row.source,
        "active": row.active,
        "config": row.config,
    }


class _ProgressBar:
    """A byte counter on standard error, shown from the first byte on and only in a terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.close()

    @property
    def show(self) -> Progress:
        return self._show

    def _show(self, done: int, total: int | None) -> None:
        from tqdm import tqdm

        if self.bar is None:
            hidden = not sys.stderr.isatty()
            self.bar = tqdm(
                desc=self.name, total=total, unit="B", unit_scale=True, file=sys.stderr, disable=hidden
            )
        self.bar.total = total
        self.bar.n = done
        self.bar.refresh()
