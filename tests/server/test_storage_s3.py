"""Blobs in S3: the same contract as local files, and the product on top of it, against a server that speaks S3.

Needs the optional s3fs (requirements-s3.txt) and moto's server: pip install "moto[server]".
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db
from annotator.errors import NotFound
from annotator.models import Embedding
from annotator.storage import Storage
from annotator.worker import Worker
from tests.server.pictures import picture

s3fs = pytest.importorskip("s3fs", reason="S3 is optional: .venv/bin/pip install -r requirements-s3.txt")
moto = pytest.importorskip(
    "moto.server", reason='the S3 server of tests: .venv/bin/pip install "moto[server]"'
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def url(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """STORAGE_URL of an empty bucket's folder; access as anybody configures it, through the environment."""
    for name, value in (
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}/annotator"


def test_the_contract_of_blobs(url: str) -> None:
    blobs = Storage(url)
    assert not blobs.is_local
    assert blobs.keys() == []
    blobs.put("images/ab/one.png", b"one")
    blobs.put("images/ab/one.png", b"three")
    assert blobs.read("images/ab/one.png") == b"three"
    assert (blobs.size("images/ab/one.png"), blobs.keys(), blobs.keys("images")) == (
        5,
        ["images/ab/one.png"],
        ["images/ab/one.png"],
    )
    blobs.delete("images/ab/one.png")
    blobs.delete("images/ab/one.png")
    assert not blobs.exists("images/ab/one.png")
    for ask in (blobs.read, blobs.size):
        with pytest.raises(NotFound):
            ask("images/ab/one.png")


def test_a_blob_appears_whole_or_not_at_all(url: str) -> None:
    blobs = Storage(url)
    blobs.put("exports/a.json", b"old")

    def fail() -> None:
        with blobs.writer("exports/a.json") as file:
            file.write(b"half of the new o")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert blobs.read("exports/a.json") == b"old"
    with blobs.writer("exports/b.json") as file:
        file.write(b"x" * 100_000)
        assert not blobs.exists("exports/b.json")
    assert blobs.size("exports/b.json") == 100_000


def test_blobs_of_other_machines_appear(url: str) -> None:
    here = Storage(url)
    here.put("images/ab/here.png", b"1")
    assert here.keys("images") == ["images/ab/here.png"]
    s3fs.S3FileSystem.clear_instance_cache()
    Storage(url).put("images/ab/there.png", b"22")
    assert here.exists("images/ab/there.png")
    assert here.keys("images") == ["images/ab/here.png", "images/ab/there.png"]


def test_old_blobs_make_room(url: str) -> None:
    blobs = Storage(url)
    for name in ("a", "b", "c"):
        blobs.put(f"crops/{name}", b"1234")
    assert blobs.trim("crops", 5) == 2
    assert len(blobs.keys("crops")) == 1


def test_the_product_on_s3(
    url: str, tmp_path: Path, make_app: Callable[..., APIFlask], tiny_weights: Path
) -> None:
    """Upload, thumbnail, embedding, export and deletion, with nothing but the database on this machine's disk."""
    from annotator.services import users
    from annotator.services.models import register_model

    app = make_app(tmp_path / "instance", storage_url=url)
    with app.app_context():
        users.create_user("root", password="correct horse", is_admin=True)
        digest = register_model(tiny_weights, name="tiny", source="trained")
    client: Any = app.test_client()
    client.sign_in("root")
    project = client.post("/api/v1/projects", json={"name": "Clouds"}).json["id"]
    data = picture()
    files = {"files": [(io.BytesIO(data), "a.png")]}
    image = client.post(f"/api/v1/projects/{project}/images", data=files).json["images"][0]
    assert client.get(image["urls"]["file"]).data == data
    assert client.get(image["urls"]["thumbnail"]).status_code == 200
    job = client.post(f"/api/v1/projects/{project}/exports", json={}).json["id"]
    Worker(app).run_until_idle()
    image = client.get(f"/api/v1/images/{image['id']}").json
    assert image["embedding"]["state"] == "ready"
    with app.app_context():
        stored = db.session.query(Embedding).filter_by(model_digest=digest).one()
    embedding = client.get(image["embedding"]["url"])
    assert (embedding.status_code, len(embedding.data)) == (200, stored.bytes)
    assert b"a.png" in client.get(f"/api/v1/exports/{job}/file").data
    assert client.delete(f"/api/v1/images/{image['id']}").status_code == 204
    left = Storage(url).keys()
    assert {key.split("/")[0] for key in left} == {"models", "exports"}
    assert not (tmp_path / "instance" / "blobs").exists()
