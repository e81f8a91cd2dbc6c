"""The database, what all tables have in common, and the one way to write to them.

Reads may happen anywhere inside an application context. Writes happen inside `with writing():`, which opens the
transaction with BEGIN IMMEDIATE on SQLite: a read snapshot cannot be upgraded to a write once somebody else has
written, so a writer takes its turn at the start or not at all. Keep decoding, hashing and files outside the block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, Dialect, Engine, MetaData, TypeDecorator, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; SQLite alone would return naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime; use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The current time, aware, UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UTCDateTime, dict[str, Any]: JSON, list[Any]: JSON}

    created_at: Mapped[datetime] = mapped_column(default=now, sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, sort_order=91)


db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})

_write_intent: ContextVar[list[Callable[[], None]] | None] = ContextVar(
    "annotator_write_intent", default=None
)


@contextmanager
def writing() -> Iterator[Session]:
    """One write transaction: committed at the end of the block, rolled back when it raises.

    Ends the read transaction before it, so loaded rows are read afresh inside the block. A block inside another one
    joins its transaction.
    """
    session: Session = db.session()
    if _write_intent.get() is not None:
        yield session
        return
    session.rollback()
    callbacks: list[Callable[[], None]] = []
    token = _write_intent.set(callbacks)
    try:
        session.connection()
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        _write_intent.reset(token)
    for callback in callbacks:
        callback()


def inside_writing() -> bool:
    """Whether the caller runs inside a `writing` block."""
    return _write_intent.get() is not None


def add_unless_there(session: Session, row: Any) -> bool:
    """Add a row inside a `writing` block; False when somebody stored one with the same unique key meanwhile.

    Looking first is not enough where transactions run side by side (PostgreSQL).
    """
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` when the surrounding `writing` block has been committed; at once outside of one."""
    callbacks = _write_intent.get()
    if callbacks is None:
        callback()
    else:
        callbacks.append(callback)


def configure_engine(engine: Engine) -> None:
    """SQLite: durable WAL, foreign keys, and transactions that begin the way `writing` asks for."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if _write_intent.get() is None else "BEGIN IMMEDIATE")
