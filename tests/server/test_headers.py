"""Isolation, content policy and caching on every kind of response."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.storage import storage
from annotator.web.headers import HEADERS
from tests.server.pictures import picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def image(admin: Any) -> dict[str, Any]:
    admin.post("/api/v1/projects", json={"name": "Headers"})
    upload = {"files": (io.BytesIO(picture()), "a.png")}
    answer = admin.post("/api/v1/projects/1/images", data=upload)
    found: dict[str, Any] = answer.json["images"][0]
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/signin",
        "/nothing",
        "/healthz",
        "/static/css/base.css",
        "/static/nothing",
        "/vendor/nothing",
        "/api/v1/me",
        "/api/v1/nothing",
        "/api/v1/openapi.json",
        "/api/v1/images/1/file",
        "/api/v1/images/1/thumbnail",
        "/api/v1/images/1/embeddings/x",
    ],
)
def test_every_response_is_isolated(app: APIFlask, admin: Any, image: Any, path: str) -> None:
    for client in (admin, app.test_client()):
        for method in ("GET", "HEAD", "POST"):
            headers = client.open(path, method=method).headers
            assert {name: headers.get(name) for name in HEADERS} == HEADERS
            assert headers["Cache-Control"]


def test_the_policy_allows_no_inline_script() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["default-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe-inline" not in HEADERS["Content-Security-Policy"]


def test_templates_hold_no_inline_script_or_style() -> None:
    for template in (ROOT / "annotator" / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        for tag in text.split("<script")[1:]:
            attributes = tag.split(">")[0]
            assert " src=" in attributes or 'type="application/json"' in attributes, template.name


def test_files_are_kept_for_good_and_revalidated_for_free(admin: Any, image: dict[str, Any]) -> None:
    for url in image["urls"].values():
        answer = admin.get(url)
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert "Vary" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        again = admin.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]


def test_file_responses_can_be_sent_by_the_kernel(app: APIFlask, admin: Any, image: dict[str, Any]) -> None:
    with app.test_request_context(), app.app_context():
        from annotator.web.files import send_blob

        [key] = storage().keys("images")
        response = send_blob(key, mime="image/png", etag="x")
        assert response.direct_passthrough
        response.close()


def test_static_files_are_revalidated(app: APIFlask) -> None:
    client = app.test_client()
    answer = client.get("/static/css/base.css")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert (
        client.get("/static/css/base.css", headers={"If-None-Match": answer.headers["ETag"]}).status_code
        == 304
    )


def test_answers_are_not_kept(admin: Any) -> None:
    assert admin.get("/api/v1/me").headers["Cache-Control"] == "no-store"
    assert admin.get("/").headers["Cache-Control"] == "no-store"


@pytest.fixture
def vendor(tmp_path: Path, make_app: Any) -> Any:
    """A client of a server whose npm folder holds three files."""
    dist = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    dist.mkdir(parents=True)
    (dist / "ort.wasm.min.mjs").write_text("export {};")
    (dist / "ort-wasm-simd-threaded.wasm").write_bytes(b"\0asm plain")
    (dist / "ort-wasm-simd-threaded.wasm.br").write_bytes(b"packed")
    (dist / "ort.all.js").write_text("")
    (tmp_path / "node_modules" / "secret.js").write_text("")
    app = make_app(tmp_path / "instance2", vendor_dir=str(tmp_path / "node_modules"))
    return app.test_client()


def test_vendor_files(vendor: Any) -> None:
    base = "/vendor/onnxruntime-web/dist"
    module = vendor.get(f"{base}/ort.wasm.min.mjs")
    assert (module.mimetype, module.data) == ("text/javascript", b"export {};")
    plain = vendor.get(f"{base}/ort-wasm-simd-threaded.wasm")
    assert (plain.mimetype, plain.data) == ("application/wasm", b"\0asm plain")
    packed = vendor.get(f"{base}/ort-wasm-simd-threaded.wasm", headers={"Accept-Encoding": "gzip, br"})
    assert (packed.mimetype, packed.data) == ("application/wasm", b"packed")
    assert packed.headers["Content-Encoding"] == "br"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "no-cache"
    tag = packed.headers["ETag"]
    again = vendor.get(
        f"{base}/ort-wasm-simd-threaded.wasm", headers={"Accept-Encoding": "br", "If-None-Match": tag}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name",
    [
        "secret.js",
        "onnxruntime-web/dist/ort.all.js",
        "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm.br",
        "onnxruntime-web/dist/../../secret.js",
        "../app.py",
        "%2e%2e/app.py",
        "onnxruntime-web/dist/ort.wasm.min.mjs/",
    ],
)
def test_only_named_vendor_files_are_served(vendor: Any, name: str) -> None:
    assert vendor.get(f"/vendor/{name}").status_code == 404


def test_a_missing_vendor_file_names_the_remedy(vendor: Any) -> None:
    answer = vendor.get("/vendor/uplot/dist/uPlot.esm.js")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "not_installed")
    assert "make setup" in answer.json["error"]["message"]
