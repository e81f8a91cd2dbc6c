"""Getting the released weights: download with resume, check, register.

Nothing is trusted before its SHA-256 is right. A broken download keeps what it has in a `.part` file beside the
target and goes on from there, in this call or in the next one.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from annotator.errors import AnnotatorError, InvalidInput

BASE_URL = "https://dl.fbaipublicfiles.com/segment_anything"
CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
ATTEMPTS = 5  # in a row without a single new byte
RETRY_SECONDS = 1.0

Progress = Callable[[int, int | None], None]
"""Called with bytes present and bytes in total (None while unknown); may raise to stop."""


@dataclass(frozen=True)
class Release:
    """One released checkpoint."""

    name: str
    file: str
    sha256: str


RELEASES = {
    release.name: release
    for release in (
        Release(
            "vit_b",
            "sam_vit_b_01ec64.pth",
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        Release(
            "vit_l",
            "sam_vit_l_0b3195.pth",
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        Release(
            "vit_h",
            "sam_vit_h_4b8939.pth",
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
    )
}


class InstallError(AnnotatorError):
    """The weights could not be fetched, or are not the ones that were released."""

    status = 502

    def __init__(self, message: str) -> None:
        super().__init__(message, code="install_failed")


class _Interrupted(Exception):
    """The connection ended early; what arrived is kept."""


def install_model(name: str, *, source: Path | None = None, progress: Progress | None = None) -> str:
    """Installs a model into this instance and returns its digest; needs an application context.

    `name` is vit_b, vit_l or vit_h, or, with a `source` file, any other name for a supported checkpoint of one's
    own. Raises InstallError, CheckpointError or InvalidInput.
    """
    from flask import current_app

    from annotator.services.models import register_model

    if name not in RELEASES and source is not None:
        return register_model(source, name=name, source="installed")
    folder = Path(current_app.extensions["annotator_settings"].instance) / "weights"
    path = fetch_release(_release(name), folder, source=source, progress=progress)
    return register_model(path, name=name, source="installed")


def _release(name: str) -> Release:
    if name not in RELEASES:
        known = ", ".join(RELEASES)
        raise InvalidInput(
            f"There is no released model {name!r}: expected {known}, or a file of your own with --from.",
            code="unknown_model",
            field="name",
        )
    return RELEASES[name]


def fetch_release(
    release: Release,
    folder: Path,
    *,
    source: Path | None = None,
    progress: Progress | None = None,
    base_url: str = BASE_URL,
    attempts: int = ATTEMPTS,
    retry_seconds: float = RETRY_SECONDS,
) -> Path:
    """The verified file of a release in `folder`: already there, copied from `source`, or downloaded.

    Raises InstallError saying what was expected and found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, part = folder / release.file, folder / f"{release.file}.part"
    if target.is_file() and file_sha256(target) == release.sha256:
        return target
    if source is not None:
        _copy(source, part)
        _settle(release, part, target, origin=str(source))
        return target
    url = f"{base_url}/{release.file}"
    resumed = part.exists()
    _download(url, part, progress or _silent, attempts, retry_seconds)
    if resumed and file_sha256(part) != release.sha256:
        # What an earlier call left may have been damaged; one clean download decides.
        part.unlink()
        _download(url, part, progress or _silent, attempts, retry_seconds)
    _settle(release, part, target, origin=url)
    return target


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settle(release: Release, part: Path, target: Path, *, origin: str) -> None:
    found, size = file_sha256(part), part.stat().st_size
    if found != release.sha256:
        part.unlink()
        raise InstallError(
            f"{origin} is not the released {release.name}: expected SHA-256 {release.sha256}, found {found} "
            f"({size} bytes). The file was discarded."
        )
    part.replace(target)


def _copy(source: Path, part: Path) -> None:
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InstallError(f"{source} cannot be copied: {error.strerror}.") from None


def _download(url: str, part: Path, progress: Progress, attempts: int, retry_seconds: float) -> None:
    """Fetches `url` into `part`, going on from what is there, until complete."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _fetch_rest(url, part, before, progress)
            return
        except (urllib.error.URLError, http.client.HTTPException, OSError, _Interrupted) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise InstallError(f"{url} answered {error.code} {error.reason}.") from None
            after = part.stat().st_size if part.exists() else 0
            failures = 0 if after > before else failures + 1
            if failures >= attempts:
                raise InstallError(
                    f"{url} could not be downloaded: {attempts} attempts in a row brought nothing new "
                    f"({error}). {after} bytes are kept; the next attempt goes on from there. On a machine "
                    f"without a connection, fetch the file elsewhere and use --from."
                ) from None
            time.sleep(retry_seconds * 2 ** min(failures, 5))


def _fetch_rest(url: str, part: Path, have: int, progress: Progress) -> None:
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing after what we have: complete, or not this file
            return
        raise
    with response:
        start, total = _extent(response)
        if start not in (0, have):
            raise _Interrupted(f"asked for bytes from {have}, was sent bytes from {start}")
        _require_space(part, total - start if total is not None else 0)
        with part.open("ab" if start else "wb") as file:
            _receive(response, file, start, total, progress)


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """(first byte sent, size of the whole file or None) of a 200 or 206 answer."""
    if response.status == 206:
        span, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        first = span.partition("-")[0]
        if not first.isdigit():
            raise _Interrupted(f"unreadable Content-Range {response.headers.get('Content-Range')!r}")
        return int(first), int(whole) if whole.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _receive(
    response: http.client.HTTPResponse, file: IO[bytes], done: int, total: int | None, progress: Progress
) -> None:
    progress(done, total)
    while chunk := response.read(CHUNK_BYTES):
        file.write(chunk)
        done += len(chunk)
        progress(done, total)
    file.flush()
    if total is not None and done < total:
        raise _Interrupted(f"the connection ended after {done} of {total} bytes")


def _require_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise InstallError(f"{part.parent} has {free} bytes free, but {needed} more are needed.")


def _silent(done: int, total: int | None) -> None:
    """No progress display."""
