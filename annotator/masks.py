"""Binary masks as COCO run-length encoding: parsing, bitmaps, measurements, set operations.

A mask is an `Rle`: run lengths over the pixels in column-major order (down the first column, then the second),
background first. Everything here is pure NumPy on run lengths, so the cost follows the outline of the object and
not the size of the image; only `decode` and `encode` touch pixels. pycocotools crashes the process on malformed
input, so `parse_rle` checks every value first; what leaves this module is canonical and safe for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PIXELS = 2**30
"""Largest height × width accepted; well below the 2**32 at which pycocotools' counters wrap."""

MAX_COUNTS_LENGTH = 32 * 2**20
"""Longest compressed counts string (characters) and longest run list that is looked at."""

MAX_CHARS_PER_RUN = 7
"""Five bits a character: seven hold ±2**34, more than any difference of two runs within MAX_PIXELS."""

Runs = NDArray[np.int64]


class MaskError(ValueError):
    """A mask that cannot be used. `field` names the offending member ("size", "counts", "segmentation")."""

    def __init__(self, message: str, *, field: str = "segmentation") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, eq=False)
class Rle:
    """One mask of `height` × `width` pixels.

    `runs` is int64, read-only and canonical: background first (the only run that may be 0), no other zero
    runs, summing to height × width. Equal masks therefore have equal runs.
    """

    height: int
    width: int
    runs: Runs = field(repr=False)
    _counts: str | None = field(default=None, init=False, repr=False)

    @property
    def area(self) -> int:
        """Number of foreground pixels."""
        return int(self.runs[1::2].sum())

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        """Tight box (x, y, width, height) in pixels; (0, 0, 0, 0) for an empty mask."""
        return _bbox(self)

    @property
    def counts(self) -> str:
        """COCO's compressed string, character for character what pycocotools writes."""
        counts = self._counts
        if counts is None:
            counts = _compress(self.runs)
            object.__setattr__(self, "_counts", counts)  # the mask stays what it is
        return counts

    def to_coco(self) -> dict[str, Any]:
        """`{"size": [height, width], "counts": str}`, ready for JSON and for pycocotools."""
        return {"size": [self.height, self.width], "counts": self.counts}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rle):
            return NotImplemented
        return (self.height, self.width) == (other.height, other.width) and np.array_equal(
            self.runs, other.runs
        )

    def __hash__(self) -> int:
        return hash((self.height, self.width, self.runs.tobytes()))


def parse_rle(segmentation: object) -> Rle:
    """Check untrusted COCO RLE and return it in canonical form.

    `segmentation` is a mapping with exactly "size" `[height, width]` and "counts": a compressed string (str or
    ASCII bytes) or a list of run lengths. Raises MaskError for anything else: other types, characters outside
    the alphabet of COCO, a truncated number, a negative run, runs that do not add up to height × width.
    """
    if not isinstance(segmentation, Mapping):
        raise MaskError(f"A mask must be an object with size and counts, not {type(segmentation).__name__}.")
    if set(segmentation) != {"size", "counts"}:
        names = ", ".join(sorted(str(key) for key in segmentation)) or "nothing"
        raise MaskError(f"A mask must have exactly the members size and counts; it has {names}.")
    height, width = parse_size(segmentation["size"])
    return rle_from_runs(_read_counts(segmentation["counts"]), height=height, width=width)


def parse_counts(counts: str, *, height: int, width: int) -> Rle:
    """The mask of a compressed counts string and its size in pixels; raises MaskError like `parse_rle`."""
    height, width = parse_size([height, width])
    return rle_from_runs(_read_counts(counts), height=height, width=width)


def parse_size(size: object) -> tuple[int, int]:
    """(height, width) from `[height, width]`; raises MaskError unless both are positive and small enough."""
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(_is_integer(side) for side in size):
        raise MaskError("size must be [height, width], two whole numbers.", field="size")
    height, width = int(size[0]), int(size[1])
    if height < 1 or width < 1:
        raise MaskError(f"size must be positive; it is {height} × {width}.", field="size")
    if height * width > MAX_PIXELS:
        raise MaskError(f"size {height} × {width} exceeds the limit of {MAX_PIXELS} pixels.", field="size")
    return height, width


def rle_from_runs(runs: Runs, *, height: int, width: int) -> Rle:
    """Canonical Rle of run lengths (background first); MaskError if one is negative or the sum is wrong."""
    if runs.size and int(runs.min()) < 0:
        position = int(np.argmin(runs))
        raise MaskError(
            f"counts holds a negative run ({int(runs[position])} at position {position}).", field="counts"
        )
    # Bounding every run first keeps the sum far from int64's limit.
    longest = int(runs.max()) if runs.size else 0
    total = int(runs.sum()) if longest <= height * width else longest
    if total != height * width:
        raise MaskError(
            f"counts covers {total} pixels, but {height} × {width} has {height * width}.", field="counts"
        )
    return Rle(height, width, _canonical(runs))


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _read_counts(counts: object) -> Runs:
    if isinstance(counts, str):
        if not counts.isascii():
            raise MaskError("counts holds a character outside COCO's alphabet.", field="counts")
        return _decompress(counts.encode("ascii"))
    if isinstance(counts, bytes):
        return _decompress(counts)
    if isinstance(counts, (list, tuple)):
        return _runs_from_list(counts)
    raise MaskError(f"counts must be text or a list of runs, not {type(counts).__name__}.", field="counts")


def _runs_from_list(counts: list[Any] | tuple[Any, ...]) -> Runs:
    if len(counts) > MAX_COUNTS_LENGTH:
        raise MaskError(f"counts holds {len(counts)} runs, more than {MAX_COUNTS_LENGTH}.", field="counts")
    for position, run in enumerate(counts):
        if not _is_integer(run) or not -MAX_PIXELS <= run <= MAX_PIXELS:
            raise MaskError(
                f"counts[{position}] is not a usable run length: {str(run)[:40]}.", field="counts"
            )
    return np.asarray(counts, dtype=np.int64)


def _decompress(text: bytes) -> Runs:
    """Run lengths of COCO's string: little-endian groups of 5 bits, 0x20 = more follows, 0x10 in the last =
    negative; from the fourth number on each is the difference to the one two places earlier."""
    if len(text) > MAX_COUNTS_LENGTH:
        raise MaskError(f"counts has {len(text)} characters, more than {MAX_COUNTS_LENGTH}.", field="counts")
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return codes
    wrong = np.flatnonzero((codes < 0) | (codes > 63))
    if wrong.size:
        raise MaskError(
            f"counts holds a character outside COCO's alphabet at position {int(wrong[0])}.", field="counts"
        )
    last = np.flatnonzero((codes & 0x20) == 0)
    if last.size == 0 or last[-1] != codes.size - 1:
        raise MaskError("counts ends in the middle of a number.", field="counts")
    first = np.concatenate(([0], last[:-1] + 1))
    lengths = last - first + 1
    if int(lengths.max()) > MAX_CHARS_PER_RUN:
        raise MaskError("counts holds a number that is too large.", field="counts")
    place = np.arange(codes.size) - np.repeat(first, lengths)
    numbers = np.add.reduceat((codes & 0x1F) << (5 * place), first)
    numbers -= ((codes[last] >> 4) & 1) << (5 * lengths)  # two's complement: a set top bit weighs −2**bits
    # Differences run separately over odd and even positions, and the very first number takes no part.
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def _compress(runs: Runs) -> str:
    numbers = runs.copy()
    numbers[3:] -= runs[1:-2]
    # One character per 5 bits of magnitude plus sign: n characters hold −2**(5n−1) … 2**(5n−1) − 1.
    magnitude = np.where(numbers < 0, ~numbers, numbers)
    lengths = np.ones(numbers.size, dtype=np.int64)
    longest = int(magnitude.max(initial=0)).bit_length() // 5 + 1
    for extra in range(1, longest):
        lengths += magnitude >= 1 << (5 * extra - 1)
    first = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum())) - np.repeat(first, lengths)
    codes = (np.repeat(numbers, lengths) >> (5 * place)) & 0x1F
    codes[place < np.repeat(lengths, lengths) - 1] |= 0x20
    return (codes + 48).astype(np.uint8).tobytes().decode("ascii")


def _canonical(runs: Runs) -> Runs:
    """The same pixels without zero runs (except a leading one), as a read-only array."""
    if (runs[1:] == 0).any():
        ends = np.cumsum(runs)
        # A boundary visited an odd number of times changes colour; an even number cancels out.
        positions, visits = np.unique(ends[:-1], return_counts=True)
        changes = positions[(visits % 2 == 1) & (positions < ends[-1])]
        runs = np.diff(np.concatenate(([0], changes, ends[-1:])))
    runs = np.array(runs, dtype=np.int64)
    runs.flags.writeable = False
    return runs


def _bbox(rle: Rle) -> tuple[int, int, int, int]:
    edges = np.cumsum(rle.runs)
    ends = edges[1::2]  # exclusive
    starts = edges[0::2][: ends.size]
    if starts.size == 0:
        return (0, 0, 0, 0)
    left, top = np.divmod(starts, rle.height)
    right, bottom = np.divmod(ends - 1, rle.height)
    x0, x1 = int(left[0]), int(right[-1])
    if (left != right).any():  # a run that continues into the next column covers the top and bottom row
        y0, y1 = 0, rle.height - 1
    else:
        y0, y1 = int(top.min()), int(bottom.max())
    return (x0, y0, x1 - x0 + 1, y1 - y0 + 1)


def encode(bitmap: NDArray[Any]) -> Rle:
    """The mask of a bitmap of shape (height, width), bool or any integer type; non-zero is foreground."""
    if bitmap.ndim != 2 or bitmap.dtype.kind not in "bui":
        raise MaskError(f"A bitmap must be 2-D and boolean or integer, not {bitmap.dtype} {bitmap.shape}.")
    height, width = parse_size(bitmap.shape)
    if bitmap.dtype != np.bool_:
        bitmap = bitmap != 0
    columns = np.flatnonzero(bitmap.any(axis=0))
    if columns.size == 0:
        return Rle(height, width, _canonical(np.array([height * width])))
    # Only the occupied columns are turned to column-major order: most masks are small beside their image.
    x0, x1 = int(columns[0]), int(columns[-1]) + 1
    flat = np.ascontiguousarray(bitmap[:, x0:x1].T).reshape(-1)  # (x1 − x0, height) → pixels in COCO order
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = [x0 * height] if flat[0] else []
    tail = [x1 * height] if flat[-1] and x1 < width else []
    bounds = np.concatenate(([0], edges, changes + x0 * height, tail, [height * width])).astype(np.int64)
    return Rle(height, width, _canonical(np.diff(bounds)))


def decode(rle: Rle) -> NDArray[np.uint8]:
    """Bitmap of shape (height, width), uint8, 0 or 1, in column-major memory order like pycocotools' own."""
    values = np.zeros(rle.runs.size, dtype=np.uint8)
    values[1::2] = 1
    return np.repeat(values, rle.runs).reshape(rle.width, rle.height).T  # (w, h) column-major → (h, w)


def union(first: Rle, second: Rle) -> Rle:
    """Pixels in either mask; raises MaskError when the sizes differ."""
    return _combine(first, second, np.logical_or)


def intersection(first: Rle, second: Rle) -> Rle:
    """Pixels in both masks; raises MaskError when the sizes differ."""
    return _combine(first, second, np.logical_and)


def difference(first: Rle, second: Rle) -> Rle:
    """Pixels in `first` and not in `second`; raises MaskError when the sizes differ."""
    return _combine(first, second, np.greater)


def iou(first: Rle, second: Rle) -> float:
    """Intersection over union, 0–1; two empty masks give 1. Raises MaskError when the sizes differ."""
    shared = intersection(first, second).area
    total = first.area + second.area - shared
    return shared / total if total else 1.0


def _combine(first: Rle, second: Rle, operation: Callable[..., NDArray[np.bool_]]) -> Rle:
    if (first.height, first.width) != (second.height, second.width):
        raise MaskError(
            f"Masks of different sizes cannot be combined: {first.height} × {first.width} and "
            f"{second.height} × {second.width}.",
            field="size",
        )
    ends_first, ends_second = np.cumsum(first.runs), np.cumsum(second.runs)
    ends = np.union1d(ends_first, ends_second)
    starts = np.concatenate(([0], ends[:-1]))
    # A pixel's colour is the parity of the runs that ended at or before it.
    inside_first = np.searchsorted(ends_first, starts, side="right") % 2 == 1
    inside_second = np.searchsorted(ends_second, starts, side="right") % 2 == 1
    inside = operation(inside_first, inside_second)
    changes = starts[np.flatnonzero(inside != np.concatenate(([False], inside[:-1])))]
    bounds = np.concatenate(([0], changes, [first.height * first.width]))
    return Rle(first.height, first.width, _canonical(np.diff(bounds)))
