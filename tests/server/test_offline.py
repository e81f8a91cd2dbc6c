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
    scripts = found[2].split('", "')
    assert [script.rpartition("/")[2] for script in scripts] == ["embeddings.js", "worker.js"], (
        "in this order"
    )
    assert all(app.test_client().get(script).status_code == 200 for script in scripts)
    listed: dict[str, Any] = json.loads(found[1])
    return listed


def test_every_listed_file_is_served(app: APIFlask) -> None:
    files = parts(app)["files"]
    assert len(files) == len(set(files))
    for address in files:
        answer = app.test_client().get(address)
        assert answer.status_code == 200, address
        answer.close()


def test_the_list_holds_what_the_workbench_loads_and_no_other_page(app: APIFlask) -> None:
    files = set(parts(app)["files"])
    assets = app.extensions["annotator_assets"]
    entries = ("static/js/views/workbench.js", "static/js/decoder/worker.js", "static/js/offline/worker.js")
    assert set(assets.modules(*entries)) <= files
    assert assets.address("static/js/views/account.js") not in files
    template = (Path(app.template_folder or "") / "workbench.html").read_text()
    for name in re.findall(r"asset\('([^']+)'\)", template):
        assert assets.address(name) in files


def test_a_changed_file_makes_another_version(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts(app)
    assert parts(app) == before
    monkeypatch.setattr(app.extensions["annotator_assets"], "_version", "0123456789abcdef")
    after = parts(app)
    assert after["version"] == "0123456789abcdef" != before["version"]
    assert [file.split("/")[3:] for file in after["files"]] == [
        file.split("/")[3:] for file in before["files"]
    ]
