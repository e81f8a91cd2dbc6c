"""Display tiles of very large images, so that a browser shows them without ever decoding them whole.

Level 0 is the image itself; pixel i of level n covers the pixels [i * 2**n, (i + 1) * 2**n) of the image, and the last
level fits into one tile. All tiles of an image are one blob, so they exist together or not at all: a magic line, the
offsets of the tiles (little-endian 64 bits, one more than there are tiles), then the tiles by level, row and column.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import IO

from PIL import Image as Pillow

from annotator import jobs
from annotator.errors import NotFound
from annotator.models import Image, Job
from annotator.storage import content_key, storage

TILED_PIXELS = 16_000_000
"""Larger images are shown in tiles; up to here a browser decodes the whole file quicker than it asks for parts."""
FOLDER = "tiles"
SIDE = 512
MAGIC = b"annotator-tiles\n"
OFFSET = struct.Struct("<Q")
# Colours are kept at full resolution; at 100 % and beyond nobody can tell the tile from the file.
FULL_QUALITY, SMALL_QUALITY = 95, 90
PNG_BEGINNING = b"\x89PNG"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Layout:
    """How an image of this size is cut; sizes are (width, height) in pixels of the level."""

    width: int
    height: int

    @property
    def levels(self) -> int:
        """Number of levels; the last one fits into one tile."""
        return 1 + max(0, ((max(self.width, self.height) - 1) // SIDE).bit_length())

    def size(self, level: int) -> tuple[int, int]:
        """Size of a level: every side halved `level` times, rounded up."""
        return -(-self.width >> level), -(-self.height >> level)

    def grid(self, level: int) -> tuple[int, int]:
        """(columns, rows) of tiles in a level."""
        width, height = self.size(level)
        return -(-width // SIDE), -(-height // SIDE)

    @property
    def count(self) -> int:
        """Number of tiles in all levels."""
        return sum(columns * rows for columns, rows in map(self.grid, range(self.levels)))

    def number(self, level: int, column: int, row: int) -> int | None:
        """Place of a tile in the blob; None where there is no such tile."""
        if not 0 <= level < self.levels:
            return None
        columns, rows = self.grid(level)
        if not (0 <= column < columns and 0 <= row < rows):
            return None
        before = sum(width * height for width, height in map(self.grid, range(level)))
        return before + row * columns + column


def is_tiled(image: Image) -> bool:
    """Whether the image is shown in tiles."""
    return image.width * image.height > TILED_PIXELS


def tiles_key(image: Image) -> str:
    """Blob key of an image's tiles."""
    return content_key(FOLDER, image.sha256, ".tiles")


def are_ready(image: Image) -> bool:
    return storage().exists(tiles_key(image))


def request(image: Image, *, priority: int, created_by: int | None) -> Job | None:
    """Queue making the tiles unless there is nothing to do. Joins a `writing` block."""
    if not is_tiled(image) or are_ready(image):
        return None
    return jobs.enqueue(
        "tiles",
        {"image_sha256": image.sha256},
        project_id=image.project_id,
        dedupe_key=f"tiles:{image.sha256}",
        priority=priority,
        created_by=created_by,
    )


def read(image: Image, level: int, column: int, row: int) -> tuple[bytes, str]:
    """(bytes, mime) of one tile. Raises NotFound: tile_not_found, or tiles_missing while they are not made."""
    layout = Layout(image.width, image.height)
    number = layout.number(level, column, row) if is_tiled(image) else None
    if number is None:
        raise NotFound(
            f"This image has no tile {level}/{column}/{row} (level/column/row).", code="tile_not_found"
        )
    try:
        with storage().open(tiles_key(image)) as file:
            data = _read_number(file, number)
    except NotFound:
        data = b""
    if not data:
        raise NotFound("The tiles of this image are being made. Ask again soon.", code="tiles_missing")
    return data, "image/png" if data.startswith(PNG_BEGINNING) else "image/jpeg"


def _read_number(file: IO[bytes], number: int) -> bytes:
    file.seek(len(MAGIC) + number * OFFSET.size)
    pair = file.read(2 * OFFSET.size)
    if len(pair) < 2 * OFFSET.size:
        return b""
    begin, end = (value for (value,) in OFFSET.iter_unpack(pair))
    file.seek(begin)
    return file.read(end - begin)


def make(image: Image, source_key: str, progress: Progress) -> int:
    """Cut, encode and store all tiles of the upright file `source_key`; returns their number.

    Raises NotFound when the file cannot be read.
    """
    try:
        with storage().open(source_key) as file, Pillow.open(file) as picture:
            # A profile of greys says nothing about the colours that they become.
            profile = picture.info.get("icc_profile") if picture.mode == "RGB" else None
            pixels = picture.convert("RGB")
    except (OSError, ValueError) as error:
        raise NotFound(
            f"The stored file of {image.name} cannot be read: {error}", code="blob_damaged"
        ) from error
    layout = Layout(image.width, image.height)
    lossless = image.mime != "image/jpeg"
    with storage().writer(tiles_key(image)) as target:
        offsets = [len(MAGIC) + (layout.count + 1) * OFFSET.size]
        target.seek(offsets[0])
        for data in _encoded(pixels, layout, lossless=lossless, icc_profile=profile):
            target.write(data)
            offsets.append(offsets[-1] + len(data))
            progress(len(offsets) - 1, layout.count)
        target.seek(0)
        target.write(MAGIC + b"".join(OFFSET.pack(offset) for offset in offsets))
    return layout.count


def _encoded(
    pixels: Pillow.Image, layout: Layout, *, lossless: bool, icc_profile: bytes | None
) -> Iterator[bytes]:
    """All tiles in order. Level 0 of a file that lost nothing loses nothing either."""
    for level in range(layout.levels):
        columns, rows = layout.grid(level)
        for row, column in product(range(rows), range(columns)):
            left, top = column * SIDE, row * SIDE
            tile = pixels.crop((left, top, min(left + SIDE, pixels.width), min(top + SIDE, pixels.height)))
            yield _encode(tile, level, lossless=lossless, icc_profile=icc_profile)
        pixels = pixels.reduce(2)


def _encode(tile: Pillow.Image, level: int, *, lossless: bool, icc_profile: bytes | None) -> bytes:
    target = io.BytesIO()
    if level == 0 and lossless:
        tile.save(target, "PNG", compress_level=1, icc_profile=icc_profile)
    else:
        quality = SMALL_QUALITY if level else FULL_QUALITY
        tile.save(target, "JPEG", quality=quality, subsampling=0, icc_profile=icc_profile)
    return target.getvalue()
