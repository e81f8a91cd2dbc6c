"""What lines about jobs and training runs are made of, for other languages

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("job", "training_run")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("message_parts", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("message_parts")
