"""How long a person waits for the server: the first start on an empty instance, and every one after."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.run import Row
from tools.real_server import RealServer

FIRST_SECONDS = 60.0
AGAIN_SECONDS = 3.0


def run(quick: bool) -> Iterator[Row]:
    """Seconds from the command to the first page, sign-in link printed."""
    with tempfile.TemporaryDirectory(prefix="bench-startup-") as folder:
        server = RealServer(Path(folder) / "instance")
        try:
            first = _timed(server)
            yield _row("first start (migrations, decoder export, demo project)", first, FIRST_SECONDS)
            again = min(_timed(server) for _ in range(1 if quick else 3))
            yield _row("start again, to the first page", again, AGAIN_SECONDS)
        finally:
            server.stop()


def _timed(server: RealServer) -> float:
    server.stop()
    started = time.perf_counter()
    server.start()
    with urllib.request.urlopen(server.base_url + "/signin", timeout=FIRST_SECONDS) as page:
        page.read()
    return time.perf_counter() - started


def _row(name: str, seconds: float, target: float) -> Row:
    return {"name": name, "value": seconds, "unit": "s", "target": target, "ok": seconds <= target}
