"""Which Chromium the tests, benchmarks and screenshots drive, and how to get one where there is none.

`find()` looks; `ensure()` also installs and remembers. Order: $CHROMIUM, what an earlier `ensure` chose,
Playwright's own, the distribution's. Standard library only: set-up uses this before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
START_SECONDS = 60
DOWNLOAD_SECONDS = 300
REMEMBERED = "chromium-path"
VENV = Path(__file__).resolve().parent.parent / ".venv"


class NoChromium(Exception):
    """No browser for the tests; the message says how to provide one."""


def works(path: Path) -> bool:
    """Whether the browser starts and renders an empty page (a bare system may lack its libraries)."""
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        words = [str(path), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", "about:blank"]
        try:
            done = subprocess.run(words, capture_output=True, timeout=START_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0 and b"<html" in done.stdout


def _playwrights_own(venv: Path) -> Path | None:
    script = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    try:
        done = subprocess.run(
            [venv / "bin" / "python", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    path = Path(done.stdout.strip() or "/nonexistent")
    return path if path.is_file() else None


def _distributions() -> Path | None:
    return next((Path(found) for found in map(shutil.which, NAMES) if found), None)


def find(venv: Path = VENV) -> Path | None:
    """The Chromium that is already here, or None.

    Raises NoChromium when $CHROMIUM names something that is not a file.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise NoChromium(f"CHROMIUM={named} is not a file; name the browser's executable or unset it.")
        return Path(named)
    remembered = venv / REMEMBERED
    if remembered.is_file() and Path(remembered.read_text().strip()).is_file():
        return Path(remembered.read_text().strip())
    return _playwrights_own(venv) or _distributions()


def _administrator() -> list[str] | None:
    """The words before a command that needs root: none, `sudo -n`, or None when it cannot be had."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def _attempt(words: list[str], *, env: dict[str, str] | None = None) -> None:
    """Run an installer for a bounded time; whether it helped is found out by looking again."""
    print(f"set-up: {' '.join(words)}", flush=True)
    try:
        subprocess.run(words, env=env, timeout=DOWNLOAD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"set-up: gave up: {error}", flush=True)


def _install_playwrights(venv: Path) -> Path | None:
    quick = {**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "15000"}
    _attempt([str(venv / "bin" / "playwright"), "install", "chromium"], env=quick)
    path = _playwrights_own(venv)
    root = _administrator()
    if path and not works(path) and root is not None and shutil.which("apt-get"):
        _attempt([*root, str(venv / "bin" / "playwright"), "install-deps", "chromium"])
    return path


def install_packages(*names: str) -> None:
    """Ask the distribution for packages, where this person may; whether it helped is found out by looking again."""
    root = _administrator()
    if root is None or not shutil.which("apt-get"):
        return
    quiet = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]
    _attempt([*quiet, "update"])
    _attempt([*quiet, "install", "--no-install-recommends", *names])


def _install_distributions(_venv: Path) -> Path | None:
    install_packages("chromium")
    return _distributions()


def ensure(venv: Path) -> Path:
    """A Chromium that starts: found, downloaded by Playwright, or installed from the distribution.

    The choice is remembered in the virtual environment. Raises NoChromium when nothing worked.
    """
    remembered = venv / REMEMBERED
    found = find(venv)
    if found and remembered.is_file() and remembered.read_text().strip() == str(found):
        return found
    for source in (lambda _: found, _install_playwrights, _install_distributions):
        path = source(venv)
        if path and works(path):
            remembered.write_text(f"{path}\n")
            return path
        if os.environ.get("CHROMIUM"):
            raise NoChromium(f"CHROMIUM={path} does not start; name one that does or unset it.")
    raise NoChromium(
        "the browser tests need a Chromium and none could be installed. Install one (Debian: apt-get install "
        "chromium) or name one: make test CHROMIUM=/path/to/chromium"
    )
