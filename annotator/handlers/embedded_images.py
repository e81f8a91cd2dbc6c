"""Images as prompts meet them: already encoded where an embedding is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotator.database import db
from annotator.handlers.stored_images import find_image, read_pixels
from annotator.services import embeddings
from annotator.storage import storage

if TYPE_CHECKING:
    from annotator.sam.embedding_file import EmbeddingFile
    from annotator.sam.predictor import SamPredictor


def set_image(predictor: SamPredictor, sha256: str) -> bool:
    """Sets the predictor to an image, from its stored embedding where there is one; False when the image was deleted.

    Raises NotFound for a stored file that cannot be read.
    """
    embedding = stored_embedding(sha256, predictor.model.digest)
    if embedding is not None:
        predictor.set_embedding(embedding)
        return True
    image = find_image(sha256)
    if image is None:
        return False
    predictor.set_image(read_pixels(image))
    return True


def stored_embedding(sha256: str, model_digest: str) -> EmbeddingFile | None:
    """The image's embedding by this model, if it is stored."""
    from annotator.sam.embedding_file import unpack_embedding

    stored = embeddings.find(sha256, model_digest)
    key = None if stored is None else stored.blob_key
    db.session.remove()
    return None if key is None else unpack_embedding(storage().read(key))
