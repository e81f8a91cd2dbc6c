"""Counts of annotations beside each image, and who worked on which

Revision 0004, after 0003. What the triggers are for: annotator/tallies.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNTS = ("accepted_count", "proposal_count", "rejected_count")

SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS annotation_added AFTER INSERT ON annotation
BEGIN UPDATE image SET accepted_count = accepted_count + (CASE WHEN NEW.state = 'accepted' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count + (CASE WHEN NEW.state = 'proposal' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count + (CASE WHEN NEW.state = 'rejected' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = NEW.image_id; INSERT INTO contribution (user_id, image_id, last_at)
SELECT NEW.updated_by, NEW.image_id, NEW.updated_at WHERE NEW.updated_by IS NOT NULL
ON CONFLICT (user_id, image_id) DO UPDATE SET last_at = excluded.last_at; END""",
    """CREATE TRIGGER IF NOT EXISTS annotation_moved AFTER UPDATE OF state, deleted_at, image_id ON annotation
WHEN OLD.state IS NOT NEW.state OR OLD.deleted_at IS NOT NEW.deleted_at OR OLD.image_id IS NOT NEW.image_id
BEGIN UPDATE image SET accepted_count = accepted_count - (CASE WHEN OLD.state = 'accepted' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count - (CASE WHEN OLD.state = 'proposal' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count - (CASE WHEN OLD.state = 'rejected' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = OLD.image_id; UPDATE image SET accepted_count = accepted_count + (CASE WHEN NEW.state = 'accepted' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count + (CASE WHEN NEW.state = 'proposal' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count + (CASE WHEN NEW.state = 'rejected' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = NEW.image_id; END""",
    """CREATE TRIGGER IF NOT EXISTS annotation_saved AFTER UPDATE OF revision ON annotation
BEGIN INSERT INTO contribution (user_id, image_id, last_at)
SELECT NEW.updated_by, NEW.image_id, NEW.updated_at WHERE NEW.updated_by IS NOT NULL
ON CONFLICT (user_id, image_id) DO UPDATE SET last_at = excluded.last_at; END""",
    """CREATE TRIGGER IF NOT EXISTS annotation_gone AFTER DELETE ON annotation
BEGIN UPDATE image SET accepted_count = accepted_count - (CASE WHEN OLD.state = 'accepted' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count - (CASE WHEN OLD.state = 'proposal' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count - (CASE WHEN OLD.state = 'rejected' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = OLD.image_id; END""",
)

POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION annotation_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN UPDATE image SET accepted_count = accepted_count - (CASE WHEN OLD.state = 'accepted' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count - (CASE WHEN OLD.state = 'proposal' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count - (CASE WHEN OLD.state = 'rejected' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = OLD.image_id; RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN UPDATE image SET accepted_count = accepted_count + (CASE WHEN NEW.state = 'accepted' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count + (CASE WHEN NEW.state = 'proposal' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count + (CASE WHEN NEW.state = 'rejected' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = NEW.image_id;
  ELSIF (OLD.state, OLD.deleted_at, OLD.image_id) IS DISTINCT FROM (NEW.state, NEW.deleted_at, NEW.image_id) THEN
    UPDATE image SET accepted_count = accepted_count - (CASE WHEN OLD.state = 'accepted' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count - (CASE WHEN OLD.state = 'proposal' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count - (CASE WHEN OLD.state = 'rejected' AND OLD.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = OLD.image_id;
    UPDATE image SET accepted_count = accepted_count + (CASE WHEN NEW.state = 'accepted' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
proposal_count = proposal_count + (CASE WHEN NEW.state = 'proposal' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END),
rejected_count = rejected_count + (CASE WHEN NEW.state = 'rejected' AND NEW.deleted_at IS NULL THEN 1 ELSE 0 END) WHERE id = NEW.image_id;
  END IF;
  INSERT INTO contribution (user_id, image_id, last_at)
SELECT NEW.updated_by, NEW.image_id, NEW.updated_at WHERE NEW.updated_by IS NOT NULL
ON CONFLICT (user_id, image_id) DO UPDATE SET last_at = excluded.last_at;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER annotation_tally
AFTER INSERT OR DELETE OR UPDATE OF state, deleted_at, image_id, revision
ON annotation FOR EACH ROW EXECUTE FUNCTION annotation_tally()""",
)

RECOUNT = (
    """UPDATE image SET (accepted_count, proposal_count, rejected_count) = (
SELECT count(CASE WHEN state = 'accepted' THEN 1 END), count(CASE WHEN state = 'proposal' THEN 1 END), count(CASE WHEN state = 'rejected' THEN 1 END)
FROM annotation WHERE annotation.image_id = image.id AND annotation.deleted_at IS NULL)""",
    """DELETE FROM contribution""",
    """INSERT INTO contribution (user_id, image_id, last_at)
SELECT updated_by, image_id, max(updated_at) FROM annotation
WHERE updated_by IS NOT NULL GROUP BY updated_by, image_id""",
)


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("image", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "contribution",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_contribution_image_id_image"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_contribution_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "image_id", name=op.f("pk_contribution")),
    )
    op.create_index(op.f("ix_contribution_image_id"), "contribution", ["image_id"])
    op.create_index(op.f("ix_contribution_last_at"), "contribution", ["last_at"])
    op.drop_index("ix_image_project_id_position", "image")
    op.drop_index("ix_image_project_id_status", "image")
    op.create_index("ix_image_in_order", "image", ["project_id", "position", "status", *COUNTS])
    op.create_index("ix_image_by_status", "image", ["project_id", "status", *COUNTS[:2]])
    op.create_index(op.f("ix_image_project_id_sha256"), "image", ["project_id", "sha256"])
    triggers = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for statement in (*RECOUNT, *triggers):
        op.execute(sa.text(statement))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("added", "moved", "saved", "gone"):
            op.execute(f"DROP TRIGGER annotation_{name}")
    else:
        op.execute("DROP TRIGGER annotation_tally ON annotation")
        op.execute("DROP FUNCTION annotation_tally()")
    op.drop_index(op.f("ix_image_project_id_sha256"), "image")
    op.drop_index("ix_image_by_status", "image")
    op.drop_index("ix_image_in_order", "image")
    op.create_index("ix_image_project_id_status", "image", ["project_id", "status"])
    op.create_index("ix_image_project_id_position", "image", ["project_id", "position"])
    op.drop_table("contribution")
    for name in reversed(COUNTS):
        op.drop_column("image", name)
