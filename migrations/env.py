"""How Alembic reaches the application's database and tables (run through `flask db …`)."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from annotator.database import UTCDateTime

migrate = current_app.extensions["migrate"]
database = migrate.db


def render_item(kind: str, item: Any, _: Any) -> str | bool:
    """Write our column types as what the database sees, so that old revisions do not depend on today's code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


def run() -> None:
    """Apply the revisions over one connection, in one transaction each."""
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadatas[None],
            transaction_per_migration=True,
            render_item=render_item,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
