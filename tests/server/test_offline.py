"""The service worker's script: it lists what the workbench loads, and changes whenever one of these files does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask


def parts(app: APIFlask) -> dict[str, Any]:
    answer = app.test_client().get("/offline.js")
    assert answer.status_code == 200, "it needs no sign-in: it holds no secrets"
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    found = re.match(r"self\.parts = (.*);\nimportScripts\(\"(.*)\"\);", answer.text)
    assert found
    assert app.test_client().get(found[2]).status_code == 200
    listed: dict[str, Any] = json.loads(found[1])
    return listed


def test_every_listed_file_is_served(app: APIFlask) -> None:
    files = parts(app)["files"]
    assert len(files) == len(set(files))
    for address in files:
        answer = app.test_client().get(address)
        assert answer.status_code == 200, address
        answer.close()


def test_the_list_holds_what_the_workbench_loads_and_no_other_page(app: APIFlask, make_client: Any) -> None:
    files = set(parts(app)["files"])
    root = Path(app.static_folder or "")
    imports = re.compile(r'(?:from|import) "(\.[^"]+)"')
    waiting, seen = [root / "js/views/workbench.js", root / "js/decoder/worker.js"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        assert f"/static/{path.relative_to(root).as_posix()}" in files
        waiting += [(path.parent / name).resolve() for name in imports.findall(path.read_text())]
    assert "/static/js/views/account.js" not in files
    template = (Path(app.template_folder or "") / "workbench.html").read_text()
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', template):
        assert address in files


def test_a_changed_file_makes_another_version(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts(app)
    assert parts(app) == before
    stat = Path.stat

    class Touched:
        def __init__(self, found: Any) -> None:
            self.st_size, self.st_mtime_ns, self.st_mode = found.st_size, found.st_mtime_ns + 1, found.st_mode

    monkeypatch.setattr(
        Path,
        "stat",
        lambda path, **options: (
            Touched(stat(path, **options)) if path.name == "editor.js" else stat(path, **options)
        ),
    )
    after = parts(app)
    assert after["version"] != before["version"]
    assert after["files"] == before["files"]
