"""The embedding file: one tensor and what it belongs to, the same on disk, on the wire and in Python.

A safetensors file with the tensor "embedding" (C, h, w): float16, or int8 with a scale for each channel. It is written
here rather than by the library because the library orders metadata at random; equal embeddings are to be equal files.
Needs neither torch nor Flask.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FORMAT = "annotator-embedding-1"
ALIGNMENT = 8
SCALE_BYTES = 4


@dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """`embedding` is float16 (C, h, w); `input_size` is the resized image before padding, both sizes (H, W).

    Of a part of the image, `crop_box` is x0, y0, x1, y1 in its pixels, the right and bottom edge excluded, and
    `original_size` the size of that part.
    """

    embedding: NDArray[np.float16]
    model_digest: str
    image_sha256: str
    input_size: tuple[int, int]
    original_size: tuple[int, int]
    crop_box: tuple[int, int, int, int] | None = None


def pack_embedding(
    array: ArrayLike,
    *,
    model_digest: str,
    image_sha256: str,
    input_size: tuple[int, int],
    original_size: tuple[int, int],
    crop_box: tuple[int, int, int, int] | None = None,
) -> bytes:
    """The file's bytes for an embedding (C, h, w) of any float type, of the whole image or the part `crop_box`.

    Raises ValueError for another number of axes, and for values that float16 cannot hold.
    """
    values = np.ascontiguousarray(array, dtype="<f2")
    if values.ndim != 3:
        raise ValueError(f"an embedding has three axes (C, h, w), got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("the embedding holds values that are not finite in float16")
    metadata = {
        "format": FORMAT,
        "image_sha256": image_sha256,
        "input_size": _size_text(input_size),
        "model_digest": model_digest,
        "original_size": _size_text(original_size),
    }
    if crop_box is not None:
        metadata["crop_box"] = ",".join(str(int(edge)) for edge in crop_box)
    tensor = {"data_offsets": [0, values.nbytes], "dtype": "F16", "shape": list(values.shape)}
    return _file(metadata, {"embedding": tensor}, values.tobytes())


def _file(metadata: dict[str, str], tensors: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps({"__metadata__": metadata, **tensors}, sort_keys=True, separators=(",", ":")).encode(
        "ascii"
    )
    text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text + body


def in_whole_numbers(data: bytes) -> bytes:
    """The same embedding at half the size: int8 values with one float32 scale a channel, in a tensor "scales".

    A channel's largest value becomes ±127. Reading gives float16 again.
    """
    values = unpack_embedding(data).embedding.astype(np.float32)
    scales = np.maximum(np.abs(values).max(axis=(1, 2)), np.finfo(np.float32).tiny) / 127
    whole = np.rint(values / scales[:, None, None]).astype(np.int8)
    (length,) = struct.unpack_from("<Q", data)
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    begin, channels = SCALE_BYTES * len(scales), len(scales)
    tensors = {
        "embedding": {
            "data_offsets": [begin, begin + whole.nbytes],
            "dtype": "I8",
            "shape": list(whole.shape),
        },
        "scales": {"data_offsets": [0, begin], "dtype": "F32", "shape": [channels]},
    }
    return _file(metadata, tensors, scales.astype("<f4").tobytes() + whole.tobytes())


def _whole_values(body: bytes, shape: tuple[int, ...]) -> NDArray[np.float16]:
    scales = np.frombuffer(body, dtype="<f4", count=shape[0])
    whole = np.frombuffer(body, dtype=np.int8, offset=SCALE_BYTES * shape[0]).reshape(shape)
    return (whole * scales[:, None, None]).astype(np.float16)


def unpack_embedding(data: bytes) -> EmbeddingFile:
    """Reads what `pack_embedding` or `in_whole_numbers` wrote; raises ValueError saying what was expected and found."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        metadata, tensor = header["__metadata__"], header["embedding"]
        form, dtype, shape = metadata["format"], tensor["dtype"], tuple(tensor["shape"])
        begin, end = tensor["data_offsets"]
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not an embedding file: {type(error).__name__} {error} in its header") from None
    if form != FORMAT or dtype not in ("F16", "I8"):
        raise ValueError(f"expected format {FORMAT!r} in F16 or I8, found {form!r} in {dtype}")
    body = data[8 + length :]
    width = 2 if dtype == "F16" else 1
    start = 0 if dtype == "F16" else SCALE_BYTES * shape[0]
    if len(shape) != 3 or begin != start or end - begin != width * int(np.prod(shape)) or len(body) != end:
        raise ValueError(f"embedding of shape {shape} with offsets {[begin, end]} holds {len(body)} bytes")
    return EmbeddingFile(
        embedding=_whole_values(body, shape)
        if dtype == "I8"
        else np.frombuffer(body, dtype="<f2").reshape(shape),
        model_digest=metadata["model_digest"],
        image_sha256=metadata["image_sha256"],
        input_size=_size(metadata["input_size"]),
        original_size=_size(metadata["original_size"]),
        crop_box=_box(metadata.get("crop_box")),
    )


def of_crop(data: bytes, box: tuple[int, int, int, int]) -> bytes:
    """An embedding file made from the pixels of `box` alone, saying so."""
    file = unpack_embedding(data)
    return pack_embedding(
        file.embedding,
        model_digest=file.model_digest,
        image_sha256=file.image_sha256,
        input_size=file.input_size,
        original_size=file.original_size,
        crop_box=box,
    )


def _size_text(size: tuple[int, int]) -> str:
    return f"{int(size[0])},{int(size[1])}"


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    x0, y0, x1, y1 = map(int, text.split(","))
    return x0, y0, x1, y1


def _size(text: str) -> tuple[int, int]:
    height, width = text.split(",")
    return int(height), int(width)
