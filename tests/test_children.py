"""A child process ends with the one that started it, even when that is killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
START_AND_BE_KILLED = """
import os, signal, subprocess, time
import psutil
from tools.children import mortal
child = subprocess.Popen(mortal(["sleep", "60"]), stdout=subprocess.DEVNULL, start_new_session=True)
while psutil.Process(child.pid).name() != "sleep":  # until then it is setpriv, which has yet to ask the kernel
    time.sleep(0.001)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="only Linux can do this")
def test_a_killed_parent_leaves_no_child() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_AND_BE_KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == -9
    deadline = time.monotonic() + 20
    while (alive := _is_alive(int(done.stdout))) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
