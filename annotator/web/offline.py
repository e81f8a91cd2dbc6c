"""What a browser keeps to open the workbench while the server is away: the service worker and the list of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from apiflask import APIBlueprint
from flask import Response, current_app

from annotator.web.auth import public

blueprint = APIBlueprint("offline", __name__, enable_openapi=False)

FOLDERS = ("css", "icons", "js")
SUFFIXES = (".css", ".js", ".svg")
VIEWS = Path("js/views")
WORKBENCH = "workbench"
RUNTIME = (
    "onnxruntime-web/dist/ort.wasm.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
)


@blueprint.get("/offline.js")
@public
def script() -> Response:
    """The service worker's script: any change of a part changes it, and so the browser installs it anew."""
    parts = dict(sorted((*_static_files(), *_vendor_files())))
    digest = hashlib.sha256()
    for address, path in parts.items():
        stat = path.stat()
        digest.update(f"{address} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    listed = json.dumps({"version": digest.hexdigest()[:16], "files": list(parts)})
    response = Response(
        f'self.parts = {listed};\nimportScripts("/static/js/offline/worker.js");\n',
        mimetype="text/javascript",
    )
    response.headers["Cache-Control"] = "no-cache"
    return response


def _static_files() -> Iterator[tuple[str, Path]]:
    """Address and file of everything under static/ that the workbench may load."""
    root = Path(current_app.static_folder or "")
    yield "/static/favicon.svg", root / "favicon.svg"
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            name = path.relative_to(root)
            if path.suffix in SUFFIXES and not _of_another_page(name):
                yield f"/static/{name.as_posix()}", path


def _of_another_page(name: Path) -> bool:
    return name.is_relative_to(VIEWS) and not name.parts[2].startswith(WORKBENCH)


def _vendor_files() -> Iterator[tuple[str, Path]]:
    """What the decoder runs on."""
    root = Path(current_app.extensions["annotator_settings"].vendor_dir)
    for name in RUNTIME:
        if (root / name).is_file():
            yield f"/vendor/{name}", root / name
