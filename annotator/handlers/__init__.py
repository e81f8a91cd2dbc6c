"""What jobs do: one function a kind, found by the worker through `HANDLERS`.

A handler takes the leased ticket and `report`, which it calls between steps; it may be run again after any
interruption, so it looks first what is there already. The only part of the server that loads the model, and only
inside functions.
"""

from __future__ import annotations

from annotator.handlers.embedding import crop, embed, embed_chunk
from annotator.handlers.evaluation import evaluate
from annotator.handlers.exports import export
from annotator.handlers.models import install_model
from annotator.handlers.proposals import automask
from annotator.handlers.tiles import tiles
from annotator.handlers.training import train
from annotator.jobs import Handler

HANDLERS: dict[str, Handler] = {
    "embed": embed,
    "embed_chunk": embed_chunk,
    "crop": crop,
    "tiles": tiles,
    "automask": automask,
    "export": export,
    "train": train,
    "evaluate": evaluate,
    "install_model": install_model,
}
