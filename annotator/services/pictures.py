"""Uploaded bytes → an upright 8-bit RGB picture, or a reason why not. Pure: no database, no storage.

The kind of file is judged by its content. Sizes are read from the header and checked before anything is decoded,
because a small file can announce a huge picture.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageCms, ImageOps
from PIL import Image as Pillow

from annotator.errors import InvalidInput

# Pillow's own limit cannot be lowered per call and only warns at first; `_check_size` decides instead.
Pillow.MAX_IMAGE_PIXELS = None

SUFFIXES = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "PNG": ("png",),
    "WEBP": ("webp",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
}
MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Formats that are recognised only to say why they are refused.
RECOGNISED = (*SUFFIXES, "GIF", "ICO", "PSD")
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"BM", b"GIF8")
ACCEPTED = "JPEG, PNG, WebP, TIFF or BMP"
MAX_ASPECT = 200
MAX_NAME = 255
LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5

# Decoding is the memory peak of a request; two at a time bound it however many requests come.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Limits:
    """Largest accepted side and area, in pixels."""

    side: int
    pixels: int


@dataclass(frozen=True)
class Picture:
    """`pixels` is upright RGB; `original` says that the uploaded bytes show exactly these pixels in a browser."""

    pixels: Pillow.Image
    format: str
    original: bool
    exif: dict[str, Any]
    icc_profile: bytes | None


def check_name(name: str) -> str:
    """The file name if it is a plain one. Raises InvalidInput for paths, control characters and absurd lengths."""
    if not name.strip():
        raise InvalidInput("The file has no name.", code="bad_name")
    if "/" in name or "\\" in name or name.strip() in (".", ".."):
        raise InvalidInput("The name contains a path; send the bare file name.", code="bad_name")
    if not name.isprintable() or len(name) > MAX_NAME:
        raise InvalidInput(f"The name must be printable and at most {MAX_NAME} characters.", code="bad_name")
    return name


def open_picture(file: IO[bytes], name: str, limits: Limits) -> Picture:
    """Decode `file` (seekable, at its start). Raises InvalidInput whose message says what is wrong with it."""
    with warnings.catch_warnings():
        # Warnings about odd metadata say nothing about the pixels.
        warnings.simplefilter("ignore")
        image = _identify(file)
        _check_suffix(name, image.format or "")
        _check_size(image.size, limits)
        _check_single(image)
        with _decoding:
            return _decode(image, file)


def _identify(file: IO[bytes]) -> Pillow.Image:
    head = file.read(2048)
    file.seek(0)
    if not head:
        raise InvalidInput("The file is empty (0 bytes).", code="empty_file")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg")) or b"<svg" in text:
        raise InvalidInput(f"SVG drawings are not accepted; export a {ACCEPTED} file.", code="svg")
    try:
        image = Pillow.open(file, formats=RECOGNISED)
    except Exception as error:  # Pillow's parsers raise nearly anything on crafted headers
        if head.startswith(BEGINNINGS) or head[8:12] == b"WEBP":
            raise _damaged() from error
        raise InvalidInput(
            f"This is not an image that can be read; accepted are {ACCEPTED}.", code="not_an_image"
        ) from error
    if image.format == "MPO":  # a JPEG with more pictures behind the first, as many phones write it
        image.format = "JPEG"
    if image.format not in SUFFIXES:
        raise InvalidInput(f"{image.format} files are not accepted; convert it to {ACCEPTED}.", code="format")
    return image


def _check_suffix(name: str, kind: str) -> None:
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix and suffix not in SUFFIXES[kind]:
        raise InvalidInput(
            f"The name ends in .{suffix} but the content is {kind}; rename it to .{SUFFIXES[kind][0]} "
            "and upload it again.",
            code="wrong_extension",
        )


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidInput(f"The image says that it is {width} × {height} pixels.", code="bad_size")
    if max(size) > limits.side or width * height > limits.pixels:
        raise InvalidInput(
            f"The image is {width} × {height} pixels; at most {limits.side} per side and "
            f"{limits.pixels / 1e6:.0f} million in all are accepted. Scale it down or cut it into parts.",
            code="too_many_pixels",
        )
    if max(size) > MAX_ASPECT * min(size):
        raise InvalidInput(
            f"The image is {width} × {height} pixels; one side may be at most {MAX_ASPECT} times the other.",
            code="too_narrow",
        )


def _check_single(image: Pillow.Image) -> None:
    if image.format == "JPEG":
        return
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception as error:
        raise _damaged() from error
    if frames > 1 and image.format == "TIFF":
        raise InvalidInput(f"The file has {frames} pages; save one page per file.", code="multi_page")
    if frames > 1:
        raise InvalidInput(f"The file is an animation of {frames} frames; save one frame.", code="animated")


def _damaged() -> InvalidInput:
    return InvalidInput("The file is damaged or cut off; its pixels cannot be read.", code="damaged")


def _decode(image: Pillow.Image, file: IO[bytes]) -> Picture:
    kind = image.format or ""
    sixteen_bit = any("16" in str(tile[-1]) for tile in getattr(image, "tile", []))
    try:
        image.load()
        orientation, exif = _metadata(image)
        plain = image.mode in ("RGB", "L") and "transparency" not in image.info and not sixteen_bit
        original = kind in MIMES and plain and orientation == 1
        profile = image.info.get("icc_profile")
        deep = _deep_colours(file) if sixteen_bit and image.mode in ("RGB", "RGBA") else None
        pixels = _to_rgb(_upright(deep or image, orientation))
    except InvalidInput:
        raise
    except Exception as error:  # truncated data, broken compression, unsupported sample layouts
        raise _damaged() from error
    keeps_profile = isinstance(profile, bytes) and plain and image.mode == "RGB"
    return Picture(pixels, kind, original, exif, profile if keeps_profile else None)


def _metadata(image: Pillow.Image) -> tuple[int, dict[str, Any]]:
    """EXIF orientation (1–8) and the few fields that people look for. Broken metadata is no metadata."""
    try:
        tags = image.getexif()
        orientation = tags.get(ExifTags.Base.Orientation, 1)
        wanted = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.DateTime)
        exif = {tag.name: str(tags[tag]).strip("\0 ")[:200] for tag in wanted if tag in tags}
    except Exception:
        return 1, {}
    printable = {name: text for name, text in exif.items() if text.isprintable()}
    return orientation if orientation in range(1, 9) else 1, printable


def _upright(image: Pillow.Image, orientation: int) -> Pillow.Image:
    if orientation == 1:
        return image
    # A clean EXIF block, because a half-broken one would make the transposition fail after all.
    copy = image.copy()
    exif = Pillow.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    copy.info["exif"] = exif.tobytes()
    copy.getexif().load(copy.info["exif"])
    return ImageOps.exif_transpose(copy)


def _to_rgb(image: Pillow.Image) -> Pillow.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Pillow.fromarray(scale_to_bytes(np.asarray(image))).convert("RGB")
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Pillow.new("RGBA", layered.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")


def _deep_colours(file: IO[bytes]) -> Pillow.Image | None:
    """Colours of 16 bits per channel, scaled like greys; None where that cannot be read.

    Pillow keeps only the high byte of such files. It has decoded the same bytes before, so this sees no broken ones.
    """
    import cv2

    file.seek(0)
    values = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or values.shape[2] not in (3, 4):
        return None
    colours = scale_to_bytes(values[..., 2::-1])
    if values.shape[2] == 4:
        alpha = (values[..., 3:] >> 8).astype(np.uint8)
        return Pillow.fromarray(np.concatenate([colours, alpha], axis=-1), "RGBA")
    return Pillow.fromarray(colours)


def scale_to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values (H, W) or (H, W, 3) of any depth → uint8, the 0.5th percentile to 0 and the 99.5th to 255.

    Sensors rarely fill 16 bits, so the plain high byte would be nearly black. Values that are not finite become 0.
    """
    grey = np.asarray(values, np.float64)
    finite = np.isfinite(grey)
    if not finite.any():
        return np.zeros(grey.shape, np.uint8)
    low, high = np.percentile(grey[finite], (LOW_PERCENTILE, HIGH_PERCENTILE))
    if high <= low:
        low, high = float(grey[finite].min()), float(grey[finite].max())
    if high <= low:
        # One single value: show it at its place in the range that its type suggests.
        top = 1.0 if high <= 1 else 255.0 if high <= 255 else 65535.0
        low, high = 0.0, top
    scaled = np.where(finite, (grey - low) / (high - low), 0.0)
    return np.asarray(np.clip(scaled, 0, 1) * 255 + 0.5, np.uint8)


def _from_cmyk(image: Pillow.Image) -> Pillow.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # an unusable profile; the plain formula is still a picture
    return image.convert("RGB")


def encode_upright(picture: Picture) -> tuple[bytes, str]:
    """(bytes, mime) to store when the uploaded bytes themselves cannot be shown.

    A rotated JPEG becomes a JPEG of quality 95 without chroma subsampling, everything else a PNG without loss.
    """
    target = io.BytesIO()
    if picture.format == "JPEG" and picture.pixels.mode == "RGB":
        picture.pixels.save(
            target, "JPEG", quality=95, subsampling=0, icc_profile=picture.icc_profile, exif=b""
        )
        return target.getvalue(), MIMES["JPEG"]
    picture.pixels.save(target, "PNG", compress_level=3, icc_profile=picture.icc_profile, exif=b"")
    return target.getvalue(), MIMES["PNG"]


def encode_thumbnail(picture: Picture, side: int) -> bytes:
    """WebP whose longer side is at most `side` pixels."""
    small = picture.pixels.copy() if max(picture.pixels.size) <= side else picture.pixels
    small = small.convert("RGB")
    small.thumbnail((side, side), Pillow.Resampling.BICUBIC, reducing_gap=2.0)
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80, method=3)
    return target.getvalue()
