"""Database tables. How they are written to: database.py."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from annotator.database import Base, UTCDateTime, now
from annotator.tallies import TRIGGERS

STAGES = ("assisted_manual", "semi_automatic", "fully_automatic")
ROLES = ("manager", "annotator")
IMAGE_STATUSES = ("new", "in_progress", "done", "skipped")
# "missed": a region without an annotation that review may show; in no list and no count of proposals.
ANNOTATION_STATES = ("accepted", "proposal", "rejected", "missed")
ANNOTATION_SOURCES = ("manual", "assisted", "proposal", "imported")
PROPOSERS = ("automask", "detector", "missed")
JOB_KINDS = (
    *("embed", "embed_chunk", "crop", "tiles", "automask", "import", "export"),
    *("train", "evaluate", "install_model"),
)
RUN_TARGETS = ("model", "detector")
RUN_DECISIONS = ("activated", "kept")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
UNFINISHED = ("queued", "running")


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SignInLink(Base):
    __tablename__ = "sign_in_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Project(Base):
    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    stage: Mapped[str] = mapped_column(String(20), default=STAGES[0])
    model_digest: Mapped[str | None] = mapped_column(String(64))
    # Share of the images that people check in the fully automatic stage.
    sample_share: Mapped[float] = mapped_column(default=0.1, server_default="0.1")
    archived_at: Mapped[datetime | None]

    categories: Mapped[list[Category]] = relationship(
        order_by="Category.position, Category.id", cascade="all, delete-orphan", passive_deletes=True
    )


class Membership(Base):
    __tablename__ = "membership"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(20))


class Category(Base):
    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(120))
    color: Mapped[str] = mapped_column(String(7))
    position: Mapped[int] = mapped_column(default=0)
    archived_at: Mapped[datetime | None]


class Image(Base):
    __tablename__ = "image"
    __table_args__ = (
        UniqueConstraint("project_id", "source_sha256"),
        # Each holds all that lists and counts of a large project ask of an image, so that they read the index alone.
        Index(
            "ix_image_in_order",
            "project_id",
            "position",
            "status",
            "accepted_count",
            "proposal_count",
            "rejected_count",
            "name",
        ),
        Index("ix_image_by_status", "project_id", "status", "accepted_count", "proposal_count"),
        Index(None, "project_id", "sha256"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    source_sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    mime: Mapped[str] = mapped_column(String(40))
    bytes: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(20), default="new")
    skip_reason: Mapped[str] = mapped_column(Text, default="")
    done_at: Mapped[datetime | None]
    position: Mapped[int]
    # Kept by the database: see tallies.py.
    accepted_count: Mapped[int] = mapped_column(default=0, server_default="0")
    proposal_count: Mapped[int] = mapped_column(default=0, server_default="0")
    rejected_count: Mapped[int] = mapped_column(default=0, server_default="0")
    exif: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))


class Embedding(Base):
    __tablename__ = "embedding"
    __table_args__ = (UniqueConstraint("image_sha256", "model_digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_sha256: Mapped[str] = mapped_column(String(64))
    model_digest: Mapped[str] = mapped_column(String(64))
    blob_key: Mapped[str] = mapped_column(String(255))
    bytes: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]


class Annotation(Base):
    __tablename__ = "annotation"
    __table_args__ = (Index(None, "image_id", "deleted_at"), Index(None, "project_id", "state", "deleted_at"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    category_id: Mapped[int | None] = mapped_column(
        ForeignKey("category.id", ondelete="SET NULL"), index=True
    )
    state: Mapped[str] = mapped_column(String(20), default="accepted")
    revision: Mapped[int] = mapped_column(default=1)
    deleted_at: Mapped[datetime | None]
    rle: Mapped[str] = mapped_column(Text)
    height: Mapped[int]
    width: Mapped[int]
    area: Mapped[int] = mapped_column(BigInteger)
    bbox_x: Mapped[int]
    bbox_y: Mapped[int]
    bbox_w: Mapped[int]
    bbox_h: Mapped[int]
    source: Mapped[str] = mapped_column(String(20))
    prompts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    candidate: Mapped[int | None]
    predicted_iou: Mapped[float | None]
    stability_score: Mapped[float | None]
    model_digest: Mapped[str | None] = mapped_column(String(64))
    model_rle: Mapped[str | None] = mapped_column(Text)
    # Who put the proposal there, where it was sought (x, y, width, height), and how much of it was accepted.
    proposed_by: Mapped[str | None] = mapped_column(String(20))
    crop_box: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    proposal_iou: Mapped[float | None]
    active_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    z: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))


contribution = Table(
    "contribution",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("image_id", ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("last_at", UTCDateTime, nullable=False, index=True),
)
"""Who last saved something on which image; kept by the database: see tallies.py."""

embedded = Table(
    "embedded",
    Base.metadata,
    Column("project_id", ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("model_digest", String(64), primary_key=True),
    Column("images", Integer, nullable=False),
)
"""How many of a project's images have a model's embedding; kept by the database: see tallies.py."""

for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        event.listen(Base.metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))


class AnnotationRevision(Base):
    __tablename__ = "annotation_revision"
    __table_args__ = (UniqueConstraint("annotation_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    annotation_id: Mapped[str] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"))
    revision: Mapped[int]
    snapshot: Mapped[dict[str, Any]]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))


class MaskFact(Base):
    """What statistics ask of an annotation that somebody decided on, without its mask: see services/mask_facts.py."""

    __tablename__ = "mask_fact"
    __table_args__ = (
        Index(None, "project_id", "state", "decided_at"),
        Index("ix_mask_fact_by_age", "project_id", "updated_at"),
    )

    annotation_id: Mapped[str] = mapped_column(
        ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    proposed_by: Mapped[str | None] = mapped_column(String(20))
    stage: Mapped[str | None] = mapped_column(String(20))
    annotator_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None]
    week: Mapped[str | None] = mapped_column(String(10))
    active_ms: Mapped[int] = mapped_column(BigInteger)
    clicks: Mapped[int]
    corrected: Mapped[bool]
    # Whole thousandths, so that every database puts them into the same bins; the centre in 1024ths of the image.
    agreement: Mapped[int | None]
    relative_size: Mapped[int]
    concavity: Mapped[int]
    center_x: Mapped[int]
    center_y: Mapped[int]


class Job(Base):
    __tablename__ = "job"
    __table_args__ = (
        # At most one unfinished job per key: asking twice for the same embedding is one job.
        Index(
            "uq_job_dedupe_key_unfinished",
            "dedupe_key",
            unique=True,
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index(None, "dedupe_key"),
        Index(None, "state", "priority", "id"),
        Index(None, "project_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    dedupe_key: Mapped[str | None] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(20), default="queued")
    priority: Mapped[int] = mapped_column(default=0)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    # What the message is made of (see lines.py); None for a text that is the same in every language.
    message_parts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class JobItem(Base):
    """One of the many things that a job is to do, and what came of it: a job goes on where its worker was lost."""

    __tablename__ = "job_item"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Model(Base):
    __tablename__ = "model"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    config: Mapped[dict[str, Any]]
    source: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(default=False)
    decoder_key: Mapped[str] = mapped_column(String(255))
    installed_at: Mapped[datetime] = mapped_column(default=now)


class TrainingRun(Base):
    __tablename__ = "training_run"
    __table_args__ = (Index(None, "project_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    target: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="queued")
    message: Mapped[str] = mapped_column(Text, default="")
    message_parts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    base_digest: Mapped[str] = mapped_column(String(64))
    # What it made: a model's digest; a detector's is that of its file.
    digest: Mapped[str | None] = mapped_column(String(64))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    curve: Mapped[list[Any]] = mapped_column(default=list)
    evaluation: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    decision: Mapped[str | None] = mapped_column(String(20))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class LookAgain(Base):
    """An accepted mask that a new model sees otherwise; `revision` is the one that was compared."""

    __tablename__ = "look_again"
    __table_args__ = (UniqueConstraint("run_id", "annotation_id"), Index(None, "project_id", "run_id", "iou"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    annotation_id: Mapped[str] = mapped_column(ForeignKey("annotation.id", ondelete="CASCADE"), index=True)
    revision: Mapped[int]
    iou: Mapped[float]
    dismissed_at: Mapped[datetime | None]
