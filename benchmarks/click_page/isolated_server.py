"""The page's static server: the product's scripts and the runtime, cross-origin isolated, on a free loopback port."""

from __future__ import annotations

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent.parent
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    "": "application/octet-stream",
}


class IsolatedServer:
    """Serves /static, /vendor (npm packages), /bench (this folder) and /data (`folder`) while the context lasts."""

    def __init__(self, folder: Path) -> None:
        roots = {
            "static": ROOT / "static",
            "vendor": ROOT / "node_modules",
            "bench": Path(__file__).parent,
            "data": folder,
        }

        class Handler(SimpleHTTPRequestHandler):
            extensions_map = TYPES

            def translate_path(self, path: str) -> str:
                name, _, rest = unquote(urlsplit(path).path).lstrip("/").partition("/")
                target = (roots.get(name, folder) / rest).resolve()
                known = name in roots and target.is_relative_to(roots[name].resolve())
                return str(target if known else folder / "missing")

            def end_headers(self) -> None:
                for header, value in HEADERS.items():
                    self.send_header(header, value)
                super().end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent: the benchmark prints its own lines."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
