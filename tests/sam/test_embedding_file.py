from __future__ import annotations

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from annotator.sam.embedding_file import in_whole_numbers, of_crop, pack_embedding, unpack_embedding

EMBEDDING = np.random.default_rng(0).standard_normal((4, 3, 2)).astype(np.float32)


def _packed(array: NDArray[np.floating] = EMBEDDING) -> bytes:
    return pack_embedding(
        array, model_digest="m" * 64, image_sha256="i" * 64, input_size=(85, 128), original_size=(150, 225)
    )


def test_round_trip() -> None:
    file = unpack_embedding(_packed())
    assert np.array_equal(file.embedding, EMBEDDING.astype(np.float16))
    assert (file.model_digest, file.image_sha256) == ("m" * 64, "i" * 64)
    assert (file.input_size, file.original_size) == ((85, 128), (150, 225))


def test_equal_embeddings_are_equal_files() -> None:
    assert _packed() == _packed(EMBEDDING.copy())


def test_the_library_reads_it() -> None:
    data = _packed()
    assert np.array_equal(safetensors.numpy.load(data)["embedding"], EMBEDDING.astype(np.float16))
    (length,) = struct.unpack_from("<Q", data)
    assert (8 + length) % 8 == 0
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    assert metadata == {
        "format": "annotator-embedding-1",
        "model_digest": "m" * 64,
        "image_sha256": "i" * 64,
        "input_size": "85,128",
        "original_size": "150,225",
    }


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((1, 4, 3, 2)), "three axes"),
        (np.full((1, 1, 1), np.nan), "not finite"),
        (np.full((1, 1, 1), np.inf), "not finite"),
    ],
)
def test_unusable_arrays_are_refused(array: NDArray[np.floating], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _packed(array)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "header"),
        (b"\x00" * 40, "header"),
        (_packed()[:30], "header"),
        (_packed()[:-1], "47 bytes"),
        (_packed() + b"\x00", "49 bytes"),
        (_packed().replace(b"annotator-embedding-1", b"annotator-embedding-2"), "embedding-2"),
        (_packed().replace(b'"F16"', b'"F32"'), "F32"),
        (_packed().replace(b"[4,3,2]", b"[4,3,3]"), r"\(4, 3, 3\)"),
        (safetensors.numpy.save({"embedding": EMBEDDING}), "header"),
    ],
)
def test_damaged_and_foreign_files_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack_embedding(data)


def test_needs_neither_torch_nor_flask() -> None:
    code = (
        "import sys; from annotator.sam.embedding_file import pack_embedding; "
        "assert not {'torch', 'flask', 'sqlalchemy'} & set(sys.modules); print('clean')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "clean"


def test_an_embedding_of_a_part_says_which() -> None:
    whole = unpack_embedding(_packed())
    part = unpack_embedding(of_crop(_packed(), (10, 20, 235, 170)))
    assert whole.crop_box is None
    assert part.crop_box == (10, 20, 235, 170)
    assert np.array_equal(part.embedding, whole.embedding)
    assert (part.original_size, part.image_sha256) == (whole.original_size, whole.image_sha256)


def test_whole_numbers_lose_at_most_half_a_step() -> None:
    data = in_whole_numbers(_packed())
    file = unpack_embedding(data)
    steps = np.abs(EMBEDDING).max(axis=(1, 2)) / 127
    error = np.abs(file.embedding.astype(np.float32) - EMBEDDING.astype(np.float16).astype(np.float32))
    assert (error <= steps[:, None, None] * 0.51 + 2e-3).all()
    assert (file.model_digest, file.original_size) == ("m" * 64, (150, 225))
    stored = safetensors.numpy.load(data)
    assert (stored["embedding"].dtype, stored["scales"].shape) == (np.int8, (4,))
    assert np.abs(stored["embedding"]).max() == 127
    part = unpack_embedding(in_whole_numbers(of_crop(_packed(), (1, 2, 3, 4))))
    assert part.crop_box == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="offsets"):
        unpack_embedding(data[:-1])


def test_a_channel_of_nothing_stays_nothing() -> None:
    assert not unpack_embedding(in_whole_numbers(_packed(np.zeros((2, 3, 2))))).embedding.any()
