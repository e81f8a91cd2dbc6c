"""A benchmark for the tests: two rows, then it fails, ends or waits, as `STAND_IN` in its environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.run import Row


def run(quick: bool) -> Iterator[Row]:
    what = os.environ["STAND_IN"]
    if what == "wait":
        waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(waiting, start_new_session=True)
        Path(os.environ["STAND_IN_CHILD"]).write_text(str(child.pid))
    for value in (1.0, 2.0):
        yield {"name": "quick" if quick else "whole", "value": value, "unit": "s", "target": None, "ok": None}
    if what == "wait":
        child.wait()
    if what == "fail":
        raise RuntimeError("the stand-in fails, as asked")
