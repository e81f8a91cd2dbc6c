"""`flask prepare`: what an instance needs before it can serve: tables and the bundled model."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from annotator.database import db
from annotator.models import Model


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Bring the database up to date and register the bundled model; harmless to repeat. `flask start` does it too."""
    from annotator.services.models import complete_models, ensure_bundled_model

    upgrade(directory=current_app.extensions["migrate"].directory)
    ensure_bundled_model()
    complete_models()


def bundled_model_is_registered() -> bool:
    """Whether the weights of this checkout have their row, decoder and graphs; needs no torch."""
    from annotator.sam.weights_header import BUNDLED_WEIGHTS, read_header
    from annotator.services.models import is_complete

    header = read_header(BUNDLED_WEIGHTS)
    row = db.session.get(Model, header.digest) if header is not None and header.digest else None
    complete = row is not None and is_complete(row)
    db.session.rollback()
    return complete
