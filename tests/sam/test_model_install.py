"""The installer against a local server that behaves badly in every way downloads go wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from annotator.errors import InvalidInput
from annotator.services import model_install
from annotator.services.model_install import RELEASES, InstallError, Release, fetch_release

CONTENT = bytes(range(256)) * 4096  # 1 MiB
RELEASE = Release("vit_x", "sam_vit_x.pth", hashlib.sha256(CONTENT).hexdigest())


@dataclass
class Behaviour:
    """How the server answers; `ranges` collects the Range header of every request."""

    content: bytes = CONTENT
    supports_range: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes sent before the connection ends, per request
    statuses: list[int] = field(default_factory=list)  # errors answered first
    shift: int = 0  # how far off the bytes of a 206 answer start
    hides_length: bool = False
    ranges: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        behaviour = self.behaviour
        asked = self.headers.get("Range")
        behaviour.ranges.append(asked)
        if behaviour.statuses:
            self.send_error(behaviour.statuses.pop(0))
            return
        start = 0
        if asked and behaviour.supports_range:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(behaviour.content):
                self.send_error(416)
                return
            start += behaviour.shift
        self._send(behaviour.content, start, partial=bool(asked) and behaviour.supports_range)

    def _send(self, content: bytes, start: int, *, partial: bool) -> None:
        body = content[start:]
        self.send_response(206 if partial else 200)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if not self.behaviour.hides_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.behaviour.cut_after.pop(0) if self.behaviour.cut_after else len(body)
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""


@dataclass
class Server:
    url: str
    behaviour: Behaviour
    folder: Path

    def fetch(self, **options: object) -> Path:
        settings = {"base_url": self.url, "attempts": 3, "retry_seconds": 0.0, **options}
        return fetch_release(RELEASE, self.folder, **settings)  # type: ignore[arg-type]

    @property
    def part(self) -> Path:
        return self.folder / f"{RELEASE.file}.part"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    behaviour = Behaviour()
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Server(f"http://127.0.0.1:{http.server_port}", behaviour, tmp_path / "weights")
    http.shutdown()
    http.server_close()
    thread.join()


def test_plain_download_with_progress(server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    path = server.fetch(progress=lambda done, total: seen.append((done, total)))
    assert path == server.folder / RELEASE.file
    assert path.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [item.name for item in server.folder.iterdir()] == [RELEASE.file]


def test_what_is_there_and_right_is_not_fetched_again(server: Server) -> None:
    server.fetch()
    server.fetch()
    assert len(server.behaviour.ranges) == 1


def test_damaged_target_is_replaced(server: Server) -> None:
    server.folder.mkdir()
    (server.folder / RELEASE.file).write_bytes(CONTENT[:-1] + b"x")
    assert server.fetch().read_bytes() == CONTENT


def test_cut_connections_are_resumed(server: Server) -> None:
    server.behaviour.cut_after = [300_000, 200_000, 1]
    assert server.fetch().read_bytes() == CONTENT
    assert server.behaviour.ranges == [None, "bytes=300000-", "bytes=500000-", "bytes=500001-"]


def test_cut_connections_without_range_start_again(server: Server) -> None:
    server.behaviour.supports_range = False
    server.behaviour.cut_after = [300_000, 400_000]
    assert server.fetch().read_bytes() == CONTENT
    assert server.behaviour.ranges == [None, "bytes=300000-", "bytes=400000-"]


def test_a_later_call_goes_on_from_the_part_file(server: Server) -> None:
    server.behaviour.cut_after = [300_000, 0, 0, 0]
    with pytest.raises(InstallError) as error:
        server.fetch()
    assert "300000 bytes are kept" in error.value.message
    assert "--from" in error.value.message
    assert server.part.stat().st_size == 300_000
    server.behaviour.ranges.clear()
    assert server.fetch().read_bytes() == CONTENT
    assert server.behaviour.ranges == ["bytes=300000-"]


def test_complete_part_file_is_only_verified(server: Server) -> None:
    server.folder.mkdir()
    server.part.write_bytes(CONTENT)
    assert server.fetch().read_bytes() == CONTENT
    assert server.behaviour.ranges == [f"bytes={len(CONTENT)}-"]  # answered with 416


def test_damaged_part_file_is_thrown_away_once(server: Server) -> None:
    server.folder.mkdir()
    server.part.write_bytes(b"not the beginning")
    assert server.fetch().read_bytes() == CONTENT
    assert server.behaviour.ranges == ["bytes=17-", None]


def test_wrong_bytes_are_refused_and_not_kept(server: Server) -> None:
    server.behaviour.content = CONTENT[:-1] + b"x"
    with pytest.raises(InstallError) as error:
        server.fetch()
    found = hashlib.sha256(server.behaviour.content).hexdigest()
    assert f"expected SHA-256 {RELEASE.sha256}, found {found}" in error.value.message
    assert list(server.folder.iterdir()) == []


def test_bytes_from_another_place_are_not_appended(server: Server) -> None:
    server.behaviour.cut_after = [300_000]
    server.behaviour.shift = 7
    with pytest.raises(InstallError, match="asked for bytes from 300000, was sent bytes from 300007"):
        server.fetch()
    assert server.part.read_bytes() == CONTENT[:300_000]


def test_server_errors_are_retried_and_client_errors_are_not(server: Server) -> None:
    server.behaviour.statuses = [503, 500]
    assert server.fetch().read_bytes() == CONTENT
    (server.folder / RELEASE.file).unlink()
    server.behaviour.statuses = [404]
    server.behaviour.ranges.clear()
    with pytest.raises(InstallError, match="answered 404"):
        server.fetch()
    assert len(server.behaviour.ranges) == 1


def test_unknown_length_is_settled_by_the_hash(server: Server) -> None:
    server.behaviour.hides_length = True
    seen: list[int | None] = []
    assert server.fetch(progress=lambda done, total: seen.append(total)).read_bytes() == CONTENT
    assert set(seen) == {None}


def test_no_server_at_all(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="3 attempts in a row"):
        fetch_release(RELEASE, tmp_path, base_url="http://127.0.0.1:9", attempts=3, retry_seconds=0.0)


def test_stopping_from_the_progress_callback_keeps_the_part(server: Server) -> None:
    class Cancelled(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        server.fetch(progress=stop)
    assert server.part.exists()
    assert server.fetch().read_bytes() == CONTENT


def test_from_a_file(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pth"
    copy.write_bytes(CONTENT)
    assert server.fetch(source=copy).read_bytes() == CONTENT
    assert server.behaviour.ranges == []
    assert copy.exists()


def test_from_a_wrong_or_missing_file(server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"something else")
    with pytest.raises(InstallError, match=r"wrong.pth is not the released vit_x.*\(14 bytes\)"):
        server.fetch(source=wrong)
    with pytest.raises(InstallError, match="cannot be copied"):
        server.fetch(source=tmp_path / "missing.pth")
    assert list(server.folder.iterdir()) == []
    assert wrong.read_bytes() == b"something else"


def test_full_disk_is_said_before_the_download(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_install.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(InstallError, match=f"1000 bytes free, but {len(CONTENT)} more"):
        server.fetch()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match="vit_b, vit_l, vit_h"):
        model_install._release("vit_x")


def test_released_files_and_hashes() -> None:
    from annotator.sam.checkpoints import RELEASED_FILES

    assert {name: release.file for name, release in RELEASES.items()} == RELEASED_FILES
    assert all(len(release.sha256) == 64 for release in RELEASES.values())
    assert RELEASES["vit_b"].sha256.startswith("ec2df62732614e57")
