"""Components, holes and outlines against scipy and against the pixels themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask
from scipy import ndimage

from annotator import mask_shapes
from annotator.mask_shapes import Polygon, components, fill_holes, from_polygons, polygons, remove_specks
from annotator.masks import MaskError, encode

bitmaps = arrays.arrays(
    np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 1)
)
EIGHT = np.ones((3, 3))


def ring_area(ring: np.ndarray) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2


def filled(polygon: Polygon, shape: tuple[int, int]) -> np.ndarray:
    """Even-odd at pixel centres: each vertical edge toggles the pixels to its right."""
    toggles = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    for ring in (polygon.outer, *polygon.holes):
        for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            assert (ax == bx) != (ay == by), "edges are horizontal or vertical and never empty"
            if ax == bx:
                toggles[min(ay, by) : max(ay, by), ax] += 1
    return (np.cumsum(toggles, axis=1)[:, :-1] % 2).astype(bool)


@given(bitmap=bitmaps)
@settings(deadline=None, max_examples=300)
def test_outlines_are_exact(bitmap: np.ndarray) -> None:
    labels, count = ndimage.label(bitmap)
    found = polygons(encode(bitmap))
    assert len(found) == count
    total = np.zeros(bitmap.shape, dtype=int)
    for polygon in found:
        area = filled(polygon, bitmap.shape)
        part = np.unique(labels[area])
        assert part.size == 1
        assert np.array_equal(area, labels == part[0])
        assert ring_area(polygon.outer) + sum(map(ring_area, polygon.holes)) == area.sum()
        assert ring_area(polygon.outer) > 0
        assert all(ring_area(hole) < 0 for hole in polygon.holes)
        total += area
    assert np.array_equal(total, bitmap)


def test_nested_rings_belong_to_their_part() -> None:
    bitmap = np.ones((9, 9), np.uint8)
    bitmap[1:8, 1:8] = 0
    bitmap[3:6, 3:6] = 1
    bitmap[4, 4] = 0
    found = polygons(encode(bitmap))
    assert [(len(polygon.outer), len(polygon.holes)) for polygon in found] == [(4, 1), (4, 1)]
    corners = [{tuple(corner) for corner in polygon.holes[0].tolist()} for polygon in found]
    assert corners == [{(1, 1), (8, 1), (8, 8), (1, 8)}, {(4, 4), (5, 4), (5, 5), (4, 5)}]


@given(bitmap=bitmaps)
@settings(deadline=None, max_examples=200)
def test_components_and_holes_agree_with_scipy(bitmap: np.ndarray) -> None:
    labels, areas = components(bitmap)
    expected, count = ndimage.label(bitmap, EIGHT)
    assert areas.tolist() == np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist()
    assert areas.size == count
    assert ((labels > 0) == (expected > 0)).all()
    assert np.array_equal(fill_holes(bitmap), ndimage.binary_fill_holes(bitmap))


@given(bitmap=bitmaps, below=st.integers(0, 12))
@settings(deadline=None, max_examples=150)
def test_small_holes_and_specks(bitmap: np.ndarray, below: int) -> None:
    holes = ndimage.binary_fill_holes(bitmap) & (bitmap == 0)
    labels, _ = ndimage.label(holes)
    sizes = np.bincount(labels.ravel())
    expected = (bitmap == 1) | (holes & (sizes < below)[labels])
    assert np.array_equal(fill_holes(bitmap, below=below), expected)
    kept = remove_specks(bitmap, below=below)
    assert (kept <= bitmap).all()
    assert kept.any() == bitmap.any()
    left = np.sort(components(kept)[1])[::-1]
    before = np.sort(components(bitmap)[1])[::-1]
    assert left.tolist() == [area for rank, area in enumerate(before) if rank == 0 or area >= below]


def test_polygons_are_rasterised_as_pycocotools_does() -> None:
    rings = [[2.5, 1, 17.25, 3, 12, 18.5, 4, 14], [1, 15, 5, 15, 5, 19.9, 1, 19]]
    expected = coco_mask.merge(coco_mask.frPyObjects(rings, 20, 24))
    assert from_polygons(rings, height=20, width=24).counts == expected["counts"].decode()


def test_holes_survive_where_polygons_lose_them() -> None:
    bitmap = np.zeros((40, 40), np.uint8)
    cv2.circle(bitmap, (20, 20), 15, 1, -1)
    cv2.circle(bitmap, (20, 20), 6, 0, -1)
    (polygon,) = polygons(encode(bitmap))
    assert len(polygon.holes) == 1


@pytest.mark.parametrize(
    "rings",
    [
        None,
        [],
        "0,0,1,1,2,2",
        [0, 0, 4, 0, 4, 4],
        [[0, 0, 4, 0]],
        [[0, 0, 4, 0, 4]],
        [[0, 0, 4, 0, 4, "4"]],
        [[0, 0, 4, 0, 4, True]],
        [[0, 0, 4, 0, 4, float("nan")]],
        [[0, 0, 4, 0, 4, float("inf")]],
        [[0, 0, 4, 0, 4, 1e9]],
        [[0, 0, 4, 0, 4, 10**400]],
        [[0, 0, 4, 0, 4, 4], None],
    ],
)
def test_malformed_polygons_are_refused(rings: object) -> None:
    with pytest.raises(MaskError):
        from_polygons(rings, height=8, width=8)


def test_endless_outlines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_shapes, "MAX_OUTLINE", 100)
    with pytest.raises(MaskError, match="longer than"):
        from_polygons([[0, 0, 8, 8] * 10], height=8, width=8)


@given(
    rings=st.lists(
        st.lists(st.floats(allow_nan=True, width=32) | st.integers(-9, 20), max_size=12), max_size=3
    )
)
@settings(deadline=None, max_examples=300)
def test_fuzzed_polygons_do_not_crash(rings: list[list[float]]) -> None:
    try:
        rle = from_polygons(rings, height=9, width=11)
    except MaskError:
        return
    assert rle.runs.sum() == 99
