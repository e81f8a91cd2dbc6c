"""The latest change of a project's facts about masks, from an index

Revision 0006, after 0005.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_mask_fact_by_age", "mask_fact", ["project_id", "updated_at"])


def downgrade() -> None:
    op.drop_index("ix_mask_fact_by_age", "mask_fact")
