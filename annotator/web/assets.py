"""What pages load, at addresses that hold a version: browsers keep it for good and open a page again without asking.

`/assets/<version>/static/…` and `/assets/<version>/vendor/…` are `/static/…` and `/vendor/…` with one version over the
content of all files, so that modules find each other by relative addresses and a changed file renews every address.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from apiflask import APIBlueprint
from flask import Flask, Response, current_app

from annotator.web.auth import public
from annotator.web.system import vendor

blueprint = APIBlueprint("assets", __name__, enable_openapi=False)

SUFFIXES = (".css", ".js", ".svg")
RUNTIME = (
    "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
)
"""What the decoder runs on."""

IMPORT = re.compile(r'^(?:import|export)\b[^"\';]*["\'](\.[^"\']+)["\']', re.MULTILINE)
FRESH_SECONDS = 1.0
PUBLIC_IMMUTABLE = "public, max-age=31536000, immutable"


class Assets:
    """The files of one application, looked at again at most once a second: who edits one sees it in the next page."""

    def __init__(self, static: Path, vendor_dir: Path) -> None:
        self._static, self._vendor = static, vendor_dir
        self._looked = -FRESH_SECONDS
        self._files: dict[str, Path] = {}
        self._version = ""
        self._modules: dict[tuple[str, ...], list[str]] = {}

    @property
    def files(self) -> dict[str, Path]:
        """Name below `/assets/<version>/` → file, in order."""
        self._look()
        return self._files

    @property
    def version(self) -> str:
        """16 hexadecimal digits over names and contents."""
        self._look()
        return self._version

    def address(self, name: str) -> str:
        """Where a browser finds `name`, such as `static/css/base.css`."""
        return f"/assets/{self.version}/{name}"

    def modules(self, *entries: str) -> list[str]:
        """Addresses of these JavaScript modules and of all that they import, nearest first."""
        self._look()
        if entries not in self._modules:
            names = _reachable(self._files, entries)
            self._modules[entries] = [f"/assets/{self._version}/{name}" for name in names]
        return self._modules[entries]

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < FRESH_SECONDS:
            return
        stamps = tuple(sorted((*_stamps(self._static, "static"), *self._runtime())))
        version = _version(stamps)
        if version != self._version:
            self._files = {name: Path(path) for name, path, *_ in stamps}
            self._modules = {}
            self._version = version
        self._looked = now

    def _runtime(self) -> Iterator[Stamp]:
        for name in RUNTIME:
            path = self._vendor / name
            if path.is_file():
                stat = path.stat()
                yield f"vendor/{name}", str(path), stat.st_size, stat.st_mtime_ns


Stamp = tuple[str, str, int, int]
"""Name, path, bytes, time of the last change."""


def _stamps(folder: Path, name: str) -> Iterator[Stamp]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _stamps(Path(entry.path), f"{name}/{entry.name}")
        elif entry.name.endswith(SUFFIXES):
            stat = entry.stat()
            yield f"{name}/{entry.name}", entry.path, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=4)
def _version(stamps: tuple[Stamp, ...]) -> str:
    # Contents, not times: two servers with the same files, and a server set up anew, give the same addresses.
    digest = hashlib.sha256()
    for name, path, *_ in stamps:
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()[:16]


def _reachable(files: dict[str, Path], entries: tuple[str, ...]) -> list[str]:
    found = list(dict.fromkeys(entries))
    for name in found:
        text = files[name].read_text(encoding="utf-8")
        imported = [os.path.normpath(f"{name}/../{target}") for target in IMPORT.findall(text)]
        found += [each for each in dict.fromkeys(imported) if each in files and each not in found]
    return found


def register(app: Flask) -> None:
    """Give templates `asset(name)` and `modules(*names)`."""
    folder = Path(app.static_folder or "")
    assets = Assets(folder, Path(app.extensions["annotator_settings"].vendor_dir))
    app.extensions["annotator_assets"] = assets
    app.jinja_env.globals["asset"] = assets.address
    app.jinja_env.globals["modules"] = assets.modules


def current() -> Assets:
    """The assets of the application that answers the request."""
    assets: Assets = current_app.extensions["annotator_assets"]
    return assets


@blueprint.get("/assets/<version>/static/<path:name>")
@public
def static(version: str, name: str) -> Response:
    """A file of ours."""
    return _kept(current_app.send_static_file(name), version, f"static/{name}")


@blueprint.get("/assets/<version>/vendor/<path:name>")
@public
def packages(version: str, name: str) -> Response:
    """A file of an npm package."""
    return _kept(vendor(name), version, f"vendor/{name}")


def _kept(response: Response, version: str, name: str) -> Response:
    # A page that was opened before an update still gets what it asks for, only not for good.
    assets = current()
    lasting = version == assets.version and name in assets.files
    response.headers["Cache-Control"] = PUBLIC_IMMUTABLE if lasting else "no-cache"
    return response
