"""Blobs by key through fsspec: images, thumbnails, embeddings, decoders, exports.

Keys are made by the product (`images/ab/abcd….png`), never from names people give. A blob appears whole or not at
all: local writes go to a temporary file that is flushed and renamed, remote ones become visible when the upload is
complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import fsspec
from flask import current_app
from fsspec.implementations.local import LocalFileSystem

from annotator.errors import NotFound

KEY = re.compile(r"[a-z0-9_]+(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def content_key(kind: str, digest: str, suffix: str = "") -> str:
    """`kind`/ab/abcd…`suffix`: two-digit folders keep directories small."""
    return f"{kind}/{digest[:2]}/{digest}{suffix}"


class Storage:
    """One folder or bucket of blobs. All methods take keys; unknown keys raise NotFound(code="blob_missing")."""

    def __init__(self, url: str) -> None:
        # Without kept listings: blobs appear that other machines wrote.
        filesystem, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self.filesystem: Any = filesystem
        self.root: str = root.rstrip("/")
        self.is_local = isinstance(filesystem, LocalFileSystem)
        if self.is_local:
            Path(self.root).mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise ValueError(f"not a blob key: {key!r}")
        return f"{self.root}/{key}"

    def local_path(self, key: str) -> Path | None:
        """The file of `key` when blobs are local files (it may not exist), else None."""
        return Path(self._path(key)) if self.is_local else None

    def exists(self, key: str) -> bool:
        return bool(self.filesystem.exists(self._path(key)))

    def size(self, key: str) -> int:
        """Bytes of the blob."""
        try:
            return int(self.filesystem.size(self._path(key)))
        except FileNotFoundError:
            raise _missing(key) from None

    def open(self, key: str) -> IO[bytes]:
        try:
            return cast(IO[bytes], self.filesystem.open(self._path(key), "rb"))
        except FileNotFoundError:
            raise _missing(key) from None

    def read(self, key: str) -> bytes:
        with self.open(key) as file:
            return file.read()

    @contextmanager
    def writer(self, key: str) -> Iterator[IO[bytes]]:
        """A binary file that becomes the blob when the block ends, and leaves nothing behind when it raises."""
        path = self._path(key)
        if self.is_local:
            with _atomic_local_writer(Path(path)) as file:
                yield file
            return
        with tempfile.NamedTemporaryFile() as spool:
            yield cast(IO[bytes], spool)
            spool.flush()
            # Not through an open remote file, which would complete the blob even when interrupted half-way.
            self.filesystem.put_file(spool.name, path)

    def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, replacing what was there."""
        with self.writer(key) as file:
            file.write(data)

    def delete(self, key: str) -> None:
        """Remove the blob; one that is already gone is fine."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(self._path(key))

    def sweep(self, older_than: float = 24 * 3600) -> int:
        """Remove what killed writers left behind, once it is `older_than` seconds old; returns the number of files."""
        if not self.is_local:
            return 0
        limit = time.time() - older_than
        stale = [path for path in Path(self.root).rglob(".tmp-*") if path.stat().st_mtime < limit]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def trim(self, folder: str, limit: int) -> int:
        """Remove the oldest blobs below `folder` until the others take at most `limit` bytes; returns how many went.

        The newest one always stays.
        """
        base = f"{self.root}/{folder}"
        found = self.filesystem.find(base, detail=True) if self.filesystem.exists(base) else {}
        blobs = [info for name, info in found.items() if not name.rsplit("/", 1)[1].startswith(".tmp-")]
        left, removed = sum(info["size"] for info in blobs), 0
        for info in sorted(blobs, key=_modified)[:-1]:
            if left <= limit:
                break
            self.delete(info["name"][len(self.root) + 1 :])
            left -= info["size"]
            removed += 1
        return removed

    def keys(self, prefix: str = "") -> list[str]:
        """All keys below the folder `prefix`, sorted."""
        base = f"{self.root}/{prefix}".rstrip("/")
        if not self.filesystem.exists(base):
            return []
        names = self.filesystem.find(base)
        skip = len(self.root) + 1
        return sorted(name[skip:] for name in names if not name.rsplit("/", 1)[1].startswith(".tmp-"))


def _modified(info: dict[str, Any]) -> Any:
    """When a file was written, in whatever type its file system gives: local, S3, memory."""
    return info.get("mtime") or info.get("LastModified") or info.get("created") or 0


def _missing(key: str) -> NotFound:
    return NotFound(f"blob {key} is missing from the storage", code="blob_missing")


@contextmanager
def _atomic_local_writer(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut, or a committed row could point at nothing.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage() -> Storage:
    """The storage of the running application."""
    return cast(Storage, current_app.extensions["annotator_storage"])
