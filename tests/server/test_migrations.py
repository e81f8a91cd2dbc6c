"""Migrations: up, down, up again; and they end at exactly what the models say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from annotator.database import Base, db, writing
from annotator.models import User
from annotator.tallies import NAMES, POSTGRESQL
from app import create_app
from tests.database_server import DatabaseServer

MIGRATIONS = str(Path(__file__).resolve().parents[2] / "migrations")


@pytest.fixture
def empty(tmp_path: Path) -> Any:
    app = create_app(tmp_path / "instance")
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_up_down_up(empty: Any) -> None:
    upgrade(directory=MIGRATIONS)
    first = schema()
    assert tables() == set(Base.metadata.tables)
    downgrade(directory=MIGRATIONS, revision="base")
    assert tables() == set()
    upgrade(directory=MIGRATIONS)
    assert schema() == first


def schema() -> list[str]:
    with db.engine.connect() as connection:
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
        return [row[0] for row in rows]


def test_migrations_and_models_agree(empty: Any) -> None:
    upgrade(directory=MIGRATIONS)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_indexes_that_comparison_does_not_see(empty: Any) -> None:
    """Partial indexes are compared by name only; the rule that makes deduplication safe is checked here."""
    upgrade(directory=MIGRATIONS)
    [rule] = [line for line in schema() if "uq_job_dedupe_key_unfinished" in line]
    assert "UNIQUE" in rule
    assert "WHERE state IN ('queued', 'running')" in rule


def test_triggers_are_those_of_the_models(empty: Any) -> None:
    def triggers() -> dict[str, list[str]]:
        with db.engine.connect() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
            return {row.name: row.sql.split() for row in rows}

    upgrade(directory=MIGRATIONS)
    migrated = triggers()
    with db.engine.begin() as connection:
        for name in migrated:
            connection.execute(text(f"DROP TRIGGER {name}"))
    db.create_all()
    assert triggers() == migrated
    assert set(migrated) == set(NAMES["sqlite"])


def test_one_line_of_revisions() -> None:
    script = ScriptDirectory(MIGRATIONS)
    assert len(script.get_heads()) == 1
    assert all(revision.doc for revision in script.walk_revisions())


def test_sqlite_is_durable_and_checks_references(empty: Any) -> None:
    with db.engine.connect() as connection:
        values = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_a_write_takes_its_turn_at_the_start(empty: Any) -> None:
    upgrade(directory=MIGRATIONS)
    statements: list[str] = []
    raw = db.engine.raw_connection()
    raw.driver_connection.set_trace_callback(statements.append)  # type: ignore[union-attr]
    raw.close()
    with writing() as session:
        session.add(User(name="ann", is_admin=False, active=True, preferences={}))
    db.session.query(User).all()
    db.session.rollback()
    begins = [line for line in statements if line.startswith("BEGIN")]
    assert begins == ["BEGIN IMMEDIATE", "BEGIN"]


@pytest.fixture
def empty_postgresql(tmp_path: Path, postgresql_server: DatabaseServer) -> Any:
    with postgresql_server.database("template1") as url:
        app = create_app(tmp_path / "instance", {"database_url": url})
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


def test_up_down_up_on_postgresql_ends_at_the_functions_of_the_models(empty_postgresql: Any) -> None:
    def functions() -> dict[str, list[str]]:
        query = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        with db.engine.connect() as connection:
            return {row.proname: row.prosrc.split() for row in connection.exec_driver_sql(query)}

    upgrade(directory=MIGRATIONS)
    migrated = functions()
    downgrade(directory=MIGRATIONS, revision="base")
    assert tables() == set()
    assert functions() == {}
    upgrade(directory=MIGRATIONS)
    assert functions() == migrated
    with db.engine.begin() as connection:
        for statement in POSTGRESQL:
            connection.execute(text(statement))
    assert functions() == migrated
