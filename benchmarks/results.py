"""RESULTS.md: one section for each benchmark, replaced by a newer run of the same one; the others stay as they are."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADER = """# Benchmarks

Written by `make bench` and by each benchmark that is run alone; the history of this file is the history of the numbers.
A target is what the product promises on two idle cores without a GPU. Quick runs are not written here.

On a shared machine absolute times drift; read them against the released export, measured in the same page in the same
run: on two idle cores it takes about 180 ms a click at 2250×1500.
"""
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def machine() -> str:
    """What the numbers were measured on, in one line."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {model}, {system}, load {os.getloadavg()[0]:.1f} at the start"


def section(body: str, where: str) -> str:
    """A section's text: when and where it was measured, then `body` (markdown)."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"Measured {when}; {where}.\n\n{body.strip()}\n"


def write(sections: dict[str, str], order: tuple[str, ...], path: Path = RESULTS) -> None:
    """Put these sections in place of the older ones; those named in `order` come first, in that order."""
    known = read(path.read_text()) if path.is_file() else {}
    merged = {**known, **sections}
    names = [name for name in order if name in merged] + [name for name in merged if name not in order]
    parts = [HEADER, *(f"## {name}\n\n{merged[name].strip()}\n" for name in names)]
    path.write_text("\n".join(parts))


def read(text: str) -> dict[str, str]:
    """The sections by name, in their order."""
    _, *pieces = HEADING.split(text)
    return dict(zip(pieces[::2], (piece.strip() for piece in pieces[1::2]), strict=True))
