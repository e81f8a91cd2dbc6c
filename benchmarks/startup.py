"""How long a person waits for the server: the first start on an empty instance, and every one after."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.run import Row
from tools.real_server import RealServer

FIRST_SECONDS = 60.0
AGAIN_SECONDS = 10.0


def run(quick: bool) -> list[Row]:
    """Seconds from the command to the first answer of /healthz, sign-in link printed."""
    with tempfile.TemporaryDirectory(prefix="bench-startup-") as folder:
        server = RealServer(Path(folder) / "instance")
        try:
            first = _timed(server)
            again = min(_timed(server) for _ in range(1 if quick else 3))
        finally:
            server.stop()
    return [
        _row("first start (migrations, decoder export, demo project)", first, FIRST_SECONDS),
        _row("start again", again, AGAIN_SECONDS),
    ]


def _timed(server: RealServer) -> float:
    server.stop()
    started = time.perf_counter()
    server.start()
    return time.perf_counter() - started


def _row(name: str, seconds: float, target: float) -> Row:
    return {"name": name, "value": seconds, "unit": "s", "target": target, "ok": seconds <= target}
