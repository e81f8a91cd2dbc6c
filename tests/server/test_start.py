"""Real servers: they listen, print one link, do jobs inside, and stop when told."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask_migrate import upgrade

from annotator.database import db, writing
from annotator.models import Model
from annotator.sam.weights_header import BUNDLED_WEIGHTS, read_header
from annotator.services import users
from annotator.storage import storage
from app import create_app
from tools.children import mortal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A prepared instance: tables, an administrator, and a model row, so that no server has to load torch."""
    app = create_app(tmp_path)
    header = read_header(BUNDLED_WEIGHTS)
    digest = header.digest if header is not None and header.digest else "a" * 64
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        with writing() as session:
            key = f"models/{digest}/decoder.onnx"
            session.add(
                Model(
                    digest=digest,
                    name="m",
                    config={"graphs": {}},
                    source="bundled",
                    active=True,
                    decoder_key=key,
                )
            )
        storage().put(f"models/{digest}/decoder.onnx", b"stand-in")
        users.create_user("root", password="correct horse", is_admin=True)
        db.session.remove()
        db.engine.dispose()
    return tmp_path


@pytest.fixture
def serve(instance: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str, Path]]]:
    """serve(arguments) → (process, base address, file of its output) once it answers; killed after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], str, Path]:
        port = free_port()
        output = tmp_path / "output.txt"
        with output.open("w") as file:
            process = subprocess.Popen(
                mortal([sys.executable, "-m", *(argument.format(port=port) for argument in arguments)]),
                cwd=ROOT,
                env={**os.environ, "ANNOTATOR_INSTANCE": str(instance), **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
        running.append(process)
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(base), lambda: output.read_text())
        return process, base, output

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def wait_for(condition: Callable[[], Any], explain: Callable[[], str]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(explain())


def answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Session:
    """A signed-in person without a browser."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Content-Type": "application/json",
            "X-CSRFToken": self.token,
            "Accept": "application/json",
        }
        request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        with self.opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith(b"{") else text

    def sign_in(self, link: str | None = None) -> Session:
        if link:
            self.call("GET", link)
        else:
            self.call("POST", "/api/v1/session", {"name": "root", "password": "correct horse"})
        self.token = self.call("GET", "/api/v1/me")["csrf_token"]
        return self


def export_is_done(session: Session) -> bool:
    """Ask for a small job and wait until a worker has done it."""
    project = session.call("POST", "/api/v1/projects", {"name": "Served"})["id"]
    job = session.call("POST", f"/api/v1/projects/{project}/exports", {"format": "coco"})["id"]
    done = wait_for(
        lambda: (
            (found := session.call("GET", f"/api/v1/jobs/{job}"))["state"] in ("done", "failed") and found
        ),
        lambda: "no worker took the job",
    )
    return bool(done["state"] == "done")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


def test_start_prints_one_link_serves_works_and_stops(serve: Any) -> None:
    process, base, output = serve("flask", "start", "--port", "{port}", "--no-demo")
    lines = wait_for(lambda: output.read_text().splitlines(), lambda: "nothing was printed")
    assert len(lines) == 1, lines
    link = re.search(rf"{base}(/signin/\S+)$", lines[0])
    assert link
    session = Session(base).sign_in(link[1])
    assert session.call("GET", "/api/v1/me")["user"]["is_admin"] is True
    with pytest.raises(urllib.error.HTTPError, match="401"):
        Session(base).sign_in(link[1])  # once only
    assert export_is_done(session)
    assert stop(process) == 0
    assert "Traceback" not in output.read_text()
    assert "terminate" not in output.read_text()
    assert not answers(base)


def test_flask_run_with_the_reloader_works_in_one_process_only(serve: Any, instance: Path) -> None:
    process, base, output = serve("flask", "--debug", "run", "--port", "{port}", ANNOTATOR_PRINT_LINK="1")
    assert export_is_done(Session(base).sign_in())
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) == 2  # one that watches files and one that serves
    lock = str(instance / "worker.lock")
    holders = [member.pid for member in family if lock in {file.path for file in member.open_files()}]
    assert holders == [family[1].pid]
    assert output.read_text().count("/signin/") == 1


def test_gunicorn_with_several_processes_has_one_worker(serve: Any) -> None:
    process, base, output = serve(
        "gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "app:create_app()"
    )
    assert export_is_done(Session(base).sign_in())
    assert output.read_text().count("job done") == 1
    assert stop(process) == 0


def test_a_separate_worker_does_the_jobs(serve: Any, instance: Path) -> None:
    _, base, _ = serve("flask", "start", "--port", "{port}", "--no-demo", ANNOTATOR_EMBEDDED_WORKER="false")
    session = Session(base).sign_in()
    project = session.call("POST", "/api/v1/projects", {"name": "Elsewhere"})["id"]
    job = session.call("POST", f"/api/v1/projects/{project}/exports", {"format": "coco"})["id"]
    done = subprocess.run(
        [sys.executable, "-m", "flask", "worker", "--until-idle"],
        cwd=ROOT,
        env={**os.environ, "ANNOTATOR_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "1 jobs done." in done.stdout, done.stderr
    assert session.call("GET", f"/api/v1/jobs/{job}")["state"] == "done"


def test_a_port_in_use_is_an_error(serve: Any, instance: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "flask", "start", "--no-demo", "--port", port],
            cwd=ROOT,
            env={**os.environ, "ANNOTATOR_INSTANCE": str(instance)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "/signin/" not in done.stdout
