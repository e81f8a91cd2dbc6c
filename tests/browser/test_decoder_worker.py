"""The decoder worker in a real Chromium against the Python predictor: same weights, same clicks, same pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from pycocotools import mask as coco

from annotator.sam.config import PRESETS
from annotator.sam.embedding_file import pack_embedding, unpack_embedding
from annotator.sam.export_click_graphs import export_click_graphs
from annotator.sam.export_onnx import export_decoder
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.services.models import GRAPHS
from benchmarks.click_page.isolated_server import IsolatedServer

HEIGHT, WIDTH = 300, 451
SHA256 = "5" * 64
# A pixel may differ where float32 sums in another order decide the sign.
UNDECIDED = 2e-3

DECODE = """async ({ model, image, embedding, prompts, index }) => {
  const { DecoderClient } = await import("/static/js/decoder/client.js");
  const { promptsFromJson } = await import("/static/js/core/prompts.js");
  const { encode } = await import("/static/js/core/rle.js");
  // One worker a model for the whole module: starting one compiles 14 MB.
  window.clients ??= new Map();
  const key = JSON.stringify(model);
  try {
    if (!window.clients.has(key)) window.clients.set(key, await DecoderClient.start(model));
    const client = window.clients.get(key);
    await client.loadEmbedding(await (await fetch(embedding)).arrayBuffer(), image);
    const answer = await client.decode(promptsFromJson(prompts.first), { hover: prompts.hover ?? false });
    let decoded = answer;
    if (prompts.second) {
      const maskInput = answer.candidates[0].logits;
      decoded = await client.decode(promptsFromJson(prompts.second), { maskInput });
    }
    return {
      backend: client.backend,
      candidates: decoded.candidates.map(({ candidate, iou, stability }) => ({ candidate, iou, stability })),
      masks: decoded.candidates.map((_, i) => {
        const { data, width, height } = decoded.mask(i);
        return encode(data, width, height);
      }),
    };
  } catch (error) {
    return { error: { code: error.code, message: error.message } };
  }
}"""


@dataclass(frozen=True)
class Setup:
    """A tiny random model, an image of it, and the page that decodes with them."""

    predictor: SamPredictor
    model: dict[str, Any]
    page: Page
    folder: Path

    def decode(self, **changes: Any) -> dict[str, Any]:
        """Run the page's decoder; `changes` replace parts of a task that would succeed."""
        task: dict[str, Any] = {
            "model": self.model,
            "image": {"imageSha256": SHA256, "width": WIDTH, "height": HEIGHT},
            "embedding": "/data/embedding.safetensors",
            "prompts": {"first": {"points": [[200, 120]], "labels": [1], "boxes": []}},
        }
        answer: dict[str, Any] = self.page.evaluate(DECODE, task | changes)
        return answer


@pytest.fixture(scope="module", params=["graphs", "whole"])
def setup(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setup]:
    """The decoder as three graphs, and whole as for models registered before there were graphs."""
    folder = tmp_path_factory.mktemp("decoder")
    torch.manual_seed(3)
    sam = Sam(PRESETS["tiny"]).eval()
    export_decoder(sam, folder / "decoder.onnx")
    predictor = SamPredictor(sam)
    predictor.set_image(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    stored = pack_embedding(
        predictor.get_image_embedding()[0].numpy(),
        model_digest=sam.digest,
        image_sha256=SHA256,
        input_size=predictor.input_size,
        original_size=predictor.original_size,
    )
    (folder / "embedding.safetensors").write_bytes(stored)
    (folder / "page.html").write_text("<!doctype html><title>decoder</title><link rel=icon href='data:,'>")
    predictor.set_embedding(unpack_embedding(stored))  # both sides decode what the file holds: float16
    height, width = sam.config.embedding_size
    model = {
        "digest": sam.digest,
        "config": {
            "image_size": sam.config.image_size,
            "embedding_size": [height, width],
            "mask_size": [4 * height, 4 * width],
        },
        "decoder": _file(folder / "decoder.onnx"),
    }
    if request.param == "graphs":
        model["decoder"] = {
            "url": "/data/nothing.onnx",
            "bytes": 0,
            "graphs": {path.stem: _file(path) for path in export_click_graphs(sam, folder)},
        }
    with IsolatedServer(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/data/page.html")
        yield Setup(predictor, model, page, folder)
        page.close()


def _file(path: Path) -> dict[str, Any]:
    return {"url": f"/data/{path.name}", "bytes": path.stat().st_size}


def _assert_same(counts: str, logits: NDArray[np.float32]) -> None:
    mask = coco.decode({"size": [HEIGHT, WIDTH], "counts": counts.encode()}).astype(bool)
    different = mask != (logits > 0)
    assert np.abs(logits[different]).max(initial=0) < UNDECIDED * np.abs(logits).max()


def test_one_click_gives_the_predictors_masks(setup: Setup) -> None:
    answer = setup.decode()
    assert answer.get("error") is None
    assert answer["backend"]["isolated"] is True
    logits, iou, _ = setup.predictor.predict(
        np.array([[200, 120]]), np.array([1]), multimask_output=True, return_logits=True
    )
    assert [item["candidate"] for item in answer["candidates"]] == [1 + int(i) for i in np.argsort(-iou)]
    for item, counts in zip(answer["candidates"], answer["masks"], strict=True):
        assert item["iou"] == pytest.approx(iou[item["candidate"] - 1], abs=1e-4)
        _assert_same(counts, logits[item["candidate"] - 1])


def test_where_mask_0_is_ranked_the_page_offers_what_the_model_does(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several clicks, of which some must be answered otherwise than by predicted IoU."""
    decoder = setup.predictor.model.mask_decoder
    model = setup.model | {"config": setup.model["config"] | {"rank_single_mask": True}}
    rows = 4 * -(-setup.predictor.input_size[0] // 16)  # of logits that show the image, whole cells
    plain, ranking = [], []
    for point in ((200, 120), (30, 40), (420, 280), (60, 250), (330, 20)):
        prompts = {"first": {"points": [point], "labels": [1], "boxes": []}}
        answer = setup.decode(model=model, prompts=prompts)
        both = [
            setup.predictor.predict(np.array([point]), np.array([1]), multimask_output=several)
            for several in (False, True)
        ]
        iou, logits = (torch.from_numpy(np.concatenate([one[k] for one in both])[None]) for k in (1, 2))
        logits = logits[:, :, :rows]
        monkeypatch.setattr(decoder, "ranked_from", 0)
        expected = decoder.offered(iou, logits)[0].tolist()
        assert [item["candidate"] for item in answer["candidates"]] == expected
        ranking.append(expected)
        plain.append(decoder.ranked(iou)[0].tolist())
    assert ranking != plain


def test_several_points_and_a_box_give_the_single_mask(setup: Setup) -> None:
    prompts: dict[str, Any] = {
        "points": [[200, 120], [30, 40]],
        "labels": [1, 0],
        "boxes": [[10, 20, 400, 280]],
    }
    answer = setup.decode(prompts={"first": prompts})
    logits, iou, _ = setup.predictor.predict(
        np.array(prompts["points"]),
        np.array(prompts["labels"]),
        box=np.array(prompts["boxes"][0]),
        multimask_output=False,
        return_logits=True,
    )
    assert answer["candidates"][0]["candidate"] == 0
    assert len(answer["masks"]) == 4
    assert answer["candidates"][0]["iou"] == pytest.approx(float(iou[0]), abs=1e-4)
    _assert_same(answer["masks"][0], logits[0])


def test_refinement_feeds_the_earlier_logits_back(setup: Setup) -> None:
    second: dict[str, Any] = {"points": [[200, 120], [250, 200]], "labels": [1, 1], "boxes": []}
    answer = setup.decode(
        prompts={"first": {"points": [[200, 120]], "labels": [1], "boxes": []}, "second": second}
    )
    _, iou, low = setup.predictor.predict(np.array([[200, 120]]), np.array([1]), multimask_output=True)
    logits, _, _ = setup.predictor.predict(
        np.array(second["points"]),
        np.array(second["labels"]),
        mask_input=low[[int(np.argmax(iou))]],
        multimask_output=False,
        return_logits=True,
    )
    assert answer["candidates"][0]["candidate"] == 0
    _assert_same(answer["masks"][0], logits[0])


def test_a_preview_is_the_mask_that_a_click_would_give(setup: Setup) -> None:
    prompts = {"first": {"points": [[200, 120]], "labels": [1], "boxes": []}}
    clicked, preview = (setup.decode(prompts=prompts | {"hover": hover}) for hover in (False, True))
    assert len(clicked["masks"]) == 3
    assert preview["masks"] == clicked["masks"][:1]
    assert preview["candidates"] == clicked["candidates"][:1]


@pytest.mark.parametrize(
    "image",
    [
        {"imageSha256": "6" * 64, "width": WIDTH, "height": HEIGHT},
        {"imageSha256": SHA256, "width": HEIGHT, "height": WIDTH},
    ],
)
def test_an_embedding_of_something_else_is_refused(setup: Setup, image: dict[str, Any]) -> None:
    error = setup.decode(image=image)["error"]
    assert error["code"] == "embedding_mismatch"
    assert "another model or image" in error["message"]


def test_an_embedding_of_another_model_is_refused(setup: Setup) -> None:
    error = setup.decode(model=setup.model | {"digest": "0" * 64})["error"]
    assert error["code"] == "embedding_mismatch"
    assert "another model" in error["message"]


@pytest.mark.parametrize(
    ("decoder", "code"),
    [
        ({"url": "/data/nothing.onnx", "bytes": 0}, "model_unavailable"),
        ({"url": "/data/decoder.onnx", "bytes": 7}, "model_truncated"),
        ({"url": "/data/page.html", "bytes": 0}, "model_invalid"),
    ],
)
def test_a_decoder_that_cannot_be_used_says_why(setup: Setup, decoder: dict[str, Any], code: str) -> None:
    assert setup.decode(model=setup.model | {"decoder": decoder})["error"]["code"] == code


def test_a_graph_that_cannot_be_used_says_why(setup: Setup) -> None:
    graphs = {name: {"url": "/data/page.html", "bytes": 0} for name in GRAPHS}
    decoder = {"url": "/data/decoder.onnx", "bytes": 0, "graphs": graphs}
    assert setup.decode(model=setup.model | {"decoder": decoder})["error"]["code"] == "model_invalid"


def test_a_damaged_embedding_is_refused(setup: Setup) -> None:
    data = (setup.folder / "embedding.safetensors").read_bytes()
    (setup.folder / "torn.safetensors").write_bytes(data[:-100])
    error = setup.decode(embedding="/data/torn.safetensors")["error"]
    assert error["code"] == "embedding_malformed"
    assert json.dumps(error).isascii()
