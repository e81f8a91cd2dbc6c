"""Exports end to end: the button's job, the file, and pycocotools decoding exactly what the database holds."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from pycocotools.coco import COCO

from annotator import jobs
from annotator.database import db, now, writing
from annotator.errors import AnnotatorError, InvalidInput, NotFound
from annotator.masks import decode, encode, parse_counts
from annotator.models import Annotation, Category
from annotator.services import exports
from annotator.services.exports import export_project
from annotator.storage import storage
from exporters import coco, sa1b
from exporters.dataset import Verification
from tests.annotations.conftest import HEIGHT, WIDTH, Place, Saver

pytestmark = pytest.mark.databases


def blob(seed: int) -> dict[str, Any]:
    """A mask with a hole and loose parts."""
    bitmap = np.random.default_rng(seed).random((HEIGHT, WIDTH)) < 0.05
    bitmap[5:20, 8 : 20 + seed] = True
    bitmap[9:12, 10:14] = False
    return encode(bitmap).to_coco()


@pytest.fixture
def filled(app: APIFlask, saver: Saver, body: dict[str, Any], place: Place) -> Place:
    """Six annotations on two images: one per state and category kind, one deleted."""
    variants: list[dict[str, Any]] = [
        {},
        {"category_id": place.category_ids[1], "image_id": place.image_ids[1], "z": 5},
        {"image_id": place.image_ids[1], "prompts": None, "predicted_iou": None, "z": 2},
        {"state": "proposal", "source": "proposal"},
        {"state": "rejected"},
        {"note": "deleted"},
    ]
    for number, changes in enumerate(variants):
        id = str(uuid.UUID(int=number))
        content = {**body, "segmentation": blob(number), "model_segmentation": None, **changes}
        assert saver.put(content, id=id).status_code == 201
    saver.id = str(uuid.UUID(int=5))
    assert saver.delete(match=1).status_code == 204
    return place


def opened(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def run_jobs(app: APIFlask) -> None:
    """Do what a worker would, in this thread."""
    from annotator.worker import Worker

    Worker(app).run_until_idle()


def test_pycocotools_decodes_what_the_database_holds(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with app.app_context():
        done = export_project(filled.project_id, "coco", path)
        stored = {row.id: row for row in db.session.query(Annotation)}
        expected = {
            id: (decode(parse_counts(row.rle, height=HEIGHT, width=WIDTH)), row.area)
            for id, row in stored.items()
        }
    assert (done.images, done.annotations, done.checked, done.lossless, done.empty) == (2, 3, 3, 3, 0)
    file = opened(path)
    found = {entry["uuid"]: entry for entry in file.anns.values()}
    assert sorted(found) == [str(uuid.UUID(int=number)) for number in range(3)]
    for id, entry in found.items():
        bitmap, area = expected[id]
        assert np.array_equal(file.annToMask(entry), bitmap)
        assert (entry["area"], entry["iscrowd"]) == (area, 0)
        assert entry["bbox"] == [stored[id].bbox_x, stored[id].bbox_y, stored[id].bbox_w, stored[id].bbox_h]
        assert (entry["image_id"], entry["category_id"]) == (stored[id].image_id, stored[id].category_id)
    assert [entry["uuid"][-1] for entry in file.anns.values()] == ["0", "2", "1"], (
        "by image, then bottom first"
    )
    document = json.loads(path.read_text())
    assert [image["file_name"] for image in document["images"]] == ["one-0.jpg", "one-1.jpg"]
    assert [category["name"] for category in document["categories"]] == ["cat", "dog"]
    assert list(tmp_path.glob(".*")) == []


def test_proposals_only_when_asked_for(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    with app.app_context():
        done = export_project(filled.project_id, "coco", tmp_path / "out.json", include_proposals=True)
    assert done.annotations == 4
    states = [entry.get("state") for entry in opened(tmp_path / "out.json").anns.values()]
    assert sorted(states) == ["accepted"] * 3 + ["proposal"]


def test_objects_without_a_category_are_exported(
    app: APIFlask, saver: Saver, body: dict[str, Any], filled: Place, tmp_path: Path
) -> None:
    with app.app_context(), writing() as session:
        session.add(Category(project_id=filled.project_id, name="unlabelled", color="#000000", position=9))
    saver.put({**body, "category_id": None}, id=str(uuid.uuid4()))
    with app.app_context():
        export_project(filled.project_id, "coco", tmp_path / "out.json")
    file = opened(tmp_path / "out.json")
    names = {category["id"]: category["name"] for category in file.cats.values()}
    assert sorted(names.values()) == ["cat", "dog", "unlabelled", "unlabelled_"]
    assert [names[entry["category_id"]] for entry in file.anns.values()].count("unlabelled_") == 1


def test_an_archived_category_still_names_its_objects(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    with app.app_context(), writing() as session:
        for id in filled.category_ids:
            session.get_one(Category, id).archived_at = now()
        session.add(
            Category(
                project_id=filled.project_id, name="unused", color="#000000", position=9, archived_at=now()
            )
        )
    with app.app_context():
        assert export_project(filled.project_id, "coco", tmp_path / "out.json").annotations == 3
    assert [category["name"] for category in opened(tmp_path / "out.json").cats.values()] == ["cat", "dog"]


def test_sa1b_folder_and_archive(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    with app.app_context():
        done = export_project(filled.project_id, "sa1b", tmp_path / "out")
        again = export_project(filled.project_id, "sa1b", tmp_path / "out.zip")
    assert done == again
    assert (done.annotations, done.lossless) == (3, 3)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert sorted(archive.namelist()) == ["one-0.json", "one-1.json"]
    first = next(iter(sa1b.read(tmp_path / "out").annotations))
    assert first.point_coords == ((8.5, 9.0),)
    assert first.predicted_iou == 0.93


def test_what_differs_from_the_database_is_not_handed_out(
    app: APIFlask, filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.json"
    path.write_text("the last good one")

    def broken(*args: Any, **kwargs: Any) -> Verification:
        assert coco.verify(*args, **kwargs).ok
        return Verification(checked=3, lossless=2, empty=0, missing=0, different=((2, 0.75),))

    kind = exports.FORMATS["coco"]
    monkeypatch.setitem(exports.FORMATS, "coco", exports.Format(kind.suffix, kind.mime, kind.write, broken))
    with app.app_context(), pytest.raises(AnnotatorError) as caught:
        export_project(filled.project_id, "coco", path)
    assert caught.value.code == "export_not_lossless"
    assert "2 (IoU 0.7500)" in caught.value.message
    assert path.read_text() == "the last good one"
    assert {file.name for file in tmp_path.iterdir()} == {"out.json", "instance"}


def test_a_damaged_row_stops_the_export_and_is_named(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    id = str(uuid.UUID(int=1))
    with app.app_context():
        with writing() as session:
            session.get_one(Annotation, id).rle = "zzz"
        with pytest.raises(InvalidInput, match=id) as caught:
            export_project(filled.project_id, "coco", tmp_path / "out.json")
    assert caught.value.code == "export_failed"
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("project_id", "fmt", "where", "code"),
    [
        (99, "coco", "out.json", "project_not_found"),
        (None, "yolo", "out.json", "unknown_format"),
        (None, "coco", "missing/out.json", "export_failed"),
    ],
)
def test_what_cannot_be_exported(
    app: APIFlask, place: Place, tmp_path: Path, project_id: int | None, fmt: str, where: str, code: str
) -> None:
    with app.app_context(), pytest.raises((InvalidInput, NotFound)) as caught:
        export_project(project_id or place.project_id, fmt, tmp_path / where)
    assert caught.value.code == code


def test_an_empty_project_exports_to_a_valid_file(app: APIFlask, tmp_path: Path, place: Place) -> None:
    with app.app_context():
        assert export_project(place.project_id, "coco", tmp_path / "out.json").annotations == 0
    assert len(opened(tmp_path / "out.json").imgs) == 2


def test_saves_go_on_while_an_export_reads_one_state(
    app: APIFlask, filled: Place, saver: Saver, body: dict[str, Any], tmp_path: Path
) -> None:
    """A save between writing and verifying neither waits nor shows up."""
    seen: list[int] = []

    def interfere(share: float, message: str) -> None:
        if "Comparing" in message and not seen:
            changed = {**body, "segmentation": blob(9), "model_segmentation": None}
            seen.append(saver.put(changed, id=str(uuid.UUID(int=0)), match=1).status_code)
            seen.append(saver.put(changed, id=str(uuid.uuid4())).status_code)

    with app.app_context():
        done = export_project(filled.project_id, "coco", tmp_path / "out.json", progress=interfere)
    assert seen == [200, 201]
    assert (done.annotations, done.lossless) == (3, 3)


def test_the_button(app: APIFlask, filled: Place, saver: Saver) -> None:
    client = saver.client
    started = client.post(f"/api/v1/projects/{filled.project_id}/exports", json={"format": "coco"})
    assert (started.status_code, started.json["kind"], started.json["state"]) == (202, "export", "queued")
    url = f"/api/v1/exports/{started.json['id']}/file"
    early = client.get(url)
    assert (early.status_code, early.json["error"]["code"]) == (409, "export_not_ready")
    run_jobs(app)
    job = client.get(f"/api/v1/jobs/{started.json['id']}").json
    assert (job["state"], job["error"], job["progress"]) == ("done", None, 1.0)
    assert job["result"]["url"] == url
    assert (job["result"]["checked"], job["result"]["lossless"]) == (3, 3)
    answer = client.get(url)
    file = job["result"]["file"]
    assert answer.status_code == 200
    assert (len(answer.data), hashlib.sha256(answer.data).hexdigest()) == (file["bytes"], file["sha256"])
    assert file["name"] == "one-coco.json"
    assert "filename=one-coco.json" in answer.headers["Content-Disposition"]
    assert len(json.loads(answer.data)["annotations"]) == 3
    with app.app_context():
        assert storage().keys("exports") == [exports.export_key(file["sha256"], "coco")]
        assert list(app.extensions["annotator_settings"].instance.glob("export-*")) == []


def test_the_sa1b_button(app: APIFlask, filled: Place, saver: Saver) -> None:
    started = saver.client.post(
        f"/api/v1/projects/{filled.project_id}/exports", json={"format": "sa1b", "include_proposals": True}
    )
    run_jobs(app)
    answer = saver.client.get(f"/api/v1/exports/{started.json['id']}/file")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        found = [json.loads(archive.read(name))["annotations"] for name in sorted(archive.namelist())]
    assert [len(annotations) for annotations in found] == [2, 2]


def test_refused_requests(app: APIFlask, filled: Place, saver: Saver, outsider: Any) -> None:
    url = f"/api/v1/projects/{filled.project_id}/exports"
    for payload in ({"format": "yolo"}, {"include_proposals": "no"}, {"typo": 1}):
        assert saver.client.post(url, json=payload).status_code == 422
    assert outsider.post(url, json={}).status_code == 404
    with app.app_context():
        other = jobs.enqueue("embed", {}, project_id=filled.project_id).id
    assert saver.client.get(f"/api/v1/exports/{other}/file").json["error"]["code"] == "export_not_found"
    mine = saver.client.post(url, json={}).json["id"]
    assert outsider.get(f"/api/v1/exports/{mine}/file").status_code == 404
    assert saver.client.get("/api/v1/exports/99999/file").status_code == 404


def test_a_failed_export_says_why(app: APIFlask, filled: Place, saver: Saver) -> None:
    with app.app_context(), writing() as session:
        session.get_one(Annotation, str(uuid.UUID(int=2))).rle = "!"
    started = saver.client.post(f"/api/v1/projects/{filled.project_id}/exports", json={})
    run_jobs(app)
    job = saver.client.get(f"/api/v1/jobs/{started.json['id']}").json
    assert (job["state"], job["error"]["code"]) == ("failed", "export_failed")
    assert str(uuid.UUID(int=2)) in job["error"]["message"]
    assert job["progress"] < 1
    with app.app_context():
        assert storage().keys("exports") == []


def test_progress_only_grows(
    app: APIFlask, filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "PROGRESS_STEP", 1)
    shares: list[float] = []
    with app.app_context():
        export_project(
            filled.project_id,
            "coco",
            tmp_path / "out.json",
            progress=lambda share, message: shares.append(share),
        )
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], len(shares)) == (0.0, 1.0, 9)


def test_a_cancelled_export_leaves_nothing(app: APIFlask, filled: Place, tmp_path: Path) -> None:
    def stop(share: float, message: str) -> None:
        if share >= exports.WRITING:
            raise jobs.Cancelled

    with app.app_context(), pytest.raises(jobs.Cancelled):
        export_project(filled.project_id, "coco", tmp_path / "out.json", progress=stop)
    assert [file.name for file in tmp_path.iterdir()] == ["instance"]


def test_a_closer_look_is_exported_as_the_crop_box(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place, tmp_path: Path
) -> None:
    prompts = {**body["prompts"], "crop_box": [2, 3, 40, 28]}
    assert saver.put({**body, "prompts": prompts}, absent=True).status_code == 201
    with app.app_context():
        export_project(place.project_id, "coco", tmp_path / "out.json")
    [record] = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert record["crop_box"] == [2, 3, 38, 25], "x, y, width, height"
    assert record["prompts"] == prompts
