"""Models without torch: rows are all that most of the server ever sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask

from annotator.models import Model, writing


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
