"""Set-up: what it installs, what it skips, what it says when something is missing; and the committed pins."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import chromium
from tools import setup_environment as setup

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout that set-up works on instead of this one."""
    for name in ("requirements.txt", "requirements-dev.txt", "package.json", "package-lock.json", ".npmrc"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "node_modules").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(setup, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(setup, "make_venv", lambda: None)
    monkeypatch.setattr(setup, "torch_arguments", lambda: ["torch==2.13.0"])
    monkeypatch.delenv("TORCH", raising=False)
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Command lines that set-up would have run."""
    ran: list[str] = []
    monkeypatch.setattr(setup, "command", lambda *words, env=None: ran.append(" ".join(map(str, words))))
    return ran


def test_python_packages_are_installed_once(checkout: Path, commands: list[str]) -> None:
    setup.python_packages(tests=False)
    assert [line.split("--disable-pip-version-check ")[1] for line in commands] == [
        "torch==2.13.0",
        "-r requirements.txt",
    ]
    setup.python_packages(tests=False)
    assert len(commands) == 2


def test_test_tools_include_what_runs(checkout: Path, commands: list[str]) -> None:
    setup.python_packages(tests=True)
    setup.python_packages(tests=False)
    assert len(commands) == 2
    assert commands[-1].endswith("-r requirements-dev.txt")


def test_changed_requirements_are_installed_again(checkout: Path, commands: list[str]) -> None:
    setup.python_packages(tests=False)
    (checkout / "requirements.txt").write_text("torch==2.13.0\n")
    setup.python_packages(tests=False)
    assert len(commands) == 4


def test_failed_installation_is_tried_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: str, env: dict[str, str] | None = None) -> None:
        raise setup.SetupError("no network")

    monkeypatch.setattr(setup, "command", refuse)
    for _ in range(2):
        with pytest.raises(setup.SetupError, match="no network"):
            setup.python_packages(tests=False)


def test_npm_packages_leave_development_tools_out_of_a_run(
    checkout: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "system_npm", lambda: "/usr/bin/npm")
    setup.npm_packages(tests=False)
    setup.npm_packages(tests=True)
    setup.npm_packages(tests=False)
    assert ["--omit=dev" in line for line in commands] == [True, False]
    assert all(line.startswith("/usr/bin/npm ci ") for line in commands)


def test_node_comes_from_a_wheel_when_the_system_has_none(
    checkout: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "system_npm", lambda: None)
    setup.npm_packages(tests=False)
    assert commands[0].endswith(setup.NODE_WHEEL)
    assert commands[1].startswith(str(checkout / ".venv" / "bin" / "npm") + " ci ")


def test_old_python_is_refused_with_the_remedy() -> None:
    with pytest.raises(setup.SetupError, match=r"Python 3\.11 or newer is needed; .* is 3\.9.*PYTHON="):
        setup.check_python((3, 9))
    setup.check_python((3, 11))


def test_torch_is_the_pinned_cpu_build_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH", "torch==2.13.0 --index-url https://example.org/cu130")
    assert setup.torch_arguments() == ["torch==2.13.0", "--index-url", "https://example.org/cu130"]
    monkeypatch.delenv("TORCH")
    monkeypatch.setattr(setup, "CPU_WHEELS", "http://127.0.0.1:9/nothing-listens-here")
    assert setup.torch_arguments() == ["torch==2.13.0"]


@pytest.fixture
def package_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A loopback index that serves what the test puts into the mapping path -> body."""
    bodies: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(setup, "PIP_RELEASE", base + "/pip.json")
    bodies["base"] = base.encode()
    yield bodies
    server.shutdown()
    thread.join()
    server.server_close()


def _offer_pip(index: dict[str, bytes], content: bytes, sha256: str) -> None:
    index["/pip.whl"] = content
    url = index["base"].decode() + "/pip.whl"
    file = {
        "packagetype": "bdist_wheel",
        "filename": "pip-1-py3.whl",
        "url": url,
        "digests": {"sha256": sha256},
    }
    index["/pip.json"] = json.dumps({"urls": [file]}).encode()


def test_pip_is_fetched_where_python_lacks_it(package_index: dict[str, bytes], tmp_path: Path) -> None:
    _offer_pip(package_index, b"wheel", hashlib.sha256(b"wheel").hexdigest())
    assert setup.download_pip(tmp_path).read_bytes() == b"wheel"


def test_altered_pip_is_refused(package_index: dict[str, bytes], tmp_path: Path) -> None:
    _offer_pip(package_index, b"evil", hashlib.sha256(b"wheel").hexdigest())
    with pytest.raises(setup.SetupError, match="SHA-256"):
        setup.download_pip(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_pip_names_the_debian_package(package_index: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(setup.SetupError, match="apt-get install python3-venv"):
        setup.download_pip(tmp_path)


def test_named_chromium_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nothing"))
    with pytest.raises(chromium.NoChromium, match="is not a file"):
        chromium.find()


def test_named_chromium_that_does_not_start_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(broken))
    with pytest.raises(chromium.NoChromium, match="does not start"):
        chromium.ensure(tmp_path)


def test_chromium_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    working = tmp_path / "chromium"
    working.write_text("#!/bin/sh\necho '<html></html>'\n")
    working.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(working))
    assert chromium.ensure(tmp_path) == working
    monkeypatch.delenv("CHROMIUM")
    assert chromium.find(tmp_path) == working


def test_no_chromium_anywhere_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "find", lambda venv: None)
    monkeypatch.setattr(chromium, "_install_playwrights", lambda venv: None)
    monkeypatch.setattr(chromium, "_install_distributions", lambda venv: None)
    with pytest.raises(chromium.NoChromium, match=r"make test CHROMIUM="):
        chromium.ensure(tmp_path)


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert [name for name, entry in lock["packages"].items() if name and "integrity" not in entry] == []
    assert {"omit-lockfile-registry-resolved=true", "ignore-scripts=true"} <= set(
        (ROOT / ".npmrc").read_text().split()
    )


def test_requirements_name_no_machine() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert line.startswith(("#", "-r requirements.txt")) or re.fullmatch(
                r"[\w.-]+(\[[\w,-]+\])?([=<>~]=?[\w.*]+,?)+", line
            )


def test_continuous_integration_calls_make_check() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make check" in script.read_text()
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "TESTS", "WORKERS"))
    }
    plan = subprocess.run(
        ["make", "--dry-run", "check"],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    for step in ("ruff format --check", "ruff check", "mypy", "biome", "tsc", "node --test", "pytest"):
        assert step in plan
    assert plan.rstrip().splitlines()[-1].endswith("-m pytest -n 2 tests"), "pytest's closing line comes last"
