"""Pictures and their embeddings take turns being counted on PostgreSQL

Revision 0009, after 0008. Why: annotator/tallies.py. What was miscounted before is counted anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IN_TURN = (
    """CREATE OR REPLACE FUNCTION embedding_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN PERFORM pg_advisory_xact_lock(8, hashtext(OLD.image_sha256) & 255); UPDATE embedded SET images = images - (
SELECT count(*) FROM image WHERE image.sha256 = OLD.image_sha256 AND image.project_id = embedded.project_id)
WHERE model_digest = OLD.model_digest
AND project_id IN (SELECT image.project_id FROM image WHERE image.sha256 = OLD.image_sha256);
  ELSE PERFORM pg_advisory_xact_lock(8, hashtext(NEW.image_sha256) & 255); INSERT INTO embedded (project_id, model_digest, images)
SELECT project_id, NEW.model_digest, count(*) FROM image WHERE sha256 = NEW.image_sha256
GROUP BY project_id ORDER BY project_id
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + excluded.images; END IF;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE FUNCTION image_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN PERFORM pg_advisory_xact_lock(8, hashtext(OLD.sha256) & 255); UPDATE embedded SET images = images - 1 WHERE project_id = OLD.project_id
AND model_digest IN (SELECT embedding.model_digest FROM embedding WHERE embedding.image_sha256 = OLD.sha256);
  ELSE PERFORM pg_advisory_xact_lock(8, hashtext(NEW.sha256) & 255); INSERT INTO embedded (project_id, model_digest, images)
SELECT NEW.project_id, model_digest, 1 FROM embedding WHERE image_sha256 = NEW.sha256 ORDER BY model_digest
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + 1; END IF;
  RETURN NULL;
END $$""",
)

SIDE_BY_SIDE = (
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
    """CREATE OR REPLACE FUNCTION image_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN UPDATE embedded SET images = images - 1 WHERE project_id = OLD.project_id
AND model_digest IN (SELECT embedding.model_digest FROM embedding WHERE embedding.image_sha256 = OLD.sha256); ELSE INSERT INTO embedded (project_id, model_digest, images)
SELECT NEW.project_id, model_digest, 1 FROM embedding WHERE image_sha256 = NEW.sha256 ORDER BY model_digest
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + 1; END IF;
  RETURN NULL;
END $$""",
)

RECOUNT = (
    "DELETE FROM embedded",
    """INSERT INTO embedded (project_id, model_digest, images)
SELECT image.project_id, embedding.model_digest, count(*)
FROM image JOIN embedding ON embedding.image_sha256 = image.sha256
GROUP BY image.project_id, embedding.model_digest""",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in (*IN_TURN, *RECOUNT):
            op.execute(sa.text(statement))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in SIDE_BY_SIDE:
            op.execute(sa.text(statement))
