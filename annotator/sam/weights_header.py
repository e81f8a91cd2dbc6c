"""What a weights file says about itself, read without torch: the server looks at models it does not load."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

FORMAT = "annotator-model-1"
BUNDLED_WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "bundled.safetensors"
MAX_HEADER_BYTES = 64 * 2**20


@dataclass(frozen=True)
class WeightsHeader:
    """`metadata` of a safetensors file, and the file size in bytes that its tensors add up to."""

    metadata: dict[str, str]
    expected_bytes: int

    @property
    def digest(self) -> str | None:
        """The model's digest in a file of our own format, else None."""
        return self.metadata.get("digest") if self.metadata.get("format") == FORMAT else None


def read_header(path: Path) -> WeightsHeader | None:
    """The header of a safetensors file; None when it is missing, not one, or its header is too long."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        metadata = header.pop("__metadata__", {})
        end = max((item["data_offsets"][1] for item in header.values()), default=0)
        return WeightsHeader(metadata, 8 + int(length) + int(end))
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError):
        return None
