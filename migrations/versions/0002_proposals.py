"""Proposals, facts about masks, items of jobs

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("sample_share", sa.Float(), server_default="0.1", nullable=False))
    op.add_column("image", sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("annotation", sa.Column("proposed_by", sa.String(length=20), nullable=True))
    op.add_column("annotation", sa.Column("crop_box", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("annotation", sa.Column("proposal_iou", sa.Float(), nullable=True))
    op.create_table(
        "mask_fact",
        sa.Column("annotation_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("proposed_by", sa.String(length=20), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=True),
        sa.Column("annotator_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("week", sa.String(length=10), nullable=True),
        sa.Column("active_ms", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("agreement", sa.Integer(), nullable=True),
        sa.Column("relative_size", sa.Integer(), nullable=False),
        sa.Column("concavity", sa.Integer(), nullable=False),
        sa.Column("center_x", sa.Integer(), nullable=False),
        sa.Column("center_y", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_mask_fact_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["annotator_id"], ["user.id"], name=op.f("fk_mask_fact_annotator_id_user"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["category.id"],
            name=op.f("fk_mask_fact_category_id_category"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_mask_fact_image_id_image"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_mask_fact_project_id_project"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("annotation_id", name=op.f("pk_mask_fact")),
    )
    op.create_index(op.f("ix_mask_fact_image_id"), "mask_fact", ["image_id"])
    op.create_index(
        op.f("ix_mask_fact_project_id_state_decided_at"), "mask_fact", ["project_id", "state", "decided_at"]
    )
    op.create_table(
        "job_item",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_job_item_job_id_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "item_id", name=op.f("pk_job_item")),
    )


def downgrade() -> None:
    op.drop_table("job_item")
    op.drop_table("mask_fact")
    op.drop_column("annotation", "proposal_iou")
    op.drop_column("annotation", "crop_box")
    op.drop_column("annotation", "proposed_by")
    op.drop_column("image", "done_at")
    op.drop_column("project", "sample_share")
