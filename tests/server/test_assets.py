"""What pages load has a version in its address: kept for good by browsers, and another address after any change."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.web.assets import PUBLIC_IMMUTABLE, Assets
from tests.server.pictures import picture

MODULE = "static/js/views/workbench.js"


@pytest.fixture
def assets(app: APIFlask) -> Assets:
    found: Assets = app.extensions["annotator_assets"]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A static folder with two modules and a style sheet."""
    for name, text in {
        "js/page.js": 'import { a } from "./parts/a.js";\nimport "./missing.js";\n',
        "js/parts/a.js": 'export {\n  b,\n} from "../b.js";\n// from "./not_this.js"\n',
        "js/b.js": 'const lazy = () => import("./later.js");\nexport const b = lazy;\n',
        "js/later.js": "",
        "css/base.css": "body {}",
    }.items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def looked_at(folder: Path) -> Assets:
    return Assets(folder / "static", folder / "vendor")


def test_a_file_is_kept_for_good_under_its_version_only(app: APIFlask, assets: Assets) -> None:
    client = app.test_client()
    for name in (MODULE, "static/css/base.css", "vendor/onnxruntime-web/dist/ort.wasm.bundle.min.mjs"):
        answer = client.get(assets.address(name))
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, PUBLIC_IMMUTABLE)
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        other = client.get(f"/assets/0123456789abcdef/{name}")
        assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-cache")
        assert other.data == answer.data == client.get(f"/{name}").data


@pytest.mark.parametrize(
    "name", ["static/nothing.js", "static/../app.py", "vendor/onnxruntime-web/package.json", "app.py", ""]
)
def test_nothing_else_is_served(app: APIFlask, assets: Assets, name: str) -> None:
    answer = app.test_client().get(assets.address(name))
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["error"]["code"] == "not_found"


def test_modules_are_listed_nearest_first(folder: Path) -> None:
    found = looked_at(folder)
    names = [
        address.removeprefix(f"/assets/{found.version}/") for address in found.modules("static/js/page.js")
    ]
    assert names == ["static/js/page.js", "static/js/parts/a.js", "static/js/b.js"]


def test_the_version_follows_contents_and_nothing_else(folder: Path) -> None:
    before = looked_at(folder)
    (folder / "static/js/b.js").touch()
    assert looked_at(folder).version == before.version
    (folder / "static/js/b.js").write_text("export const b = 2;\n")
    assert looked_at(folder).version != before.version


def test_an_edited_file_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("annotator.web.assets.time.monotonic", lambda: now)
    found = looked_at(folder)
    before = found.modules("static/js/page.js")
    (folder / "static/js/later.js").write_text("1;\n")
    now += 2
    after = found.modules("static/js/page.js")
    assert [each.split("/", 3)[3] for each in before] == [each.split("/", 3)[3] for each in after]
    assert before != after


def test_a_page_preloads_every_module_that_it_runs(app: APIFlask, assets: Assets) -> None:
    page = app.test_client().get("/signin").get_data(as_text=True)
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    assert preloaded == assets.modules("static/js/views/signin.js")
    [script] = re.findall(r'<script type="module" src="([^"]+)">', page)
    assert script == preloaded[0]
    assert f"/assets/{assets.version}/static/js/ui/dom.js" in preloaded
    for address in re.findall(r'(?:href|src)="(/(?:assets|static)/[^"]+)"', page):
        assert app.test_client().get(address).status_code == 200, address


def test_the_workbench_names_its_model_and_starts_with_the_decoder(
    admin: Any, assets: Assets, register_model: Callable[..., str]
) -> None:
    digest = register_model()
    admin.post("/api/v1/projects", json={"name": "Shapes"})
    admin.post("/api/v1/projects/1/images", data={"files": (io.BytesIO(picture()), "a.png")})
    page = admin.get("/projects/1/images/1").get_data(as_text=True)
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', page)
    assert found
    assert json.loads(found[1]) == admin.get(f"/api/v1/models/{digest}").json
    scripts = re.findall(r'<script type="module" src="([^"]+)"', page)
    assert scripts == [assets.address("static/js/views/workbench/boot.js"), assets.address(MODULE)]
    order = [page.index(assets.address(f"static/js/{name}.js")) for name in ("decoder/client", "editor")]
    assert order == sorted(order)
