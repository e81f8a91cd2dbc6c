"""Options of commands that can hand bulk work to Ray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

WORKER, RAY = "worker", "ray"


def engine_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--engine` and what belongs to it: engine, ray_address, ray_processes, ray_gpus."""
    options = (
        click.option(
            "--engine",
            type=click.Choice([WORKER, RAY]),
            default=WORKER,
            show_default=True,
            help="Who computes; ray needs requirements-ray.txt.",
        ),
        click.option("--ray-address", default="", help="A running Ray cluster; without it Ray starts here."),
        click.option(
            "--ray-processes",
            type=click.IntRange(1),
            help="Images computed side by side.  [default: half the CPUs]",
        ),
        click.option(
            "--ray-gpus", type=click.FloatRange(0), default=0.0, help="GPUs of each process, also a fraction."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def cluster(address: str, processes: int | None, gpus: float) -> Any:
    """The cluster that the options name. Raises InvalidInput when Ray is not installed."""
    from annotator.handlers.on_ray import Cluster, require_ray

    require_ray()
    return Cluster(address, processes or 0, gpus)
