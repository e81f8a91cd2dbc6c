"""Blobs: whole or not at all, and only under keys that the product makes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from annotator.errors import NotFound
from annotator.storage import Storage, content_key


@pytest.fixture
def blobs(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "blobs"))


def test_round_trip(blobs: Storage) -> None:
    key = content_key("images", "ab" * 32, ".png")
    assert key == f"images/ab/{'ab' * 32}.png"
    blobs.put(key, b"one")
    blobs.put(key, b"three")
    assert blobs.read(key) == b"three"
    assert blobs.size(key) == 5
    assert blobs.keys() == [key]
    assert blobs.keys("images") == [key]
    assert blobs.keys("nothing") == []
    blobs.delete(key)
    blobs.delete(key)
    assert not blobs.exists(key)


def test_a_failed_write_leaves_the_old_blob_and_no_rubbish(blobs: Storage) -> None:
    blobs.put("exports/a.json", b"old")

    def fail() -> None:
        with blobs.writer("exports/a.json") as file:
            file.write(b"half of the new o")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert blobs.read("exports/a.json") == b"old"
    assert [path.name for path in Path(blobs.root).rglob("*") if path.is_file()] == ["a.json"]


def test_a_blob_is_invisible_until_it_is_complete(blobs: Storage) -> None:
    with blobs.writer("exports/b.json") as file:
        file.write(b"x" * 100_000)
        file.flush()
        assert not blobs.exists("exports/b.json")
        assert blobs.keys() == []
    assert blobs.size("exports/b.json") == 100_000


@pytest.mark.parametrize(
    "key", ["../x", "images/../../x", "/etc/passwd", "images", "images/", "Images/x", "a//b", "a/.b"]
)
def test_keys_that_could_leave_the_storage_are_refused(blobs: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        blobs.put(key, b"x")


def test_missing_blobs_are_named(blobs: Storage) -> None:
    for read in (blobs.read, blobs.size, blobs.open):
        with pytest.raises(NotFound) as caught:
            read("images/aa/bb.png")
        assert caught.value.code == "blob_missing"
        assert "images/aa/bb.png" in caught.value.message


def test_remote_storage_behaves_the_same() -> None:
    blobs = Storage("memory://annotator-test")
    assert blobs.local_path("images/x") is None
    blobs.put("images/x", b"data")

    def fail() -> None:
        with blobs.writer("images/y") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert blobs.read("images/x") == b"data"
    assert not blobs.exists("images/y")
    blobs.delete("images/x")
    blobs.delete("images/x")
    assert not blobs.exists("images/x")


def test_what_killed_writers_left_is_swept_after_a_day(blobs: Storage) -> None:
    blobs.put("images/a.png", b"kept")
    for name, age in (("old", 2 * 86400), ("new", 60)):
        path = Path(blobs.root) / "images" / f".tmp-{name}"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    assert blobs.sweep() == 1
    assert sorted(path.name for path in (Path(blobs.root) / "images").iterdir()) == [".tmp-new", "a.png"]
    assert blobs.keys() == ["images/a.png"]
