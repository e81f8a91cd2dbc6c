"""Small image files, good and bad, made in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def pixels(width: int = 40, height: int = 24) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W, 3) with a colour ramp and a marked upper left corner."""
    y, x = np.mgrid[0:height, 0:width]
    grid = np.stack([x * 255 // width, y * 255 // height, 128 + 0 * x], axis=-1).astype(np.uint8)
    grid[: height // 3, : width // 3] = (255, 0, 0)
    return grid


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def picture(form: str = "PNG", width: int = 40, height: int = 24, **options: Any) -> bytes:
    return encode(Image.fromarray(pixels(width, height)), form, **options)


def rotated_jpeg(orientation: int) -> bytes:
    """A JPEG whose EXIF orientation makes it upright `pixels()` again."""
    upright = Image.fromarray(pixels(48, 32))
    undo: dict[int, list[Image.Transpose]] = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    for step in undo[orientation]:
        upright = upright.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "Test camera"
    return encode(upright, "JPEG", exif=exif, quality=95, subsampling=0)


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and ends after a few bytes of data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64))


def animation(form: str, frames: int = 3) -> bytes:
    images = [Image.new("RGB", (20, 20), (40 * i, 0, 90)) for i in range(frames)]
    return encode(images[0], form, save_all=True, append_images=images[1:])
