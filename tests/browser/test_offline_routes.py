"""The service worker's set of the page's parts: the browser takes them from it by itself, with and without a server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "js" / "offline"
PARTS = "/assets/0123456789abcdef/static/js"
LISTED = [f"{PARTS}/one.js", f"{PARTS}/two.js"]
UNLISTED = f"{PARTS}/another.js"
PAGE = "/projects/1/images/1"
INSTALL = """() => new Promise((resolve) => {
  navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  navigator.serviceWorker.register("/offline.js");
})"""
NOTE_LOOKUPS = """() => {
  self.lookedUp = [];
  const match = Cache.prototype.match;
  Cache.prototype.match = function (key, ...more) {
    self.lookedUp.push(key.url ?? key);
    return match.call(this, key, ...more);
  };
}"""


def _files() -> dict[str, str]:
    parts = json.dumps({"version": PARTS.split("/")[2], "files": LISTED})
    return {
        PAGE: f'<!doctype html><body><script type="module" src="{LISTED[0]}"></script>'
        f'<script type="module" src="{UNLISTED}"></script>',
        LISTED[0]: 'import "./two.js"; document.body.dataset.one = "here";',
        LISTED[1]: 'document.body.dataset.two = "here";',
        UNLISTED: 'document.body.dataset.another = "here";',
        "/offline.js": f"self.parts = {parts}; importScripts('/embeddings.js', '/worker.js');",
        "/embeddings.js": (SCRIPTS / "embeddings.js").read_text(encoding="utf-8"),
        "/worker.js": (SCRIPTS / "worker.js").read_text(encoding="utf-8"),
    }


class PlainServer(ThreadingHTTPServer):
    """Serves a page whose parts nothing but the service worker may keep; `asked` are the paths it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.files = _files()
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: PlainServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html" if self.path == PAGE else "text/javascript")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@pytest.fixture
def plain_server() -> Iterator[PlainServer]:
    with PlainServer() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def test_parts_come_from_the_set_without_running_the_worker(
    browser: Browser, plain_server: PlainServer
) -> None:
    context = browser.new_context(base_url=f"http://127.0.0.1:{plain_server.server_port}")
    page = context.new_page()
    page.goto(PAGE)
    page.evaluate(INSTALL)
    [worker] = context.service_workers
    worker.evaluate(NOTE_LOOKUPS)
    plain_server.asked.clear()
    page.reload()
    page.wait_for_selector("body[data-one][data-two][data-another]", state="attached")
    assert plain_server.asked == [PAGE, UNLISTED], "what is not in the set is asked for"
    assert worker.evaluate("() => self.lookedUp") == []

    plain_server.shutdown()
    plain_server.server_close()
    page.reload()
    page.wait_for_selector("body[data-one][data-two]", state="attached")
    assert page.evaluate("() => document.body.dataset.another") is None
    context.close()
