"""Training as a process of its own, behind all others: nobody waits for it, and it cannot take the server down."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotator.errors import AnnotatorError

ROOT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 1.0
SAVING_SECONDS = 120.0
NICENESS = 10
LINES_SHOWN = 3


class TrainingFailed(AnnotatorError):
    """The process ended with an error."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="training_failed")


@dataclass(frozen=True)
class Order:
    """What to train: folders of data, weights to begin with, where to keep state, for how long, on what."""

    weights: Path
    data: Path
    held: Path
    state: Path
    minutes: float | None
    steps: int | None
    device: str
    processes: int = 1
    threads: int | None = None

    def command(self) -> list[str]:
        module = ["-m", "annotator.training.train"]
        if self.processes > 1:
            module = [
                "-m",
                "torch.distributed.run",
                "--standalone",
                f"--nproc-per-node={self.processes}",
                *module,
            ]
        length = ["--minutes", str(self.minutes)] if self.minutes else ["--steps", str(self.steps)]
        folders = [
            *("--from", str(self.weights), "--data", str(self.data)),
            *("--held", str(self.held), "--state", str(self.state)),
        ]
        threads = ["--threads", str(self.threads)] if self.threads else []
        flags = ["--device", self.device, "--nice", str(NICENESS), "--resume", "--with-parent"]
        return [sys.executable, *module, "--preset", "retrain", *folders, *length, *threads, *flags]


def train_aside(order: Order, watch: Callable[[], None]) -> None:
    """Runs the order to its end; `watch` is called about once a second and may raise, which saves and stops it.

    Raises TrainingFailed with the last lines of what the process said.
    """
    order.state.mkdir(parents=True, exist_ok=True)
    output = order.state / "output.txt"
    with _process(order.command(), output) as process:
        while process.poll() is None:
            watch()
            time.sleep(LOOK_SECONDS)
    if process.returncode != 0:
        said = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
        raise TrainingFailed(
            f"Training ended with status {process.returncode}: {' / '.join(said[-LINES_SHOWN:])[:500]}"
        )


@contextmanager
def _process(command: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        except BaseException:
            process.terminate()
            try:
                process.wait(SAVING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
