"""Proposals in files: what the automatic masks say of each travels along, out and in again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from annotator.database import db
from annotator.masks import parse_rle
from annotator.models import Annotation
from annotator.services import proposals
from annotator.services.export_data import dataset_for_project
from annotator.services.exports import export_project
from annotator.services.imports import import_annotations
from annotator.services.ingest import ingest
from annotator.services.projects import create_project, find_project
from annotator.services.proposals import Proposal
from tests.server.data_engine.conftest import HEIGHT, WIDTH, numbered, record


@pytest.fixture
def proposed(app: APIFlask, images: list[int]) -> int:
    """Id of the project "Street" with one proposal, found in a crop, and one missed region."""
    mask = parse_rle(record(3, 4, 8, 6)["segmentation"])
    prompts: dict[str, Any] = {"points": [[6.5, 7.0]], "labels": [1], "boxes": []}
    crop = [2, 1, 30, 20]
    with app.app_context():
        found = Proposal(mask, 0.91, 0.97, prompts, crop)
        proposals.replace(images[0], [found], proposed_by="automask", model_digest="ab" * 32)
        other = Proposal(parse_rle(record(20, 2, 5, 5)["segmentation"]), 0.9, 0.9, prompts)
        proposals.replace(images[0], [other], proposed_by="missed", model_digest=None, state="missed")
        return find_project("Street").id


@pytest.mark.parametrize("form", ["sa1b", "coco"])
def test_scores_crop_and_points_survive_a_round_trip(
    app: APIFlask, proposed: int, tmp_path: Path, form: str
) -> None:
    target = tmp_path / ("out" if form == "sa1b" else "out.json")
    with app.app_context():
        report = export_project(proposed, form, target, include_proposals=True)
        assert (report.annotations, report.lossless) == (1, 1), "a missed region is no proposal"
        project = create_project("Copy")
        ingest(project, io.BytesIO(numbered(0)), "0.png", person=None)
        if form == "sa1b":
            for name in ("1.json", "2.json"):
                (target / name).unlink()
        done = import_annotations(project.id, target, fmt=form)
        assert done.created == 1
        row = db.session.query(Annotation).filter_by(project_id=project.id).one()
        assert (row.predicted_iou, row.stability_score, row.crop_box) == (0.91, 0.97, [2, 1, 30, 20])
        assert row.prompts == {"points": [[6.5, 7.0]], "labels": [1], "boxes": []}
        [again] = dataset_for_project(db.session(), project, include_proposals=True).annotations
        assert (again.crop_box, again.point_coords) == ((2, 1, 30, 20), ((6.5, 7.0),))
        assert import_annotations(project.id, target, fmt=form).unchanged == 1


def test_numbers_that_no_image_has_do_not_cost_the_mask(
    app: APIFlask, images: list[int], tmp_path: Path
) -> None:
    document = {
        "image": {"image_id": 1, "width": WIDTH, "height": HEIGHT, "file_name": "0.png"},
        "annotations": [
            {"id": 1, **record(1, 1, 4, 4), "crop_box": [0, 0, 1e9, 5], "point_coords": [[1e9, 2], [2, 3]]}
        ],
    }
    path = tmp_path / "0.json"
    path.write_text(json.dumps(document))
    with app.app_context():
        done = import_annotations(find_project("Street").id, path, fmt="sa1b")
        assert (done.created, done.problems) == (1, [])
        row = db.session.query(Annotation).one()
        assert row.crop_box is None
        assert row.prompts == {"points": [[2, 3]], "labels": [1], "boxes": []}
