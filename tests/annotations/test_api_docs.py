"""docs/api.md names every endpoint, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from apiflask import APIFlask

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"
ENDPOINT = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (?:/api/v1)?(/[^`?]*)")


def normal(path: str) -> str:
    """Placeholders are called differently in prose and in code."""
    return re.sub(r"<[^>]+>", "<>", path.removeprefix("/api/v1"))


def test_every_endpoint_is_described(app: APIFlask) -> None:
    described = {
        (method, normal(path)) for method, path in ENDPOINT.findall(DOCS.read_text(encoding="utf-8"))
    }
    existing = {
        (method, normal(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") or rule.rule in ("/healthz", "/metrics")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    existing.discard(("GET", "/openapi.json"))
    assert existing - described == set()
    assert described - existing == set()
