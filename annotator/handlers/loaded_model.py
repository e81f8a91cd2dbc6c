"""The one model that a worker keeps in memory, on the device it was started for."""

from __future__ import annotations

import os
import threading
from typing import Any

from flask import current_app

from annotator.errors import InvalidInput

_loaded: dict[str, Any] = {}
_loading = threading.Lock()


def model_for(digest: str) -> Any:
    """The model of this digest, kept until another one is wanted: reading weights takes longer than using them."""
    import torch

    from annotator.sam import precision
    from annotator.services.models import load_registered

    settings = current_app.extensions["annotator_settings"]
    with _loading:
        if digest not in _loaded:
            # One core stays free for requests: they share this process in the default set-up.
            torch.set_num_threads(settings.worker_threads or max(1, (os.cpu_count() or 2) - 1))
            _loaded.clear()
            model = load_registered(digest).to(device())
            precision.choose(model, settings.precision or None)
            _loaded[digest] = model
        return _loaded[digest]


def device() -> str:
    """Where this worker computes: the device it was given, else the first GPU, else the CPU."""
    import torch

    given: str = current_app.extensions.get("annotator_device", "")
    return given or ("cuda" if torch.cuda.is_available() else "cpu")


def check_device(name: str) -> str:
    """`name` if the model can compute there, or if it is empty; InvalidInput saying what there is otherwise."""
    import torch

    if not name:
        return name
    known = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    known += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if name not in known:
        raise InvalidInput(
            f"There is no device {name!r} here; choose one of {', '.join(known)}.",
            code="no_device",
            field="device",
        )
    return name
