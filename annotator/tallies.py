"""Numbers that the database keeps beside what they count, by triggers: lists of large projects read them, never masks.

`image.accepted_count`, `proposal_count` and `rejected_count` are the image's annotations that are not deleted, by
state; `contribution` says who last saved something on which image; `embedded` how many of a project's images have a
model's embedding. Triggers see every write, bulk inserts included.

A migration that recreates the table `annotation`, `image` or `embedding` on SQLite has to drop the triggers before and
create them again after; tests/server/test_migrations.py compares the outcome with this file.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

STATES = {"accepted": "accepted_count", "proposal": "proposal_count", "rejected": "rejected_count"}


def _counts(row: str, sign: str) -> str:
    """The assignments that add (`sign` +) or take away (-) one annotation, `row` being OLD or NEW."""
    return ", ".join(
        f"{column} = {column} {sign} (CASE WHEN {row}.state = '{state}' AND {row}.deleted_at IS NULL THEN 1 ELSE 0 END)"
        for state, column in STATES.items()
    )


COUNT_NEW = f"UPDATE image SET {_counts('NEW', '+')} WHERE id = NEW.image_id"
UNCOUNT_OLD = f"UPDATE image SET {_counts('OLD', '-')} WHERE id = OLD.image_id"
CONTRIBUTE = """INSERT INTO contribution (user_id, image_id, last_at)
SELECT NEW.updated_by, NEW.image_id, NEW.updated_at WHERE NEW.updated_by IS NOT NULL
ON CONFLICT (user_id, image_id) DO UPDATE SET last_at = excluded.last_at"""

# Embeddings belong to pictures, which several projects may show. In one order always, so that two never wait for each
# other.
COUNT_EMBEDDING = """INSERT INTO embedded (project_id, model_digest, images)
SELECT project_id, NEW.model_digest, count(*) FROM image WHERE sha256 = NEW.image_sha256
GROUP BY project_id ORDER BY project_id
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + excluded.images"""
UNCOUNT_EMBEDDING = """UPDATE embedded SET images = images - (
SELECT count(*) FROM image WHERE image.sha256 = OLD.image_sha256 AND image.project_id = embedded.project_id)
WHERE model_digest = OLD.model_digest
AND project_id IN (SELECT image.project_id FROM image WHERE image.sha256 = OLD.image_sha256)"""
COUNT_IMAGE = """INSERT INTO embedded (project_id, model_digest, images)
SELECT NEW.project_id, model_digest, 1 FROM embedding WHERE image_sha256 = NEW.sha256 ORDER BY model_digest
ON CONFLICT (project_id, model_digest) DO UPDATE SET images = embedded.images + 1"""
UNCOUNT_IMAGE = """UPDATE embedded SET images = images - 1 WHERE project_id = OLD.project_id
AND model_digest IN (SELECT embedding.model_digest FROM embedding WHERE embedding.image_sha256 = OLD.sha256)"""

# On PostgreSQL transactions run side by side: without a turn, a picture and its embedding, stored in the same moment,
# would not see each other. 256 turns for all pictures, so that no bulk insert fills the server's table of locks.
TURN = "PERFORM pg_advisory_xact_lock(8, hashtext({sha256}) & 255)"

SQLITE = (
    f"""CREATE TRIGGER IF NOT EXISTS annotation_added AFTER INSERT ON annotation
BEGIN {COUNT_NEW}; {CONTRIBUTE}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS annotation_moved AFTER UPDATE OF state, deleted_at, image_id ON annotation
WHEN OLD.state IS NOT NEW.state OR OLD.deleted_at IS NOT NEW.deleted_at OR OLD.image_id IS NOT NEW.image_id
BEGIN {UNCOUNT_OLD}; {COUNT_NEW}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS annotation_saved AFTER UPDATE OF revision ON annotation
BEGIN {CONTRIBUTE}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS annotation_gone AFTER DELETE ON annotation
BEGIN {UNCOUNT_OLD}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS embedding_added AFTER INSERT ON embedding
BEGIN {COUNT_EMBEDDING}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS embedding_gone AFTER DELETE ON embedding
BEGIN {UNCOUNT_EMBEDDING}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS image_added AFTER INSERT ON image
BEGIN {COUNT_IMAGE}; END""",
    f"""CREATE TRIGGER IF NOT EXISTS image_gone AFTER DELETE ON image
BEGIN {UNCOUNT_IMAGE}; END""",
)

POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION annotation_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN {UNCOUNT_OLD}; RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN {COUNT_NEW};
  ELSIF (OLD.state, OLD.deleted_at, OLD.image_id) IS DISTINCT FROM (NEW.state, NEW.deleted_at, NEW.image_id) THEN
    {UNCOUNT_OLD};
    {COUNT_NEW};
  END IF;
  {CONTRIBUTE};
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER annotation_tally
AFTER INSERT OR DELETE OR UPDATE OF state, deleted_at, image_id, revision
ON annotation FOR EACH ROW EXECUTE FUNCTION annotation_tally()""",
    f"""CREATE OR REPLACE FUNCTION embedding_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN {TURN.format(sha256="OLD.image_sha256")}; {UNCOUNT_EMBEDDING};
  ELSE {TURN.format(sha256="NEW.image_sha256")}; {COUNT_EMBEDDING}; END IF;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER embedding_tally AFTER INSERT OR DELETE
ON embedding FOR EACH ROW EXECUTE FUNCTION embedding_tally()""",
    f"""CREATE OR REPLACE FUNCTION image_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN {TURN.format(sha256="OLD.sha256")}; {UNCOUNT_IMAGE};
  ELSE {TURN.format(sha256="NEW.sha256")}; {COUNT_IMAGE}; END IF;
  RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER image_tally AFTER INSERT OR DELETE
ON image FOR EACH ROW EXECUTE FUNCTION image_tally()""",
)

TRIGGERS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
NAMES = {
    "sqlite": (
        *(f"annotation_{what}" for what in ("added", "moved", "saved", "gone")),
        *(f"{table}_{what}" for table in ("embedding", "image") for what in ("added", "gone")),
    ),
    "postgresql": tuple(f"{table}_tally ON {table}" for table in ("annotation", "embedding", "image")),
}
"""What comes after DROP TRIGGER."""

RECOUNT = (
    f"""UPDATE image SET ({", ".join(STATES.values())}) = (
SELECT {", ".join(f"count(CASE WHEN state = '{state}' THEN 1 END)" for state in STATES)}
FROM annotation WHERE annotation.image_id = image.id AND annotation.deleted_at IS NULL)""",
    "DELETE FROM contribution",
    """INSERT INTO contribution (user_id, image_id, last_at)
SELECT updated_by, image_id, max(updated_at) FROM annotation
WHERE updated_by IS NOT NULL GROUP BY updated_by, image_id""",
    "DELETE FROM embedded",
    """INSERT INTO embedded (project_id, model_digest, images)
SELECT image.project_id, embedding.model_digest, count(*)
FROM image JOIN embedding ON embedding.image_sha256 = image.sha256
GROUP BY image.project_id, embedding.model_digest""",
)
"""Makes all tallies anew, for data that came in while there were no triggers."""


def recount(engine: Engine) -> None:
    """Run RECOUNT in one transaction."""
    with engine.begin() as connection:
        for statement in RECOUNT:
            connection.execute(text(statement))
