"""Commands of `flask`: what they print, what they leave behind, how they fail."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from apiflask import APIFlask
from click.testing import Result
from sqlalchemy import text

from annotator.cli import address
from annotator.database import db
from annotator.models import Category, Image, Job, Project, User
from annotator.services import backup, users
from annotator.storage import Storage, storage
from tests.server.pictures import picture


@pytest.fixture
def flask(app: APIFlask) -> Any:
    """flask("user", "list") → click's result."""

    def run(*arguments: str, **options: Any) -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), **options)

    return run


def test_users(app: APIFlask, flask: Any) -> None:
    made = flask("user", "create", "ann")
    assert made.exit_code == 0
    assert made.output.startswith("Sign in once as ann: http://127.0.0.1:5000/signin/")
    link = made.output.split("5000")[1].strip()
    client = app.test_client()
    assert client.get(link).headers["Location"] == "/"
    assert client.get("/api/v1/me").json["user"]["name"] == "ann"
    assert flask("user", "create", "bob", "--admin", "--password", "long enough").exit_code == 0
    listed = json.loads(flask("user", "list", "--json").output)
    assert [(row["name"], row["is_admin"]) for row in listed] == [("ann", False), ("bob", True)]
    assert "bob" in flask("user", "list").output
    assert flask("user", "reset", "ann", input="new password\nnew password\n").exit_code == 0
    with app.app_context():
        assert users.check_password("ann", "new password") is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("user", "link", "nobody"), "There is no user called 'nobody'."),
        (("user", "create", "x", "--password", "short"), "at least 8 characters"),
        (("project", "stats", "nothing"), "There is no project called 'nothing'."),
        (("project", "export", "nothing"), "There is no project called 'nothing'."),
        (("embed", "nothing"), "There is no project called 'nothing'."),
    ],
)
def test_failures_are_one_line_and_a_status(flask: Any, arguments: tuple[str, ...], words: str) -> None:
    result = flask(*arguments)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


def test_projects(app: APIFlask, flask: Any, tmp_path: Path) -> None:
    assert flask("project", "create", "Cats", "--category", "cat", "--category", "tail").exit_code == 0
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture(width=30 + number))
    assert flask("project", "add", "Cats", str(folder)).exit_code == 0
    (folder / "notes.txt").write_text("not an image")
    mixed = flask("project", "add", "Cats", str(folder))
    assert mixed.exit_code == 1
    assert "notes.txt: This is not an image" in mixed.output
    assert "3 of 4 files are in 'Cats'." in mixed.output
    stats = json.loads(flask("project", "stats", "Cats", "--json").output)
    assert stats["counts"]["images"] == 3
    assert "counts images       3" in flask("project", "stats", "Cats").output
    assert "0/3 images done" in flask("project", "list").output
    assert json.loads(flask("project", "list", "--json").output)[0]["name"] == "Cats"
    out = tmp_path / "cats.json"
    exported = flask("project", "export", "Cats", "--out", str(out), "--json")
    assert exported.exit_code == 0, exported.output
    assert json.loads(exported.output)["annotations"] == 0
    assert len(json.loads(out.read_text())["images"]) == 3
    imported = flask("project", "import", "Cats", str(out), "--json")
    assert imported.exit_code == 0, imported.output
    assert flask("project", "export", "Cats", "--format", "xyz").exit_code == 1
    with app.app_context():
        assert [row.name for row in db.session.query(Category)] == ["cat", "tail"]


def test_embed_queues_what_is_missing(app: APIFlask, flask: Any, register_model: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    flask("project", "create", "Cats")
    flask("project", "add", "Cats", str(tmp_path / "a.png"))
    assert "No model is installed" in flask("embed").output
    register_model()
    assert "1 images of 1 projects" in flask("embed").output
    assert "1 images of 1 projects" in flask("embed", "Cats").output
    with app.app_context():
        assert db.session.query(Job).count() == 1


def test_the_demo_has_photographs_and_can_be_repeated(app: APIFlask, flask: Any) -> None:
    for _ in range(2):
        assert flask("demo").exit_code == 0
    with app.app_context():
        [project] = db.session.query(Project).all()
        images = db.session.query(Image).all()
        assert len(images) >= 6
        assert all(image.project_id == project.id for image in images)
        assert db.session.query(Category).count() >= 3
    listed = Path("docs/demo-images.md").read_text(encoding="utf-8")
    assert all(f"| {image.name} |" in listed for image in images)


def test_doctor(app: APIFlask, flask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotator.cli import doctor

    found = {row["what"]: row for row in json.loads(flask("doctor", "--json").output)}
    assert found["models"]["remedy"]
    assert found["database file"]["ok"]
    assert found["isolation headers"]["ok"]
    assert not found["database revision"]["ok"]  # made without migrations
    assert "flask db upgrade" in found["database revision"]["remedy"]
    assert flask("doctor").exit_code == 1
    with app.app_context():
        db.session.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        newest = ScriptDirectory(app.extensions["migrate"].directory).get_current_head()
        db.session.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest})
        db.session.commit()
    monkeypatch.setattr(doctor, "CHECKS", (doctor.database, doctor.isolation, doctor.blobs))
    healthy = flask("doctor")
    assert healthy.exit_code == 0
    assert "FAIL" not in healthy.output

    def broken() -> Any:
        raise RuntimeError("no pulse")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    assert "no pulse" in flask("doctor").output


def test_doctor_finds_lost_files(app: APIFlask, flask: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    flask("project", "create", "Cats")
    flask("project", "add", "Cats", str(tmp_path / "a.png"))
    blobs = Storage(app.extensions["annotator_settings"].storage_url)
    [key] = blobs.keys("images")
    blobs.delete(key)
    assert f"missing for example {key}" in flask("doctor").output


def test_backup_and_restore(app: APIFlask, flask: Any, tmp_path: Path, make_app: Any) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    flask("project", "create", "Cats")
    flask("project", "add", "Cats", str(tmp_path / "a.png"))
    with app.app_context():
        for made_again in ("tiles/ab/abc.tiles", "crops/ab/abc/def-0-0-64-64.safetensors"):
            storage().put(made_again, b"x")
    file = tmp_path / "all.tar"
    assert flask("backup", str(file)).exit_code == 0
    assert flask("backup", str(file)).exit_code == 1  # never overwritten
    assert "Wrote" in flask("backup").output
    other = make_app(tmp_path / "other")
    with other.app_context():
        users.create_user("somebody else")
        with pytest.raises(backup.Conflict, match="--replace"):
            backup.restore(file)
        assert backup.restore(file, replace=True) == 2
        assert [row.name for row in db.session.query(Project)] == ["Cats"]
        assert db.session.query(User).count() == 0
        [key] = Storage(other.extensions["annotator_settings"].storage_url).keys("images")
        assert Storage(other.extensions["annotator_settings"].storage_url).read(key) == picture()


def test_a_broken_backup_changes_nothing(app: APIFlask, flask: Any, tmp_path: Path) -> None:
    flask("project", "create", "Cats")
    good = tmp_path / "good.tar"
    flask("backup", str(good))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(good.read_bytes()[:5000])
    foreign = tmp_path / "foreign.tar"
    with tarfile.open(foreign, "w") as archive:
        archive.add(good, "x")
    evil = tmp_path / "evil.tar"
    with tarfile.open(good) as source, tarfile.open(evil, "w") as target:
        for member in source.getmembers():
            target.addfile(member, source.extractfile(member))
        target.addfile(tarfile.TarInfo("blobs/../../evil"))
    for file in (cut, foreign, evil):
        with app.app_context(), pytest.raises(backup.InvalidInput):
            backup.restore(file, replace=True)
        with app.app_context():
            assert [row.name for row in db.session.query(Project)] == ["Cats"]
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://localhost:80"), ("::1", "http://[::1]:80")],
)
def test_links_can_be_opened(host: str, shown: str) -> None:
    assert address(host, 80) == shown


def test_a_worker_refuses_a_device_that_is_not_there(app: APIFlask) -> None:
    answer = app.test_cli_runner().invoke(args=["worker", "--until-idle", "--device", "cuda:99"])
    assert answer.exit_code != 0
    assert "cuda:99" in answer.output
    assert app.test_cli_runner().invoke(args=["worker", "--until-idle", "--device", "cpu"]).exit_code == 0
