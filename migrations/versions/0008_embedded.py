"""How many of a project's images have a model's embedding

Revision 0008, after 0007. What the triggers are for: annotator/tallies.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS embedding_added AFTER INSERT ON embedding
BEGIN INSERT INTO embedded (project_id, model_digest, images)
SELECT project_id, NEW.model_digest, count(*) FROM image WHERE sha256 = NEW.image_sha256
GROUP BY project_id ORDER BY project_id
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + excluded.images; END""",
    """CREATE TRIGGER IF NOT EXISTS embedding_gone AFTER DELETE ON embedding
BEGIN UPDATE embedded SET images = images - (
SELECT count(*) FROM image WHERE image.sha256 = OLD.image_sha256 AND image.project_id = embedded.project_id)
WHERE model_digest = OLD.model_digest
AND project_id IN (SELECT image.project_id FROM image WHERE image.sha256 = OLD.image_sha256); END""",
    """CREATE TRIGGER IF NOT EXISTS image_added AFTER INSERT ON image
BEGIN INSERT INTO embedded (project_id, model_digest, images)
SELECT NEW.project_id, model_digest, 1 FROM embedding WHERE image_sha256 = NEW.sha256 ORDER BY model_digest
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + 1; END""",
    """CREATE TRIGGER IF NOT EXISTS image_gone AFTER DELETE ON image
BEGIN UPDATE embedded SET images = images - 1 WHERE project_id = OLD.project_id
AND model_digest IN (SELECT embedding.model_digest FROM embedding WHERE embedding.image_sha256 = OLD.sha256); END""",
)

POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION embedding_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN UPDATE embedded SET images = images - (
SELECT count(*) FROM image WHERE image.sha256 = OLD.image_sha256 AND image.project_id = embedded.project_id)
WHERE model_digest = OLD.model_digest
AND project_id IN (SELECT image.project_id FROM image WHERE image.sha256 = OLD.image_sha256); ELSE INSERT INTO embedded (project_id, model_digest, images)
SELECT project_id, NEW.model_digest, count(*) FROM image WHERE sha256 = NEW.image_sha256
GROUP BY project_id ORDER BY project_id
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + excluded.images; END IF;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER embedding_tally AFTER INSERT OR DELETE
ON embedding FOR EACH ROW EXECUTE FUNCTION embedding_tally()""",
    """CREATE OR REPLACE FUNCTION image_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN UPDATE embedded SET images = images - 1 WHERE project_id = OLD.project_id
AND model_digest IN (SELECT embedding.model_digest FROM embedding WHERE embedding.image_sha256 = OLD.sha256); ELSE INSERT INTO embedded (project_id, model_digest, images)
SELECT NEW.project_id, model_digest, 1 FROM embedding WHERE image_sha256 = NEW.sha256 ORDER BY model_digest
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + 1; END IF;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER image_tally AFTER INSERT OR DELETE
ON image FOR EACH ROW EXECUTE FUNCTION image_tally()""",
)

COUNT = """INSERT INTO embedded (project_id, model_digest, images)
SELECT image.project_id, embedding.model_digest, count(*)
FROM image JOIN embedding ON embedding.image_sha256 = image.sha256
GROUP BY image.project_id, embedding.model_digest"""


def upgrade() -> None:
    op.create_table(
        "embedded",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("model_digest", sa.String(length=64), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_embedded_project_id_project"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "model_digest", name=op.f("pk_embedded")),
    )
    triggers = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for statement in (COUNT, *triggers):
        op.execute(sa.text(statement))


def downgrade() -> None:
    for table in ("embedding", "image"):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {table}_added")
            op.execute(f"DROP TRIGGER {table}_gone")
        else:
            op.execute(f"DROP TRIGGER {table}_tally ON {table}")
            op.execute(f"DROP FUNCTION {table}_tally()")
    op.drop_table("embedded")
