"""Health, metrics, and the few npm files that pages load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, request, send_file
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text

from annotator.database import db
from annotator.errors import NotFound
from annotator.models import Annotation, Embedding, Image, Job
from annotator.web import access
from annotator.web.auth import public

blueprint = APIBlueprint("system", __name__, enable_openapi=False)

# Everything else in node_modules stays private: packages hold far more than what belongs on the web.
VENDOR_FILES = (
    re.compile(r"onnxruntime-web/dist/ort\.(wasm|webgpu)(\.bundle)?\.min\.mjs"),
    re.compile(r"onnxruntime-web/dist/ort-wasm-simd-threaded(\.asyncify|\.jsep|\.jspi)?\.(mjs|wasm)"),
    re.compile(r"uplot/dist/(uPlot\.esm\.js|uPlot\.min\.css)"),
    re.compile(r"idb/build/index\.js"),
    re.compile(r"lucide-static/(sprite\.svg|icons/[a-z0-9-]+\.svg)"),
)


@blueprint.get("/healthz")
@public
def health() -> tuple[dict[str, Any], int]:
    """Whether the server can do its work: 200 when the database answers."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok"}, 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics (administrators; scrape with a bearer token)."""
    access.require_admin()
    registry = CollectorRegistry()
    jobs = Gauge("annotator_jobs", "Jobs by kind and state", ["kind", "state"], registry=registry)
    for kind, state, number in db.session.execute(
        select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    ):
        jobs.labels(kind, state).set(number)
    for name, column in (("images", Image.id), ("annotations", Annotation.id), ("embeddings", Embedding.id)):
        gauge = Gauge(f"annotator_{name}", f"Number of {name}", registry=registry)
        gauge.set(db.session.scalar(select(func.count(column))) or 0)
    return Response(generate_latest(registry), mimetype="text/plain")


@blueprint.get("/vendor/<path:name>")
@public
def vendor(name: str) -> Response:
    """A named file of an npm package, brotli-compressed where that was prepared at set-up."""
    if not any(pattern.fullmatch(name) for pattern in VENDOR_FILES):
        raise NotFound("This file is not served.", code="not_found")
    path = Path(current_app.extensions["annotator_settings"].vendor_dir) / name
    if not path.is_file():
        raise NotFound(f"{name} is not installed; run `make setup`.", code="not_installed")
    packed = path.with_name(path.name + ".br")
    brotli = "br" in request.accept_encodings and packed.is_file()
    response = send_file(
        packed if brotli else path, mimetype=_mime(path), download_name=path.name, conditional=True
    )
    response.headers["Vary"] = "Accept-Encoding"
    if brotli:
        response.headers["Content-Encoding"] = "br"
    # Revalidated by ETag: the address carries no version, and a 304 costs a millisecond.
    response.headers["Cache-Control"] = "no-cache"
    return response


def _mime(path: Path) -> str:
    kinds = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
    return kinds.get(path.suffix) or {".css": "text/css", ".svg": "image/svg+xml"}[path.suffix]
