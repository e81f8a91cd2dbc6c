"""Exporting a large project: COCO written, read back and compared mask by mask; time and memory.

Seeding and exporting run in processes of their own, so that the peak memory is the export's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from annotator.models import db
from annotator.services.exports import export_project
from app import create_app
from benchmarks.run import Row
from benchmarks.seeding import seed_project

TARGET_GROWTH_MB = 200.0
ANNOTATIONS, QUICK_ANNOTATIONS = 100_000, 2_000
ROOT = Path(__file__).resolve().parent.parent


def run(quick: bool) -> list[Row]:
    """Masks per second for writing plus verifying, and the growth of the process."""
    size = QUICK_ANNOTATIONS if quick else ANNOTATIONS
    with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
        project = _child("seed", folder, size)["project"]
        found = _child("export", folder, project)
    if found["lossless"] != size:
        raise RuntimeError(f"only {found['lossless']} of {size} masks are lossless")
    speed, growth = size / found["seconds"], found["growth_mb"]
    note = f"{size} masks of 1500 × 2250 images, {found['file_mb']:.0f} MB file, {found['seconds']:.1f} s"
    return [
        {
            "name": "COCO export, written and verified",
            "value": speed,
            "unit": "masks/s",
            "target": None,
            "ok": None,
            "note": note,
        },
        {
            "name": "memory the export adds",
            "value": growth,
            "unit": "MB",
            "target": TARGET_GROWTH_MB,
            "ok": growth <= TARGET_GROWTH_MB,
            "note": note,
        },
    ]


def _child(task: str, folder: str, number: int) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.export_speed", task, folder, str(number)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peak_mb() -> float:
    """This program's largest resident memory. getrusage would count the parent's too: Linux keeps it over exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def seed(folder: Path, size: int) -> dict[str, Any]:
    """Make the database."""
    with create_app(folder / "instance").app_context():
        db.create_all()
        return {"project": seed_project("large", size)[0]}


def export(folder: Path, project: int) -> dict[str, Any]:
    """Export once and measure."""
    with create_app(folder / "instance").app_context():
        before, started = psutil.Process().memory_info().rss / 2**20, time.perf_counter()
        exported = export_project(project, "coco", folder / "out.json")
        return {
            "seconds": time.perf_counter() - started,
            "growth_mb": _peak_mb() - before,
            "file_mb": (folder / "out.json").stat().st_size / 1e6,
            "lossless": exported.lossless,
        }


if __name__ == "__main__":
    print(json.dumps({"seed": seed, "export": export}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
