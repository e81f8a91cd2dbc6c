"""Models: rows without torch, which are all that most of the server ever sees, and a tiny one that computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask

from annotator.database import writing
from annotator.models import Model


@pytest.fixture
def register_model(app: APIFlask) -> Callable[..., str]:
    """register_model(digest="aa…") → digest of a model that exists as a row; the first one is active."""

    def register(digest: str = "a" * 64, *, active: bool = True) -> str:
        config = {"image_size": 128, "embedding_size": [8, 8], "mask_size": [32, 32], "parameters": 1}
        config |= {"decoder_bytes": 4, "decoder_sha256": digest}
        with app.app_context(), writing() as session:
            session.add(
                Model(
                    digest=digest,
                    name=f"model-{digest[:4]}",
                    config=config,
                    source="bundled",
                    active=active,
                    decoder_key=f"models/{digest}/decoder.onnx",
                )
            )
        return digest

    return register


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, small enough for tests, in our own format."""
    import torch

    from annotator.sam.checkpoints import save_checkpoint
    from annotator.sam.config import PRESETS
    from annotator.sam.model import Sam

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(Sam(PRESETS["tiny"]).eval(), path)
    return path


@pytest.fixture
def tiny_model(app: APIFlask, tiny_weights: Path) -> str:
    from annotator.services.models import register_model

    with app.app_context():
        return register_model(tiny_weights, name="tiny", source="trained")
