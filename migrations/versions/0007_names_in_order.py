"""Names of images in the index that lists read, so that looking for a part of one reads nothing else

Revision 0007, after 0006.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "ix_image_in_order"
BEFORE = ["project_id", "position", "status", "accepted_count", "proposal_count", "rejected_count"]


def upgrade() -> None:
    op.drop_index(INDEX, "image")
    op.create_index(INDEX, "image", [*BEFORE, "name"])


def downgrade() -> None:
    op.drop_index(INDEX, "image")
    op.create_index(INDEX, "image", BEFORE)
