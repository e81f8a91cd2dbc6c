"""Images as jobs meet them: by content hash, because a job outlives rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from annotator.database import db
from annotator.errors import NotFound
from annotator.models import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def find_image(sha256: str) -> Image | None:
    """Any row of this picture, with no transaction left open; None when it was deleted."""
    image = db.session.scalar(select(Image).where(Image.sha256 == sha256).limit(1))
    db.session.remove()
    return image


def read_pixels(image: Image, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """The upright pixels (H, W, 3), RGB, of the whole image or of `box` (x0, y0, x1, y1).

    Raises NotFound (code "blob_damaged") when the stored file cannot be read.
    """
    import numpy as np
    from PIL import Image as Pillow

    from annotator.services.ingest import image_key
    from annotator.storage import storage

    try:
        with storage().open(image_key(image)) as file, Pillow.open(file) as picture:
            part = picture if box is None else picture.crop(box)
            return np.asarray(part.convert("RGB"))
    except (OSError, ValueError) as error:
        raise NotFound(
            f"The stored file of {image.name} cannot be read: {error}", code="blob_damaged"
        ) from error
