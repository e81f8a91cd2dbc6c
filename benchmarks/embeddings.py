"""Sending embeddings: 2 MB each, fifty kept-alive connections asking at once, from the server that `flask start` runs.

All fifty ask again as soon as they have been answered, so a request waits for the forty-nine others: what a request
costs the server is the time of all of them divided by their number. The same file from a bare server, which does
nothing but `sendfile`, says what the loopback device and the client cost by themselves.
"""

from __future__ import annotations

import os
import selectors
import socket
import socketserver
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from annotator.database import db
from annotator.models import Image
from annotator.services import embeddings
from annotator.storage import storage
from app import create_app
from benchmarks.run import Row
from benchmarks.workbench_scenes import Client, new_project, photograph
from tools.real_server import ROOT, Api, RealServer

BYTES = 2 << 20
CONNECTIONS = 50
REQUESTS, QUICK_REQUESTS = 12, 3
TARGET_MS = 10.0
DIGEST = "b" * 64
END = b"\r\n\r\n"


def run(quick: bool) -> Iterator[Row]:
    """Milliseconds an embedding, and the ratio to the bare server."""
    data = os.urandom(BYTES)
    with tempfile.TemporaryDirectory(prefix="bench-embeddings-") as name:
        folder = Path(name)
        (folder / "embedding").write_bytes(data)
        settings = {"ANNOTATOR_DEMO": "false", "ANNOTATOR_EMBEDDED_WORKER": "false"}
        with RealServer(folder / "instance", settings) as server, _bare_server(folder / "embedding") as bare:
            api = Api(server.base_url, server.link)
            address = urlsplit(api.base_url)
            assert address.hostname is not None
            assert address.port is not None
            path = _stored(folder / "instance", api, data)
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in api.cookies)
            ours = _Asked((address.hostname, address.port), path, cookies)
            plain = _Asked(bare, "/", "")
            for asked in (ours, plain):
                asked.rounds(1, data)  # and every byte is compared
            times: dict[_Asked, list[float]] = {ours: [], plain: []}
            taken = dict.fromkeys(times, 0.0)
            for _ in range(QUICK_REQUESTS if quick else REQUESTS):
                for asked in times:
                    started = time.perf_counter()
                    times[asked] += asked.rounds(1)
                    taken[asked] += time.perf_counter() - started
    note = f"{len(times[ours])} requests of {BYTES >> 20} MiB over {CONNECTIONS} connections"
    each = {asked: 1000 * taken[asked] / len(times[asked]) for asked in times}
    yield _row("an embedding sent, fifty in parallel, each", each[ours], "ms", note, TARGET_MS)
    beside = f"asked together with 49 others; p50 {statistics.median(times[ours]):.0f} ms"
    yield _row("from request to last byte, p95", _p95(times[ours]), "ms", beside)
    yield _row("the same from a bare server, each", each[plain], "ms", note)
    beside = f"asked together with 49 others; p50 {statistics.median(times[plain]):.0f} ms"
    yield _row("a bare server, from request to last byte, p95", _p95(times[plain]), "ms", beside)
    yield _row("our server against the bare one", each[ours] / each[plain], "×", "the time of all requests")


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _row(name: str, value: float, unit: str, note: str, most: float | None = None) -> Row:
    ok = None if most is None else value <= most
    return {"name": name, "value": value, "unit": unit, "target": most, "ok": ok, "note": note}


def _stored(instance: Path, api: Api, data: bytes) -> str:
    """The address of an embedding with these bytes, as if a worker had made it."""
    project, _ = new_project(api, "embeddings")
    client = Client(api)
    image = client.upload(project, "photograph.jpg", photograph(300, 400, seed=0))["id"]
    client.close()
    with create_app(instance).app_context():
        sha256 = db.session.get_one(Image, image).sha256
        storage().put(embeddings.embedding_key(sha256, DIGEST), data)
        embeddings.record(sha256, DIGEST, size=len(data), seconds=1.0)
    return f"/api/v1/images/{image}/embeddings/{DIGEST}"


@dataclass(eq=False)
class _Asked:
    """One address, asked over many connections at once by one thread."""

    address: tuple[str, int]
    path: str
    cookies: str

    def __post_init__(self) -> None:
        self.connections = [socket.create_connection(self.address) for _ in range(CONNECTIONS)]
        head = f"GET {self.path} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n"
        self.request = (head + (f"Cookie: {self.cookies}\r\n" if self.cookies else "") + "\r\n").encode()
        self.buffer = memoryview(bytearray(1 << 20))

    def rounds(self, count: int, expected: bytes | None = None) -> list[float]:
        """Milliseconds of each request, asked `count` times over every connection; bodies must be `expected`."""
        times = []
        for _ in range(count):
            with selectors.DefaultSelector() as selector:
                waiting = {}
                for connection in self.connections:
                    connection.setblocking(True)
                    selector.register(connection, selectors.EVENT_READ)
                    waiting[connection] = _Answer(time.perf_counter(), expected)
                    connection.sendall(self.request)
                while waiting:
                    for key, _ in selector.select():
                        connection = key.fileobj  # type: ignore[assignment]
                        if waiting[connection].take(connection, self.buffer):
                            times.append((time.perf_counter() - waiting.pop(connection).started) * 1000)
                            selector.unregister(connection)
        return times


class _Answer:
    """What has come of an answer."""

    def __init__(self, started: float, expected: bytes | None) -> None:
        self.started, self.expected = started, expected
        self.head, self.body, self.left = b"", bytearray(), -1

    def take(self, connection: socket.socket, buffer: memoryview) -> bool:
        """Read what is there; says whether that was all."""
        count = connection.recv_into(buffer)
        if not count:
            raise RuntimeError("the server closed the connection")
        data = buffer[:count]
        if self.left < 0:
            self.head += bytes(data)
            if END not in self.head:
                return False
            self.head, rest = self.head.split(END, 1)
            if not self.head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the server answered {self.head.decode()}")
            self.left, data = BYTES, memoryview(rest)
        self.left -= len(data)
        if self.expected is not None:
            self.body += data
            if self.left == 0 and self.body != self.expected:
                raise RuntimeError("the server sent other bytes than those stored")
        return self.left == 0


class _Bare(socketserver.BaseRequestHandler):
    """Answers every request with the file and nothing else."""

    file: Path

    def handle(self) -> None:
        size = self.file.stat().st_size
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
        with self.file.open("rb") as file:
            while self.request.recv(65536):
                self.request.sendall(head)
                self.request.sendfile(file)


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = CONNECTIONS


def serve_bare(file: Path) -> None:
    """Serve the file on a free port, which is printed."""
    _Bare.file = file
    with _Threads(("127.0.0.1", 0), _Bare) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


@contextmanager
def _bare_server(file: Path) -> Iterator[tuple[str, int]]:
    words = [sys.executable, "-m", "benchmarks.embeddings", str(file)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield "127.0.0.1", int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    serve_bare(Path(sys.argv[1]))
