"""Workers killed again and again in the middle of chunks: every image is done exactly once, no file is torn.

WORKER_KILLS=50 kills fifty of them on each kind of database and queue.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db, writing
from annotator.models import Image, Job
from annotator.sam.embedding_file import unpack_embedding
from annotator.services import embeddings
from annotator.services.ingest import ingest
from annotator.services.models import register_model
from annotator.services.projects import create_project
from annotator.storage import storage
from tests.server.kills import run_script
from tests.server.pictures import picture
from tools import database_servers

KILLS = int(os.environ.get("WORKER_KILLS", "3"))
IMAGES = 4 + 2 * KILLS

KINDS = [("sqlite", "none"), ("postgresql", "postgresql"), ("sqlite", "redis")]


@pytest.fixture
def queue_url(request: pytest.FixtureRequest) -> Any:
    if request.param == "redis":
        try:
            with database_servers.redis() as url:
                yield url
        except database_servers.NoServer as problem:
            pytest.skip(str(problem))
    elif request.param == "postgresql":
        yield request.getfixturevalue("database")
    else:
        yield ""


def fill(app: APIFlask, weights: Path) -> None:
    """A project of IMAGES pictures whose embeddings wait in chunks."""
    with app.app_context():
        project = create_project("Bulk")
        for number in range(IMAGES):
            ingest(project, io.BytesIO(picture(width=16 + number)), f"{number}.png", person=None)
        digest = register_model(weights, name="tiny", source="trained")
        with writing() as session:
            session.query(Job).delete()
        embeddings.request_missing(project, digest)


@pytest.mark.slow
@pytest.mark.timeout(300 + 30 * KILLS)
@pytest.mark.parametrize(
    ("database", "queue_url"), KINDS, indirect=True, ids=["sqlite", "postgresql", "redis"]
)
def test_killed_workers_lose_nothing_and_do_nothing_twice(
    make_app: Any, tmp_path: Path, tiny_weights: Path, database: str, queue_url: str
) -> None:
    app = make_app(tmp_path / "instance", queue_url=queue_url)
    fill(app, tiny_weights)
    settings = app.extensions["annotator_settings"]
    urls = {"DATABASE_URL": settings.database_url, "QUEUE_URL": queue_url}
    seconds = 280 + 30 * KILLS
    seen = json.loads(
        run_script("server/killed_chunks.py", settings.instance, KILLS, 1, seconds=seconds, env=urls)
    )
    assert {state for _, state in seen["jobs"]} == {"done"}
    assert ["embed_chunk", "done"] in seen["jobs"]
    assert seen["lost"] >= KILLS
    assert seen["rows"] == IMAGES
    assert sorted(key for key, _ in seen["embeddings"].values()) == seen["keys"]
    with app.app_context():
        hashes = set(db.session.scalars(db.select(Image.sha256)))
        assert hashes == set(seen["embeddings"])
        whole = set()
        for sha256, (key, size) in seen["embeddings"].items():
            data = storage().read(key)
            assert (len(data), unpack_embedding(data).image_sha256) == (size, sha256)
            whole.add(size)
    # Whenever a file was visible, it was whole.
    assert set(seen["sizes"]) <= whole
