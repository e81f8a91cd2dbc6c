"""Scenes drawn ahead into memory-mapped shards, so that training never waits for the painter.

A shard depends on nothing but its number, the scene size and the textures, so any of them can be drawn
again, by any process. Which shards a step may sample is a function of the step alone: the pool grows while
training runs, and a resumed run still sees the same data.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path

import cv2
import numpy as np

from annotator.training.materials import TextureBank
from annotator.training.scenes import MAX_NODES, Scene, draw_scene

STEPS_PER_SHARD = 100
FIRST_SHARDS = 2
PAINTER_PAUSE = 60.0
"""Seconds between shards that are not needed yet, so that painting leaves the processors to training."""

PARTS = ("images", "nodes", "ancestors")


@dataclass(frozen=True)
class ScenePool:
    """Scenes of `size` pixels in `folder`; at most `max_shards` of `shard_scenes` each are ever drawn."""

    folder: Path
    size: int
    max_shards: int
    textures: Path | None = None
    shard_scenes: int = 192

    def shards_at(self, step: int) -> int:
        """How many shards exist for the sampler at a step."""
        return min(FIRST_SHARDS + step // STEPS_PER_SHARD, self.max_shards)

    def scene(self, step: int, rng: np.random.Generator) -> Scene:
        """A random scene of those available at `step`; waits while its shard is still being drawn."""
        shard, index = int(rng.integers(self.shards_at(step))), int(rng.integers(self.shard_scenes))
        images, nodes, ancestors = (np.load(self._open(shard, part), mmap_mode="r") for part in PARTS)
        return Scene(images[index], nodes[index].astype(np.int16), ancestors[index].astype(np.int16))

    def draw_shard(self, shard: int, bank: TextureBank) -> bool:
        """Paint one shard unless it is there (then False); complete or absent, never partial."""
        if self._path(shard, PARTS[-1]).exists():
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "images": np.zeros((self.shard_scenes, self.size, self.size, 3), np.uint8),
            "nodes": np.zeros((self.shard_scenes, self.size, self.size), np.uint8),
            "ancestors": np.zeros((self.shard_scenes, MAX_NODES + 1, 3), np.uint8),
        }
        for index in range(self.shard_scenes):
            scene = draw_scene(bank, shard * self.shard_scenes + index, self.size)
            arrays["images"][index] = scene.image
            arrays["nodes"][index] = scene.nodes
            arrays["ancestors"][index, : len(scene.ancestors)] = scene.ancestors
        for part in PARTS:  # the last one to appear marks the shard as complete
            partial = self._path(shard, part).with_suffix(f".{os.getpid()}.tmp")
            with partial.open("wb") as file:
                np.save(file, arrays[part])
            partial.replace(self._path(shard, part))
        return True

    def start_painter(self, step: int) -> SpawnProcess:
        """A background process that draws every shard not there yet, in order; it ends with its parent."""
        process = multiprocessing.get_context("spawn").Process(
            target=_paint, args=(self, self.shards_at(step), os.getpid()), daemon=True
        )
        process.start()
        return process

    def _open(self, shard: int, part: str) -> Path:
        while not self._path(shard, PARTS[-1]).exists():
            time.sleep(0.2)
        return self._path(shard, part)

    def _path(self, shard: int, part: str) -> Path:
        return self.folder / f"{self.size}_{shard:04d}_{part}.npy"


def _paint(pool: ScenePool, needed: int, parent: int) -> None:
    cv2.setNumThreads(1)
    bank = TextureBank.make(photographs=pool.textures)
    for shard in range(pool.max_shards):
        drawn = pool.draw_shard(shard, bank)
        if os.getppid() != parent:
            return
        if drawn and shard >= needed:
            time.sleep(PAINTER_PAUSE)
