"""One benchmark in a process of its own, within its time: what it has measured by then is kept.

    python -m benchmarks.within MODULE FILE_DESCRIPTOR [--quick]

is that process; it writes a row of JSON per line as soon as it is measured.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from benchmarks.run import Row

ROOT = Path(__file__).resolve().parent.parent
ENDING_SECONDS = 30
"""For servers, browsers and temporary folders to be put away."""


class TimeIsUp(Exception):
    """The benchmark took longer than it may; the rows before stand."""


class Crashed(Exception):
    """The benchmark failed; it has said why on standard error."""


def rows(module: str, *, quick: bool, seconds: float | None) -> Generator[Row]:
    """The rows of a benchmark as they are measured. Raises TimeIsUp after `seconds`, or Crashed."""
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "benchmarks.within", module, str(writing), *(["--quick"] if quick else [])]
    process = subprocess.Popen(words, cwd=ROOT, pass_fds=[writing])
    os.close(writing)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_forward, args=(os.fdopen(reading), lines), daemon=True)
    reader.start()
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while line := lines.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic())):
            yield json.loads(line)
        if process.wait():
            raise Crashed(f"{module} ended with status {process.returncode}")
    except queue.Empty:
        raise TimeIsUp(f"{module} was cut off after {seconds:.0f} s") from None
    finally:
        _end(process)


def _forward(pipe: IO[str], lines: queue.SimpleQueue[str]) -> None:
    with pipe:
        for line in pipe:
            lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the benchmark, which puts away what it started; then end whatever is left of it."""
    if process.poll() is not None:
        return
    started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_SECONDS)
    process.kill()
    process.wait()
    for child in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(started, timeout=1)


def main(module: str, descriptor: int, *, quick: bool) -> None:
    with os.fdopen(descriptor, "w") as pipe:
        for row in importlib.import_module(module).run(quick):
            pipe.write(json.dumps(row) + "\n")
            pipe.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main(sys.argv[1], int(sys.argv[2]), quick="--quick" in sys.argv[3:])
