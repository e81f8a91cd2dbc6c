"""Imports: from other tools and from our own exports; repeatable, and never over what people did since."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image as Pillow
from sqlalchemy import event

from annotator.database import db, writing
from annotator.errors import InvalidInput
from annotator.masks import decode, parse_counts
from annotator.models import Annotation, Category, Image
from annotator.services import annotations
from annotator.services.annotations import Expected
from annotator.services.exports import export_project
from annotator.services.imports import import_annotations
from tests.annotations.conftest import HEIGHT, WIDTH, Place, Saver, rectangle

NEW = "00000000-0000-4000-8000-000000000001"
RING = [[4, 4, 20, 4, 20, 15, 4, 15]]


def coco_file(folder: Path, **changes: Any) -> Path:
    document = {
        "images": [{"id": 11, "file_name": "photos/one-0.jpg", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 5, "name": "dog"}, {"id": 6, "name": "bird"}],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 5, "segmentation": RING, "score": 1},
            {"id": 2, "image_id": 11, "category_id": 6, "segmentation": rectangle(1, 1, 3, 3), "iscrowd": 1},
        ],
        **changes,
    }
    path = folder / "in.json"
    path.write_text(json.dumps(document))
    return path


def rows() -> dict[str, Annotation]:
    return {row.id: row for row in db.session.query(Annotation).filter(Annotation.deleted_at.is_(None))}


def test_another_tools_file(app: APIFlask, place: Place, tmp_path: Path) -> None:
    with app.app_context():
        done = import_annotations(place.project_id, coco_file(tmp_path))
        assert (done.created, done.skipped, done.problems) == (2, 0, [])
        assert (done.images_added, done.categories_added) == (0, 1)
        names = {row.id: row.name for row in db.session.query(Category)}
        found = sorted(rows().values(), key=lambda row: row.area)
        assert [names[row.category_id or 0] for row in found] == ["bird", "dog"]
        assert [(row.source, row.image_id) for row in found] == [("imported", place.image_ids[0])] * 2
        assert found[0].attributes == {"iscrowd": True}
        bitmap = decode(parse_counts(found[0].rle, height=HEIGHT, width=WIDTH))
        assert bitmap[1:4, 1:4].all()
        assert bitmap.sum() == 9
        assert db.session.get_one(Image, place.image_ids[0]).status == "in_progress"


def test_more_objects_need_no_more_questions(app: APIFlask, place: Place, tmp_path: Path) -> None:
    questions: list[str] = []

    def note(*arguments: Any) -> None:
        questions.append(arguments[2])

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        asked = []
        for first, count in ((100, 2), (200, 40)):
            objects = [
                {
                    "id": first + number,
                    "image_id": 11,
                    "category_id": 5,
                    "segmentation": rectangle(number, 1, 3, 3),
                }
                for number in range(count)
            ]
            questions.clear()
            path = coco_file(tmp_path, annotations=objects)
            assert import_annotations(place.project_id, path).created == count
            asked.append(sum(question.startswith("SELECT") for question in questions))
        event.remove(db.engine, "before_cursor_execute", note)
    assert asked[1] <= asked[0]


def test_repeating_changes_nothing_and_people_win(app: APIFlask, place: Place, tmp_path: Path) -> None:
    path = coco_file(tmp_path)
    with app.app_context():
        import_annotations(place.project_id, path)
        again = import_annotations(place.project_id, path)
        assert (again.created, again.unchanged, again.kept) == (0, 2, 0)
        first, second = rows()
        with writing() as session:
            session.get_one(Annotation, first).note = "mine now"
        annotations.delete(second, author_id=None, expected=Expected(revision=1))
        third = import_annotations(place.project_id, path)
        assert (third.created, third.unchanged, third.kept) == (0, 0, 2)
        assert [row.note for row in rows().values()] == ["mine now"]


def test_our_own_export_comes_back(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    assert saver.put(body).status_code == 201
    assert (
        saver.put({**body, "category_id": None, "segmentation": rectangle(2, 2, 9, 9)}, id=NEW).status_code
        == 201
    )
    with app.app_context():
        export_project(place.project_id, "coco", tmp_path / "out.json")
        same = import_annotations(place.project_id, tmp_path / "out.json")
        assert (same.created, same.unchanged + same.kept) == (0, 2), "every object is recognised"
        other = import_annotations(elsewhere.project_id, tmp_path / "out.json")
        assert (other.created, other.skipped) == (2, 0)
        twice = import_annotations(elsewhere.project_id, tmp_path / "out.json")
        assert (twice.created, twice.unchanged) == (0, 2)
        by_project: dict[int, set[Any]] = {}
        for row in rows().values():
            by_project.setdefault(row.project_id, set()).add((row.rle, row.note, row.category_id is None))
        assert by_project[place.project_id] == by_project[elsewhere.project_id]


def test_images_from_a_folder(app: APIFlask, place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    buffer = io.BytesIO()
    Pillow.fromarray(np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)).save(
        buffer, "png"
    )
    (folder / "new.png").write_bytes(buffer.getvalue())
    (tmp_path / "secret.png").write_bytes(buffer.getvalue())
    images = [
        {"id": 1, "file_name": "new.png", "width": WIDTH, "height": HEIGHT},
        {"id": 2, "file_name": "../secret.png", "width": WIDTH, "height": HEIGHT},
        {"id": 3, "file_name": "absent.png", "width": WIDTH, "height": HEIGHT},
        {"id": 4, "file_name": "one-1.jpg", "width": 7, "height": 7},
    ]
    records = [
        {"id": number, "image_id": number, "segmentation": [[0, 0, 6, 0, 6, 6]]} for number in (1, 2, 3, 4)
    ]
    with app.app_context():
        done = import_annotations(
            place.project_id, coco_file(tmp_path, images=images, annotations=records), images=folder
        )
        assert (done.created, done.images_added, done.skipped) == (1, 1, 3)
        assert [problem.split(":")[0] for problem in done.problems] == [
            "../secret.png",
            "absent.png",
            "one-1.jpg",
        ]
        assert db.session.query(Image).filter_by(project_id=place.project_id).count() == 3


def test_unusable_objects_are_named_and_the_others_kept(app: APIFlask, place: Place, tmp_path: Path) -> None:
    records = [
        {"id": 1, "image_id": 11, "category_id": 5, "segmentation": RING},
        {"id": 2, "image_id": 11, "category_id": 5, "segmentation": rectangle(0, 0, 0, 0)},
        {"id": 3, "image_id": 11, "category_id": 5, "segmentation": {"size": [HEIGHT, WIDTH], "counts": "!"}},
        {"id": 4, "image_id": 11, "category_id": 5, "segmentation": RING, "note": "\x00"},
    ]
    with app.app_context():
        done = import_annotations(place.project_id, coco_file(tmp_path, annotations=records))
        assert (done.created, done.skipped) == (1, 3)
        assert len(rows()) == 1
    for part in ("annotation 2: The mask has no pixels", "annotations[2].segmentation", "annotation 4: note"):
        assert [part in problem for problem in done.problems].count(True) == 1, part


@pytest.mark.parametrize("content", ["", "[]", '{"images": 3}'])
def test_files_that_cannot_be_read(app: APIFlask, place: Place, tmp_path: Path, content: str) -> None:
    (tmp_path / "in.json").write_text(content)
    with app.app_context():
        for fmt in ("coco", "sa1b"):
            with pytest.raises(InvalidInput) as caught:
                import_annotations(place.project_id, tmp_path / "in.json", fmt=fmt)
            assert caught.value.code == "import_failed"
        with pytest.raises(InvalidInput) as caught:
            import_annotations(place.project_id, tmp_path / "in.json", fmt="yolo")
        assert caught.value.code == "unknown_format"


@pytest.mark.parametrize("name", ["x" * 121, "a\nb"])
def test_category_names_that_cannot_be_stored(app: APIFlask, place: Place, tmp_path: Path, name: str) -> None:
    with app.app_context(), pytest.raises(InvalidInput, match="category name"):
        import_annotations(place.project_id, coco_file(tmp_path, categories=[{"id": 5, "name": name}]))


def test_the_command_line(
    app: APIFlask, saver: Saver, body: dict[str, Any], place: Place, tmp_path: Path
) -> None:
    saver.put(body)
    runner = app.test_cli_runner()
    out = tmp_path / "out.json"
    exported = runner.invoke(args=["project", "export", "one", "--out", str(out)])
    assert (exported.exit_code, "1 of 1 read back equal" in exported.output) == (0, True), exported.output
    report = runner.invoke(args=["project", "export", "one", "--out", str(out), "--json"])
    assert json.loads(report.stdout)["lossless"] == 1
    folder = runner.invoke(
        args=["project", "export", "one", "--format", "sa1b", "--out", str(tmp_path / "sa1b")]
    )
    assert folder.exit_code == 0, folder.output
    assert sorted(file.name for file in (tmp_path / "sa1b").iterdir()) == ["one-0.json", "one-1.json"]
    imported = runner.invoke(args=["project", "import", "one", str(out), "--json"])
    assert imported.exit_code == 0, imported.output
    assert json.loads(imported.stdout)["kept"] == 1
    assert runner.invoke(args=["project", "export", "nobody"]).exit_code != 0
    assert runner.invoke(args=["project", "export", "one", "--format", "yolo"]).exit_code != 0
    broken = coco_file(tmp_path, annotations=[{"id": 1, "image_id": 11, "segmentation": []}])
    failed = runner.invoke(args=["project", "import", "one", str(broken)])
    assert failed.exit_code == 1
    assert "annotations[0].segmentation" in failed.stderr
