"""Workers killed at a chosen moment, for scripts that tests run in a process of their own.

Each worker is a forked child, so that what the script loaded (torch, the model) is there at once. It stops itself at
its moment with `pause` and waits for its SIGKILL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tools.children import mortal

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 0.5
SETTINGS: dict[str, Any] = {
    "lease_seconds": LEASE_SECONDS,
    "heartbeat_seconds": 0.1,
    "worker_poll_seconds": 0.1,
    "worker_threads": 1,
    "log_level": "error",
}
"""With these a killed worker's job is soon another's."""


def pause(pipe: int) -> NoReturn:
    """In the child: tell the parent that the moment has come, then wait for its SIGKILL."""
    parent = os.getppid()
    os.write(pipe, b"!")
    while os.getppid() == parent:
        time.sleep(0.2)
    raise SystemExit("was not killed")


def kill_at(moment: str, app: Any, work: Callable[[int], None]) -> None:
    """Fork a worker that does `work(pipe)` with connections of its own, and kill it when it pauses."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _forget_connections(app)
            work(write)
        finally:
            os._exit(3)
    os.close(write)
    assert os.read(read, 1) == b"!", f"the worker ended before it was {moment}"
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def _forget_connections(app: Any) -> None:
    """The parent's connections are not the child's to use or to close."""
    from annotator.database import db

    with app.app_context():
        db.engine.dispose(close=False)


def disconnect() -> None:
    """Leave no connection open that a child would inherit; inside an application context."""
    from annotator.database import db

    db.session.remove()
    db.engine.dispose()


def wait_for_lease() -> None:
    """The lease of the worker killed last has run out."""
    time.sleep(LEASE_SECONDS + 0.1)


def run_script(script: str, *words: object, seconds: float, env: Mapping[str, str] | None = None) -> str:
    """Run `tests/…/script.py words…` and give what it printed; its own stderr is the failure's message."""
    done = subprocess.run(
        mortal([sys.executable, ROOT / "tests" / script, *map(str, words)]),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
