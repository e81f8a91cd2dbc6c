"""Run every benchmark, print one table, and keep it in RESULTS.md.

    python -m benchmarks.run [--quick] [--only NAME …] [--strict]

A benchmark is a module of this package with `run(quick: bool) -> list[Row]`. Absolute times drift on shared
machines; where a row has a public reference, its note carries the ratio measured in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

MODULES = ("startup", "open_image", "click_page", "save_latency", "export_speed")
RESULTS = Path(__file__).with_name("RESULTS.md")
HEADER = """# Benchmarks

Written by `make bench`; the history of this file is the history of the numbers. A target is what the product
promises on two idle cores without a GPU. Quick runs are not written here.

On a shared machine absolute times drift; read them against the released export, measured in the same page in the same
run: on two idle cores it takes about 180 ms a click at 2250×1500.
"""


class Row(TypedDict):
    """One measured number. `target` and `ok` are None where there is nothing to promise."""

    name: str
    value: float
    unit: str
    target: float | None
    ok: bool | None
    note: NotRequired[str]


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


def measure(names: list[str], quick: bool) -> tuple[dict[str, list[Row]], list[str]]:
    """Run the named benchmarks one after the other; returns their rows and the names that crashed."""
    results: dict[str, list[Row]] = {}
    crashed = []
    for name in names:
        started = time.perf_counter()
        print(f"{name} …", flush=True)
        try:
            results[name] = importlib.import_module(f"benchmarks.{name}").run(quick)
        except Exception:
            traceback.print_exc()
            crashed.append(name)
        else:
            print(text_table(results[name]), flush=True)
        print(f"  took {time.perf_counter() - started:.0f} s\n", flush=True)
    return results, crashed


def cells(row: Row) -> tuple[str, str, str, str, str]:
    target = row.get("target")
    verdict = {True: "yes", False: "NO", None: ""}[row.get("ok")]
    return (
        row["name"],
        f"{row['value']:.4g} {row['unit']}".strip(),
        "" if target is None else f"{target:g}",
        verdict,
        row.get("note", "") or "",
    )


def text_table(rows: list[Row]) -> str:
    lines = [("what", "measured", "target", "met", "note"), *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  " + "  ".join(line[column].ljust(widths[column]) for column in range(4)) + "  " + line[4]
        for line in lines
    )


def markdown(results: dict[str, list[Row]], where: str, when: str) -> str:
    parts = [HEADER, f"Measured {when}; {where}.\n"]
    for name, rows in results.items():
        parts.append(f"## {name}\n")
        parts.append("| what | measured | target | met | note |\n|---|---|---|---|---|")
        parts.append("\n".join("| " + " | ".join(cells(row)) + " |" for row in rows) + "\n")
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="few repetitions, nothing written")
    parser.add_argument("--only", nargs="+", choices=MODULES, metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    arguments = parser.parse_args()
    where = machine()
    results, crashed = measure(arguments.only or list(MODULES), arguments.quick)
    missed = [row["name"] for rows in results.values() for row in rows if row.get("ok") is False]
    if not arguments.quick and not arguments.only and not crashed:
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        RESULTS.write_text(markdown(results, where, when))
        print(f"wrote {RESULTS}")
    for name in missed:
        print(f"missed: {name}")
    for name in crashed:
        print(f"crashed: {name}")
    return 1 if crashed or (missed and arguments.strict) else 0


if __name__ == "__main__":
    raise SystemExit(main())
