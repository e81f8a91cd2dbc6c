"""Models the server knows: their rows, their weights and decoder in the storage, and which of them is active.

The server only ever reads rows; torch is loaded inside the functions that make or load a model.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from annotator.database import db, writing
from annotator.errors import InvalidInput, NotFound
from annotator.models import Model
from annotator.races import again_when_overtaken
from annotator.storage import storage

if TYPE_CHECKING:
    from annotator.sam.model import Sam

SOURCES = ("bundled", "installed", "trained")
SHORTEST_DIGEST = 6  # characters of a digest that may stand for it


def decoder_key(digest: str) -> str:
    """Blob key of a model's ONNX decoder."""
    return f"models/{digest}/decoder.onnx"


GRAPHS = ("prelude", "mask_prompt", "click", "upscale")
"""What the browser runs instead of the whole decoder."""

GRAPHS_VERSION = 5
"""Of the graphs' inputs and outputs, which static/js/decoder knows; older ones are made anew at the next start."""


def graph_key(digest: str, name: str) -> str:
    """Blob key of one of the graphs that the browser runs instead of the whole decoder."""
    return f"models/{digest}/{name}.onnx"


def weights_key(digest: str) -> str:
    """Blob key of a model's weights in our own format."""
    return f"models/{digest}/weights.safetensors"


def list_models() -> list[Model]:
    """All models, the active one first, then by name."""
    return list(db.session.scalars(select(Model).order_by(Model.active.desc(), Model.name)))


def active_model() -> Model | None:
    """The model that projects use unless they name one; None while none is registered."""
    return db.session.scalar(select(Model).where(Model.active))


def find_model(name_or_digest: str) -> Model:
    """By name, digest, or the beginning of a digest; raises NotFound naming what there is."""
    models = list_models()
    for model in models:
        if name_or_digest in (model.name, model.digest):
            return model
    if len(name_or_digest) >= SHORTEST_DIGEST:
        matches = [model for model in models if model.digest.startswith(name_or_digest)]
        if len(matches) == 1:
            return matches[0]
    known = ", ".join(model.name for model in models) or "none"
    raise NotFound(f"There is no model {name_or_digest!r}. Registered: {known}.", code="model_not_found")


def use_model(name_or_digest: str) -> Model:
    """Makes a model the active one; raises NotFound. Images get embeddings of it when they are next opened."""
    digest = find_model(name_or_digest).digest
    with writing() as session:
        session.execute(update(Model).values(active=Model.digest == digest))
    return find_model(digest)


def register_model(model: Sam | str | Path, *, name: str, source: str) -> str:
    """Stores a model's weights and decoder, writes its row, and returns its digest.

    `model` is a Sam or a checkpoint file. Repeating it is harmless. A model that had the name before keeps its
    digest and gets it appended to its name. The first model becomes the active one. Raises CheckpointError for an
    unusable file and InvalidInput for an unknown source.
    """
    from annotator.sam.checkpoints import load_checkpoint
    from annotator.sam.model import Sam

    if source not in SOURCES:
        raise InvalidInput(f"source must be one of {SOURCES}, got {source!r}.", code="bad_source")
    path = None if isinstance(model, Sam) else Path(model)
    sam = model if isinstance(model, Sam) else load_checkpoint(model)
    with tempfile.TemporaryDirectory() as folder:
        digest = _store_weights(sam, path, Path(folder))
        config = _store_decoder(sam, digest, Path(folder))
    _write_row(digest, name=name, source=source, config=config)
    return digest


def ensure_bundled_model() -> Model:
    """Registers the bundled model unless it is; quick when it is. Raises NotFound when its weights are missing.

    It becomes active when nothing is, and when it replaces an older bundled model that was.
    """
    from annotator.sam.weights_header import BUNDLED_WEIGHTS, read_header

    header = read_header(BUNDLED_WEIGHTS)
    if header is None or header.digest is None:
        raise NotFound(
            f"The bundled weights are missing or unreadable: {BUNDLED_WEIGHTS}.", code="weights_missing"
        )
    model = db.session.get(Model, header.digest)
    if model is None or not is_complete(model):
        before = active_model()
        digest = register_model(BUNDLED_WEIGHTS, name="bundled", source="bundled")
        if before is not None and before.source == "bundled":
            use_model(digest)
        model = find_model(digest)
    return model


def is_complete(model: Model) -> bool:
    """Whether everything that the browser wants of a model is stored."""
    graphs = current_graphs(model)
    if not graphs:
        return False
    keys = [model.decoder_key, *(graph_key(model.digest, name) for name in graphs)]
    return all(storage().exists(key) for key in keys)


def current_graphs(model: Model) -> dict[str, Any]:
    """The graphs of a model by name; empty when it has none, or only older ones that today's pages cannot run."""
    current = model.config.get("graphs_version") == GRAPHS_VERSION
    return model.config.get("graphs") or {} if current else {}


def complete_models() -> None:
    """Makes the graphs of models registered before these ones; those with unusable weights stay as they are."""
    from annotator.sam.checkpoints import CheckpointError

    for model in list_models():
        if is_complete(model) or not storage().exists(weights_key(model.digest)):
            continue
        try:
            sam = load_registered(model.digest)
        except CheckpointError:
            continue
        register_model(sam, name=model.name, source=model.source)


def load_registered(digest: str) -> Sam:
    """The eval-mode Sam of a row; raises NotFound without its weights and CheckpointError if they are damaged."""
    from annotator.sam.checkpoints import CheckpointError, load_checkpoint

    key = weights_key(digest)
    local = storage().local_path(key)
    if local is not None and local.is_file():
        sam = load_checkpoint(local)
    else:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "weights.safetensors"
            with storage().open(key) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            sam = load_checkpoint(copy)
    if sam.digest != digest:
        raise CheckpointError(f"The weights stored for model {digest} are those of {sam.digest}.")
    return sam


def _store_weights(sam: Sam, path: Path | None, folder: Path) -> str:
    """Puts the weights into the storage in our own format, unchanged when they are in it; returns the digest."""
    from annotator.sam.checkpoints import save_checkpoint
    from annotator.sam.weights_header import read_header

    header = read_header(path) if path else None
    if path is None or header is None or header.digest is None:
        path = folder / "weights.safetensors"
        save_checkpoint(sam, path)
        header = read_header(path)
    assert header is not None
    assert header.digest is not None
    if not storage().exists(weights_key(header.digest)):
        _store_file(path, weights_key(header.digest))
    return header.digest


def _store_decoder(sam: Sam, digest: str, folder: Path) -> dict[str, Any]:
    """Exports and stores the decoder, whole and as graphs; returns the row's `config`, which is all that the server
    tells of a model."""
    from annotator.sam.export_click_graphs import export_click_graphs
    from annotator.sam.export_onnx import export_decoder

    path = folder / "decoder.onnx"
    export_decoder(sam, path)
    decoder = _stored(path, decoder_key(digest))
    graphs = {
        graph.stem: _stored(graph, graph_key(digest, graph.stem))
        for graph in export_click_graphs(sam, folder)
    }
    return {
        "image_size": sam.config.image_size,
        "embedding_size": list(sam.config.embedding_size),
        "mask_size": list(sam.config.mask_size),
        "rank_single_mask": sam.config.mask_decoder.rank_single_mask,
        "pixel_mean": list(sam.config.pixel_mean),
        "pixel_std": list(sam.config.pixel_std),
        "parameters": sum(parameter.numel() for parameter in sam.parameters()),
        "decoder_bytes": decoder["bytes"],
        "decoder_sha256": decoder["sha256"],
        "graphs": graphs,
        "graphs_version": GRAPHS_VERSION,
        "model": sam.config.to_dict(),
    }


def _stored(path: Path, key: str) -> dict[str, Any]:
    """Puts a file into the storage; returns its length and digest."""
    _store_file(path, key)
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _store_file(path: Path, key: str) -> None:
    with path.open("rb") as source, storage().writer(key) as target:
        shutil.copyfileobj(source, target, 1 << 20)


@again_when_overtaken
def _write_row(digest: str, *, name: str, source: str, config: dict[str, Any]) -> None:
    with writing() as session:
        namesake = session.scalar(select(Model).where(Model.name == name, Model.digest != digest))
        if namesake is not None:
            namesake.name = f"{namesake.name}-{namesake.digest[:8]}"
            session.flush()
        model = session.get(Model, digest)
        if model is None:
            none_active = session.scalar(select(Model.digest).where(Model.active)) is None
            model = Model(digest=digest, active=none_active)
            session.add(model)
        model.name, model.source, model.config = name, source, config
        model.decoder_key = decoder_key(digest)
