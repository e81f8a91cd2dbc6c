"""The scripted data engine in its smallest form: two rounds on painted images with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from apiflask import APIFlask

from annotator import masks
from annotator.database import db
from annotator.evaluation.model_segmenter import ModelSegmenter
from annotator.models import Annotation
from annotator.sam.checkpoints import load_model, save_checkpoint
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam
from benchmarks.data_engine_loop import Loop, Size, is_better, plot, table
from benchmarks.simulated_person import MOST_CLICKS, Person, Work

SET = "discs"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight images of two discs."""
    folder = tmp_path / "data" / SET
    (folder / "images").mkdir(parents=True)
    body: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "disc"}],
    }
    for number in range(8):
        pixels = np.full((60, 90, 3), (40, 20 * number, 60), np.uint8)
        for x in (22, 64):
            bitmap = np.zeros((60, 90), np.uint8)
            cv2.circle(bitmap, (x, 25 + number), 14, 1, -1)
            pixels[bitmap > 0] = (80, 200, 230)
            body["annotations"].append(
                {
                    "id": len(body["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "area": int(bitmap.sum()),
                    "segmentation": masks.encode(bitmap).to_coco(),
                }
            )
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
        body["images"].append({"id": number, "file_name": f"{number}.png", "width": 90, "height": 60})
    (folder / "instances.json").write_text(json.dumps(body))
    return tmp_path / "data"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    import torch

    torch.manual_seed(0)
    save_checkpoint(Sam(PRESETS["tiny"]), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


@pytest.mark.timeout(900)  # two trainings, each in a process of its own
def test_two_rounds(
    app: APIFlask, data: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"image_size": 128, "embedding_size": [8, 8], "mask_size": [32, 32], "parameters": 1}
    facts |= {"decoder_bytes": 4, "decoder_sha256": "0" * 64}
    monkeypatch.setattr("annotator.services.models._store_decoder", lambda *_: facts)
    size = Size(images=8, rounds=2, steps=1, detector_steps=20, sets=(SET,))
    with app.app_context():
        rounds = list(Loop(app, data, size, weights).run())
        accepted = db.session.query(Annotation).filter_by(state="accepted", deleted_at=None).count()
        proposed = db.session.query(Annotation).filter(Annotation.proposed_by.is_not(None)).count()
    assert [each["round"] for each in rounds] == [1, 2]
    assert accepted == 16
    assert rounds[0]["accepted_proposals"] == 0
    assert rounds[1]["accepted_proposals"] + rounds[1]["rejected_proposals"] == proposed
    assert all(0 <= each["after"][column]["mean"] <= 1 for each in rounds for column in ("1", "box"))
    assert rounds[1]["before"] == rounds[0]["after"]
    for each in rounds:
        assert each["after"] == each["trained" if each["activated"] else "before"]
    assert [line.split("|")[1].strip() for line in table(rounds).splitlines()[2:]] == ["before", "1", "2"]
    plot(rounds, tmp_path / "loop.png")
    assert (tmp_path / "loop.png").stat().st_size > 5000


def test_a_model_is_put_to_use_for_a_gain_in_the_mean() -> None:
    def compared(*gains: float) -> dict[str, Any]:
        difference = {str(place): {"mean": gain} for place, gain in enumerate(gains)}
        return {"columns": list(difference), "rows": [{"difference": difference}]}

    assert is_better(compared(0.02, -0.01))
    assert not is_better(compared(0.01, -0.01))


def test_the_person_takes_the_brush_when_clicks_do_not_help(weights: Path) -> None:
    person = Person(ModelSegmenter(load_model(weights), "tiny"), "0" * 64, 1)
    saved: list[dict[str, Any]] = []
    person._put = lambda annotation_id, body, expected: saved.append(body)  # type: ignore[method-assign]
    person._review = lambda image_id, truths, work: list(truths)  # type: ignore[method-assign]
    wanted = np.zeros((60, 90), bool)
    wanted[20:40, 30:60] = True
    work = Work()
    person.label(1, np.zeros((60, 90, 3), np.uint8), [wanted], work)
    assert work.clicks == [MOST_CLICKS]
    assert work.brushed == 1
    assert work.clicks_per_mask == MOST_CLICKS
    assert saved[0]["segmentation"] == masks.encode(wanted).to_coco()
    assert len(saved[0]["prompts"]["labels"]) == MOST_CLICKS
