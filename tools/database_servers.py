"""Private PostgreSQL and Redis servers for tests and benchmarks, from the distribution's packages.

`ensure()` installs the packages where that is possible; `postgresql()` and `redis()` run a server for the length of a
block, in a temporary folder with a socket that nobody else looks for. Standard library only, like all of set-up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import chromium
from tools.children import mortal

PACKAGES = ("postgresql", "redis-server")
START_SECONDS = 90
OWNER = "annotator"


class NoServer(Exception):
    """A server that is not installed or does not start; the message says what to do."""


def find_postgresql() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version's, or None."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: _number(path.parts[4])
    )
    named = shutil.which("postgres")
    found = [*([Path(named).resolve()] if named else []), *reversed(versions)]
    return next((path.parent for path in found if (path.parent / "initdb").exists()), None)


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0


def find_redis() -> Path | None:
    """Redis' server program, or None."""
    named = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(named) if named else None


def ensure() -> None:
    """Install both where that takes nothing but the distribution's packages; without them their tests skip."""
    if not (find_postgresql() and find_redis()):
        chromium.install_packages(*PACKAGES)
    for name, found in (("PostgreSQL", find_postgresql()), ("Redis", find_redis())):
        if found is None:
            print(
                f"set-up: no {name}; its tests will be skipped (Debian: apt-get install {' '.join(PACKAGES)})"
            )


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """Run a PostgreSQL server; yields the URL of its first database. Raises NoServer.

    Without `durable` nothing waits for the disk: right for tests, wrong for timings.
    """
    programs = find_postgresql()
    if programs is None:
        raise NoServer("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    user = _plain_user("postgres")
    with _folder("postgresql-", user) as folder:
        data = folder / "data"
        words: list[Path | str] = [programs / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8"]
        words += ["--locale=C", "--no-sync"]
        done = subprocess.run(words, user=user, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoServer(f"initdb failed: {done.stderr.strip()}")
        options = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "60"}
        if not durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        ready: list[Path | str] = [programs / "pg_isready", "-q", "-h", folder, "-U", OWNER]
        with _running(
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            folder / "postgresql.log",
            user,
            lambda: subprocess.run(ready, check=False).returncode == 0,
            signal.SIGINT,
        ):
            yield f"postgresql://{OWNER}@/postgres?host={folder}"


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis server that keeps nothing; yields its URL. Raises NoServer."""
    program = find_redis()
    if program is None:
        raise NoServer("Redis is not installed (Debian: apt-get install redis-server)")
    with _folder("redis-", None) as folder:
        port = _free_port()
        words: list[Path | str] = [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        words += ["--appendonly", "no"]
        with _running(words, folder / "redis.log", None, lambda: _answers(port), signal.SIGTERM):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _folder(prefix: str, user: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        if user is not None:
            shutil.chown(name, user)
        yield Path(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _plain_user(name: str) -> str | None:
    """PostgreSQL refuses to run as root: the user to run it as, None when we are an ordinary one."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise NoServer(f"PostgreSQL does not run as root, and there is no user {name!r}") from None


@contextmanager
def _running(
    words: list[Path | str], log: Path, user: str | None, ready: Callable[[], bool], stop: signal.Signals
) -> Iterator[None]:
    with log.open("ab") as file:
        process = subprocess.Popen(mortal(words), user=user, cwd=log.parent, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoServer(f"{words[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(stop)
        process.wait(START_SECONDS)
