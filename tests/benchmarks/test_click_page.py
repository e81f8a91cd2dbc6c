"""What the click benchmark measures, and that it takes no counts that pycocotools would not write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from benchmarks.click_page import LARGEST_SIZE, STEPS, Setting, _mask_rows, settings

SIZE = (4, 6)


def _masks(counts: str) -> dict[str, Any]:
    return {step: {"ours": 2.0, "reference": 50.0} for step in STEPS} | {"counts": counts}


def _counts(height: int, width: int) -> str:
    bitmap = np.zeros((height, width), np.uint8, order="F")
    bitmap[1:3, 2:5] = 1
    return str(coco.encode(bitmap)["counts"].decode())


@pytest.mark.parametrize("full", [False, True])
def test_five_sizes_in_both_orientations(full: bool) -> None:
    chosen = settings(quick=False, full=full)
    sizes = {setting.size for setting in chosen}
    assert len(sizes) == 5
    assert {height > width for height, width in sizes} == {False, True}
    with_targets = [setting for setting in chosen if setting.target]
    assert [(setting.threads, setting.target) for setting in with_targets] == [(2, 4.0), (1, 3.0), (2, 25.0)]
    assert [setting.target for setting in settings(quick=True, full=full)[:3]] == [4.0, 3.0, 25.0]


def test_threads_are_named_in_rows() -> None:
    assert [str(Setting(SIZE, threads, None, 1, 1)) for threads in (1, 2)] == [
        "6×4, 1 thread",
        "6×4, 2 threads",
    ]


def test_ratios_are_held_to_their_targets() -> None:
    rows = {row["name"]: row for row in _mask_rows(SIZE, _masks(_counts(*SIZE)))}
    assert [row["value"] for row in rows.values()] == [25.0] * len(STEPS)
    targets = {name.split(",")[0].strip(): row["target"] for name, row in rows.items()}
    assert targets["logits → full mask"] == 20.0
    assert targets["run lengths"] is None, "only the largest size has one"
    largest = _mask_rows(LARGEST_SIZE, _masks(_counts(*LARGEST_SIZE)))
    assert [row["target"] for row in largest if "run lengths" in row["name"]] == [8.0]


def test_counts_that_pycocotools_writes_otherwise_are_refused() -> None:
    # The same mask, its background cut in two by a run of no pixels.
    lengths = [4, 0, 5, 2, 2, 2, 2, 2, 5]
    assert sum(lengths) == SIZE[0] * SIZE[1]
    with pytest.raises(RuntimeError, match="not those of pycocotools"):
        _mask_rows(SIZE, _masks(_compressed(lengths)))


def _compressed(lengths: list[int]) -> str:
    """Run lengths below 16 in COCO's form: each is one character, from the fourth on as a difference."""
    values = [n - lengths[i - 2] if i > 2 else n for i, n in enumerate(lengths)]
    return "".join(chr((value & 31) + 48) for value in values)
