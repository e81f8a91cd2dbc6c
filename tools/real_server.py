"""A real server for browser tests, benchmarks and screenshots: its own process, its own instance folder.

It is the very thing `make run` starts (`flask start`: migrations, the model, the demo project, one sign-in
link), on a free loopback port.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

from tools.children import mortal

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"https?://\S+/signin/\S+")
START_SECONDS = 180
STOP_SECONDS = 20


class ServerFailed(Exception):
    """The server did not come up, or did not go down; the message ends with what it printed."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealServer:
    """`flask start` as a child process.

    `start()` returns when it answers, `stop()` when it is gone; `restart()` keeps port and instance folder,
    so sessions and open pages live on. `link` is the one-time admin link that the first start printed.
    """

    def __init__(self, instance: Path, settings: Mapping[str, str] | None = None) -> None:
        self.instance = instance
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.link = ""
        self.lines: list[str] = []
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def environment(self) -> dict[str, str]:
        """The child's environment: this one's, without settings that a developer may have exported."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANNOTATOR_")}
        own = {"ANNOTATOR_INSTANCE": str(self.instance), "OMP_NUM_THREADS": "2", "PYTHONUNBUFFERED": "1"}
        return {**clean, **own, **self._settings}

    def start(self) -> RealServer:
        words = [sys.executable, "-m", "flask", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(
            mortal(words),
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self._wait_until_it_answers()
        except ServerFailed:
            self.stop()
            raise
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            found = LINK.search(line)
            if found and not self.link:
                self.link = found.group()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ServerFailed(f"the server ended while starting:\n{self.output()}")
            if self.link and self._answers():
                return
            time.sleep(0.1)
        raise ServerFailed(f"the server printed no sign-in link within {START_SECONDS} s:\n{self.output()}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.base_url + "/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def output(self, last: int = 60) -> str:
        return "\n".join(self.lines[-last:])

    def stop(self) -> None:
        """End the server and everything it started; SIGTERM first, SIGKILL when that is not heard."""
        process, self._process = self._process, None
        if process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
                break
        else:
            raise ServerFailed(f"process {process.pid} does not end:\n{self.output()}")
        if self._reader is not None:
            self._reader.join(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def flask(self, *words: str) -> str:
        """Run `flask …` on the same instance and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"flask {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self) -> RealServer:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


class Answer(NamedTuple):
    """What the API said: status, parsed JSON (or bytes), headers."""

    status: int
    body: Any
    headers: Message


class Api:
    """A signed-in script: the endpoints under /api/v1 with a cookie session and its CSRF token."""

    def __init__(self, base_url: str, link: str) -> None:
        self.base_url = base_url
        self.cookies = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies)).open
        self._open(link, timeout=30).close()
        me = self.get("/me").body
        self.user: dict[str, Any] = me["user"]
        self._csrf: str = me["csrf_token"]

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; a refusal comes back as its status, not as an exception."""
        url = (
            path
            if path.startswith("http")
            else self.base_url + (path if path.startswith("/api/") else "/api/v1" + path)
        )
        request = urllib.request.Request(url, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if method != "GET":
            request.add_header("X-CSRFToken", self._csrf)
            request.add_header("Referer", self.base_url + "/")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with self._open(request, timeout=60) as answer:
                return _answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self.call("POST", path, {} if body is None else body)

    def wait_for_job(self, job_id: int, seconds: float = 60) -> dict[str, Any]:
        """The job once it has finished; raises TimeoutError with its last state."""
        deadline = time.monotonic() + seconds
        while True:
            job: dict[str, Any] = self.get(f"/jobs/{job_id}").body
            if job["state"] in ("done", "failed", "cancelled"):
                return job
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} is still {job['state']} after {seconds} s")
            time.sleep(0.2)

    def storage_state(self) -> Any:
        """The session as Playwright's storage state, to open a browser that is signed in."""
        common = {"domain": "127.0.0.1", "path": "/", "expires": -1, "secure": False, "sameSite": "Lax"}
        cookies = [
            {"name": cookie.name, "value": cookie.value or "", "httpOnly": True} for cookie in self.cookies
        ]
        return {"cookies": [{**cookie, **common} for cookie in cookies], "origins": []}


def _answer(status: int, content: bytes, headers: Message) -> Answer:
    is_json = "json" in (headers.get("Content-Type") or "")
    return Answer(status, json.loads(content) if is_json and content else content, headers)
