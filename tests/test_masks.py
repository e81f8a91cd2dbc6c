"""Masks against pycocotools, and everything malformed refused before pycocotools could see it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from annotator import masks
from annotator.masks import MaskError, decode, encode, parse_counts, parse_rle

ALPHABET = "".join(chr(code) for code in range(48, 112))

bitmaps = arrays.arrays(
    np.uint8,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=24),
    elements=st.integers(0, 1),
    fill=st.sampled_from([0, 1]),
)


def reference(bitmap: np.ndarray) -> dict:
    return coco_mask.encode(np.asfortranarray(bitmap))


@st.composite
def same_size_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=20))
    grid = arrays.arrays(np.uint8, shape, elements=st.integers(0, 1))
    return draw(grid), draw(grid)


@given(bitmap=bitmaps)
@settings(deadline=None, max_examples=300)
def test_agrees_with_pycocotools(bitmap: np.ndarray) -> None:
    rle, expected = encode(bitmap), reference(bitmap)
    assert rle.counts == expected["counts"].decode()
    assert rle.area == coco_mask.area(expected) == int(bitmap.sum())
    assert list(rle.bbox) == coco_mask.toBbox(expected).tolist()
    parsed = parse_rle({"size": expected["size"], "counts": expected["counts"]})
    assert parsed == rle
    assert np.array_equal(decode(parsed), bitmap)
    assert np.array_equal(coco_mask.decode(parsed.to_coco()), bitmap)


@given(pair=same_size_pairs())
@settings(deadline=None, max_examples=200)
def test_set_operations_are_the_pixelwise_ones(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = map(encode, pair)
    one, two = pair[0] == 1, pair[1] == 1
    assert masks.union(first, second) == encode(one | two)
    assert masks.intersection(first, second) == encode(one & two)
    assert masks.difference(first, second) == encode(one & ~two)
    expected = (one & two).sum() / (one | two).sum() if (one | two).any() else 1.0
    assert masks.iou(first, second) == pytest.approx(expected, abs=1e-12)


@given(bitmap=bitmaps, data=st.data())
@settings(deadline=None, max_examples=150)
def test_any_spelling_of_the_same_pixels_becomes_canonical(bitmap: np.ndarray, data: st.DataObject) -> None:
    rle = encode(bitmap)
    runs = rle.runs.tolist()
    for _ in range(data.draw(st.integers(0, 4))):  # split a run by an empty one of the other colour
        place = data.draw(st.integers(0, len(runs) - 1))
        cut = data.draw(st.integers(0, runs[place]))
        runs[place : place + 1] = [cut, 0, runs[place] - cut]
    spelled = parse_rle({"size": list(bitmap.shape), "counts": runs})
    assert spelled == rle
    assert hash(spelled) == hash(rle)
    assert spelled.counts == rle.counts


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (600, 400)])
@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full(shape: tuple[int, int], value: int) -> None:
    rle = encode(np.full(shape, value, dtype=np.uint8))
    assert rle.area == value * shape[0] * shape[1]
    assert rle.bbox == ((0, 0, shape[1], shape[0]) if value else (0, 0, 0, 0))
    assert rle.counts == reference(np.full(shape, value, dtype=np.uint8))["counts"].decode()


@pytest.mark.parametrize("shape", [(1500, 2250), (4000, 6000)])
def test_large_masks(shape: tuple[int, int]) -> None:
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    bitmap = ((xs - shape[1] / 2) ** 2 + (ys - shape[0] / 2) ** 2 < (shape[0] / 3) ** 2).astype(np.uint8)
    bitmap[:: shape[0] // 37, :: shape[1] // 91] ^= 1
    rle = encode(bitmap)
    assert rle.counts == reference(bitmap)["counts"].decode()
    assert np.array_equal(decode(parse_rle(rle.to_coco())), bitmap)


def test_long_runs_need_six_characters() -> None:
    size = 2**28
    rle = parse_rle({"size": [2**14, 2**14], "counts": [1, size - 2, 1]})
    expected = coco_mask.frPyObjects({"size": [2**14, 2**14], "counts": [1, size - 2, 1]}, 2**14, 2**14)
    assert rle.counts == expected["counts"].decode()
    assert parse_rle(rle.to_coco()) == rle


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_bitmap_types_and_layouts(dtype: type) -> None:
    bitmap = np.zeros((5, 8), dtype=dtype)
    bitmap[1:3, 2:7] = 1
    assert encode(bitmap) == encode(np.asfortranarray(bitmap)) == encode(bitmap[:, ::-1][:, ::-1])
    assert encode(bitmap).bbox == (2, 1, 5, 2)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((2, 2, 1), np.uint8), np.zeros((0, 4), np.uint8)])
def test_encode_refuses_what_is_not_a_bitmap(bad: np.ndarray) -> None:
    with pytest.raises(MaskError):
        encode(bad)


def test_sizes_must_agree() -> None:
    with pytest.raises(MaskError, match="different sizes"):
        masks.union(encode(np.ones((2, 3), bool)), encode(np.ones((3, 2), bool)))


def test_runs_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        encode(np.ones((2, 2), bool)).runs[0] = 1


@pytest.mark.parametrize(
    ("segmentation", "field"),
    [
        (None, "segmentation"),
        ("04", "segmentation"),
        ([], "segmentation"),
        ({}, "segmentation"),
        ({"size": [2, 2]}, "segmentation"),
        ({"size": [2, 2], "counts": "04", "more": 1}, "segmentation"),
        ({"size": None, "counts": "04"}, "size"),
        ({"size": [2], "counts": "04"}, "size"),
        ({"size": [2, 2, 2], "counts": "04"}, "size"),
        ({"size": [2.0, 2], "counts": "04"}, "size"),
        ({"size": [True, 4], "counts": "04"}, "size"),
        ({"size": ["2", 2], "counts": "04"}, "size"),
        ({"size": [0, 2], "counts": "0"}, "size"),
        ({"size": [-2, -2], "counts": "04"}, "size"),
        ({"size": [2**40, 2**40], "counts": "04"}, "size"),
        ({"size": [2, 2], "counts": None}, "counts"),
        ({"size": [2, 2], "counts": 4}, "counts"),
        ({"size": [2, 2], "counts": {"0": 4}}, "counts"),
        ({"size": [2, 2], "counts": ""}, "counts"),
        ({"size": [2, 2], "counts": []}, "counts"),
        ({"size": [2, 2], "counts": "0"}, "counts"),
        ({"size": [2, 2], "counts": "05"}, "counts"),
        ({"size": [2, 2], "counts": "03"}, "counts"),
        ({"size": [2, 2], "counts": "0 4"}, "counts"),
        ({"size": [2, 2], "counts": "04\x00"}, "counts"),
        ({"size": [2, 2], "counts": "04p"}, "counts"),
        ({"size": [2, 2], "counts": "０４"}, "counts"),
        ({"size": [2, 2], "counts": b"0\xff"}, "counts"),
        ({"size": [2, 2], "counts": "0T"}, "counts"),
        ({"size": [2, 2], "counts": "ooooooooooooooooo"}, "counts"),
        ({"size": [2, 2], "counts": "o" * 7 + "?"}, "counts"),
        ({"size": [2, 2], "counts": "O5"}, "counts"),
        ({"size": [2, 2], "counts": [4.0]}, "counts"),
        ({"size": [2, 2], "counts": [True, 3]}, "counts"),
        ({"size": [2, 2], "counts": ["4"]}, "counts"),
        ({"size": [2, 2], "counts": [5, -1]}, "counts"),
        ({"size": [2, 2], "counts": [10**30]}, "counts"),
        ({"size": [2, 2], "counts": [-(10**30)]}, "counts"),
        ({"size": [2, 2], "counts": [2**30] * 64}, "counts"),
    ],
)
def test_malformed_is_refused_by_name(segmentation: object, field: str) -> None:
    with pytest.raises(MaskError) as caught:
        parse_rle(segmentation)
    assert caught.value.field == field
    assert str(caught.value)


def test_oversized_counts_are_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MAX_COUNTS_LENGTH", 3)
    for counts in ("0000", [0, 0, 0, 4]):
        with pytest.raises(MaskError, match="more than 3"):
            parse_rle({"size": [2, 2], "counts": counts})


@given(
    counts=st.one_of(st.text(ALPHABET, max_size=40), st.text(max_size=20), st.binary(max_size=40)),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
)
@settings(deadline=None, max_examples=500)
def test_fuzz_refused_or_safe(counts: str | bytes, height: int, width: int) -> None:
    """Whatever passes the parser decodes in pycocotools, in this very process."""
    try:
        rle = parse_rle({"size": [height, width], "counts": counts})
    except MaskError:
        return
    assert np.array_equal(coco_mask.decode(rle.to_coco()), decode(rle))


@given(bitmap=bitmaps, data=st.data())
@settings(deadline=None, max_examples=300)
def test_fuzz_one_character_changed(bitmap: np.ndarray, data: st.DataObject) -> None:
    counts = encode(bitmap).counts
    place = data.draw(st.integers(0, len(counts) - 1))
    mutated = counts[:place] + data.draw(st.sampled_from(["", *ALPHABET])) + counts[place + 1 :]
    try:
        rle = parse_counts(mutated, height=bitmap.shape[0], width=bitmap.shape[1])
    except MaskError:
        return
    assert np.array_equal(coco_mask.decode({"size": list(bitmap.shape), "counts": mutated}), decode(rle))
