"""`flask prepare`: what an instance needs before it can serve: tables and the bundled model."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from annotator.models import Model, db
from annotator.storage import storage


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Bring the database up to date and register the bundled model; harmless to repeat. `flask start` does it too."""
    from annotator.services.models import ensure_bundled_model

    upgrade(directory=current_app.extensions["migrate"].directory)
    ensure_bundled_model()


def bundled_model_is_registered() -> bool:
    """Whether the weights of this checkout have their row and decoder; needs no torch."""
    from annotator.sam.weights_header import BUNDLED_WEIGHTS, read_header

    header = read_header(BUNDLED_WEIGHTS)
    row = db.session.get(Model, header.digest) if header is not None and header.digest else None
    db.session.rollback()
    return row is not None and storage().exists(row.decoder_key)
