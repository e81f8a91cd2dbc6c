"""COCO out and in at scale: a project written, read back and compared mask by mask, then imported into an empty one.

Each step runs in a process of its own, so that its peak memory is its own. What is asked for is that memory does not
grow with the number of masks. BENCH=full takes a million masks; the reference writes a part of them through
pycocotools one by one; processor time a mask is compared.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from pycocotools import mask as coco_mask
from sqlalchemy import insert, select

from annotator.database import db, writing
from annotator.masks import decode, parse_counts
from annotator.models import Annotation, Image, Project
from annotator.services.exports import export_project
from annotator.services.imports import import_annotations
from app import create_app
from benchmarks.run import Row
from benchmarks.seeding import seed_project

TARGET_GROWTH_MB = 200.0
TARGET_PEAK_MB = 300.0
ANNOTATIONS, QUICK_ANNOTATIONS, FULL_ANNOTATIONS = 20_000, 2_000, 1_000_000
REFERENCE_MASKS = 200
ROOT = Path(__file__).resolve().parent.parent


def run(quick: bool) -> Iterator[Row]:
    """Masks per second out and in, the ratio to the reference, and the memory of each process."""
    full = os.environ.get("BENCH") == "full"
    size = QUICK_ANNOTATIONS if quick else FULL_ANNOTATIONS if full else ANNOTATIONS
    with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
        project = _child("seed", folder, size)["project"]
        out = _child("export", folder, project)
        if out["lossless"] != size:
            raise RuntimeError(f"of {size} masks {out['lossless']} are lossless")
        note = f"{size} masks of 1500 × 2250 images, {out['file_mb']:.0f} MB file"
        took = f"{note}, {out['seconds']:.1f} s"
        yield _row("COCO export, written and verified", size / out["seconds"], "masks/s", took)
        yield _row("memory the export adds", out["growth_mb"], "MB", note, TARGET_GROWTH_MB)
        yield _row("peak memory of the export", out["peak_mb"], "MB", note, TARGET_PEAK_MB)
        each = _child("reference", folder, project)["processor_ms"]
        beside = f"{each:.1f} ms a mask there, {REFERENCE_MASKS} masks, not verified"
        ratio = each / (1000 * out["processor"] / size)
        yield _row("export against pycocotools one by one, processor time", ratio, "×", beside)
        back = _child("load", folder, project)
        if back["created"] != size:
            raise RuntimeError(f"of {size} masks {back['created']} came back")
        took = f"{note}, {back['seconds']:.1f} s"
        yield _row("COCO import", size / back["seconds"], "masks/s", took)
        yield _row("peak memory of the import", back["peak_mb"], "MB", note, TARGET_PEAK_MB)


def _row(name: str, value: float, unit: str, note: str, most: float | None = None) -> Row:
    ok = None if most is None else value <= most
    return {"name": name, "value": value, "unit": unit, "target": most, "ok": ok, "note": note}


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
    """Make the database, with an empty project of the same images for the import."""
    with create_app(folder / "instance").app_context():
        db.create_all()
        project = seed_project("large", size)[0]
        columns = [column.name for column in Image.__table__.columns if column.name != "id"]
        with writing() as session:
            copy = Project(name="copy")
            session.add(copy)
            session.flush()
            rows = session.execute(select(*(Image.__table__.c[name] for name in columns))).mappings()
            session.execute(
                insert(Image), [{**row, "project_id": copy.id, "accepted_count": 0} for row in rows]
            )
        return {"project": project}


def export(folder: Path, project: int) -> dict[str, Any]:
    """Export once and measure."""
    with create_app(folder / "instance").app_context():
        before = psutil.Process().memory_info().rss / 2**20
        started, worked = time.perf_counter(), time.process_time()
        exported = export_project(project, "coco", folder / "out.json")
        peak = _peak_mb()
        return {
            "seconds": time.perf_counter() - started,
            "processor": time.process_time() - worked,
            "growth_mb": peak - before,
            "peak_mb": peak,
            "file_mb": (folder / "out.json").stat().st_size / 1e6,
            "lossless": exported.lossless,
        }


def reference(folder: Path, project: int) -> dict[str, Any]:
    """What a script does that knows bitmaps and pycocotools: encode, measure and write one mask after the other."""
    with create_app(folder / "instance").app_context():
        rows = db.session.scalars(
            select(Annotation).where(Annotation.project_id == project).limit(REFERENCE_MASKS)
        )
        bitmaps = ((row, decode(parse_counts(row.rle, height=row.height, width=row.width))) for row in rows)
        seconds, count = 0.0, 0
        with (folder / "reference.json").open("w") as file:
            for row, bitmap in bitmaps:
                started = time.process_time()
                rle = coco_mask.encode(bitmap.astype("uint8", order="F"))
                record = {
                    "id": count,
                    "image_id": row.image_id,
                    "category_id": row.category_id,
                    "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
                    "area": int(coco_mask.area(rle)),
                    "bbox": coco_mask.toBbox(rle).tolist(),
                    "iscrowd": 0,
                }
                file.write(json.dumps(record))
                seconds, count = seconds + time.process_time() - started, count + 1
    return {"processor_ms": 1000 * seconds / count}


def load(folder: Path, project: int) -> dict[str, Any]:
    """Import the file that `export` wrote into the project beside it."""
    with create_app(folder / "instance").app_context():
        copy = db.session.scalars(select(Project.id).where(Project.name == "copy")).one()
        started = time.perf_counter()
        found = import_annotations(copy, folder / "out.json")
        return {"seconds": time.perf_counter() - started, "peak_mb": _peak_mb(), "created": found.created}


TASKS = {"seed": seed, "export": export, "reference": reference, "load": load}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
