"""One run on several processes, started by torch's own launcher: each draws images of its own, gradients are averaged.

    torchrun --nproc-per-node 4 -m annotator.training.train --preset retrain --from … --data … --steps …

Without the launcher everything here is the identity. Process 0 decides how far the run is, writes and validates.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import distributed as dist
from torch import nn


@dataclass(frozen=True)
class World:
    """`rank` of `size` processes; `local` counts those of this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        return self.rank == 0


def join(device: str) -> tuple[World, str]:
    """Meets the other processes, if there are any; returns the device of this one ("cuda" becomes its own GPU)."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(), device
    world = World(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))
    if device == "cuda":
        device = f"cuda:{world.local}"
        torch.cuda.set_device(world.local)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return world, device


def leave(world: World) -> None:
    """The end of what `join` began."""
    if world.size > 1:
        dist.destroy_process_group()


def agree(world: World, progress: float, stop: bool, device: str) -> tuple[float, bool]:
    """What process 0 says about how far the run is and whether to stop: clocks and signals differ between processes."""
    if world.size == 1:
        return progress, stop
    said = torch.tensor([progress, float(stop)], dtype=torch.float64, device=device)
    dist.broadcast(said, 0)
    return float(said[0]), bool(said[1])


def average_gradients(world: World, parameters: Sequence[nn.Parameter], batches: int) -> None:
    """Makes the sum over `batches` of this process the mean over the batches of all processes."""
    count = batches * world.size
    if count == 1:
        return
    if world.size == 1:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= count
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    dist.all_reduce(flat)
    flat /= count
    for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)
