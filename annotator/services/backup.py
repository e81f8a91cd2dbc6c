"""Backup and restore of an instance: one tar file with the database and all blobs."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

from flask import current_app

from annotator.database import db, now
from annotator.errors import Conflict, InvalidInput
from annotator.services import crops, tiles
from annotator.storage import KEY, storage

FORMAT = "annotator-backup-1"
REMADE = (f"{crops.FOLDER}/", f"{tiles.FOLDER}/")
"""Blobs below these folders are left out: they are made again when somebody needs them."""
Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    pass


def database_file() -> Path:
    """The SQLite file. Raises InvalidInput for other databases, which have their own tools."""
    url = db.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        raise InvalidInput(
            "Only SQLite is backed up here; use the database's own tool (pg_dump) and copy the storage.",
            code="not_sqlite",
        )
    return Path(url.database)


def backup(target: Path, progress: Progress = _silent) -> int:
    """Write a consistent backup while the server runs; returns the number of blobs.

    The database is copied first, so every blob that it names exists already when blobs are copied: they are written
    before their rows and never change. The target appears only when it is complete.
    """
    if target.exists():
        raise Conflict(f"{target} exists already; choose another name.", code="exists")
    partial = target.with_name(target.name + ".part")
    try:
        with tarfile.open(partial, "w") as archive, tempfile.TemporaryDirectory() as folder:
            header = {"format": FORMAT, "created_at": now().isoformat()}
            _add_bytes(archive, "backup.json", json.dumps(header).encode())
            copy = Path(folder) / "annotator.db"
            _copy_database(database_file(), copy)
            archive.add(copy, "annotator.db")
            everything = storage().keys()
            keys = [key for key in everything if not key.startswith(REMADE)]
            for place, key in enumerate(keys, start=1):
                _add_bytes(archive, f"blobs/{key}", storage().read(key))
                progress(place, len(keys))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return len(keys)


def restore(source: Path, *, replace: bool = False, progress: Progress = _silent) -> int:
    """Put a backup back; returns the number of blobs. Stop the server first.

    Raises Conflict when there is a database already and `replace` is off, InvalidInput for a file that is no backup.
    """
    target = database_file()
    if target.exists() and not replace:
        raise Conflict(f"{target} exists; pass --replace to put the backup in its place.", code="exists")
    try:
        with tarfile.open(source) as archive:
            return _restore(archive, target, progress)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidInput(f"{source} is not a readable backup: {error}", code="bad_backup") from error


def _restore(archive: tarfile.TarFile, target: Path, progress: Progress) -> int:
    members = archive.getmembers()
    names = {member.name for member in members}
    if "backup.json" not in names or "annotator.db" not in names:
        raise InvalidInput("This is not a backup: it has no backup.json and annotator.db.", code="bad_backup")
    if json.loads(_read(archive, "backup.json")).get("format") != FORMAT:
        raise InvalidInput(f"This backup has another format than {FORMAT}.", code="bad_backup")
    blobs = [member for member in members if member.name.startswith("blobs/")]
    for place, member in enumerate(blobs, start=1):
        key = member.name.removeprefix("blobs/")
        if not member.isfile() or not KEY.fullmatch(key):
            raise InvalidInput(f"The backup holds an entry that is no blob: {member.name}", code="bad_backup")
        storage().put(key, _read(archive, member.name))
        progress(place, len(blobs))
    # Blobs first: if anything fails before this line, the old database still stands.
    db.session.remove()
    db.engine.dispose()
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(_read(archive, "annotator.db"))
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    partial.replace(target)
    return len(blobs)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mtime = int(now().timestamp())
    archive.addfile(info, io.BytesIO(data))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    return cast(io.BufferedReader, archive.extractfile(name)).read()


def default_name() -> Path:
    """annotator-2026-11-21-0615.tar in the instance's backups folder."""
    folder = Path(current_app.extensions["annotator_settings"].instance) / "backups"
    folder.mkdir(exist_ok=True)
    return folder / f"annotator-{now():%Y-%m-%d-%H%M%S}.tar"
