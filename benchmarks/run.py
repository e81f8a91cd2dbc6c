"""Run every benchmark, or some, print one table each, and keep them in RESULTS.md.

    python -m benchmarks.run [--quick] [--only NAME …] [--strict]

A benchmark is a module of this package with `run(quick: bool) -> list[Row]`. Absolute times drift on shared
machines; where a row has a public reference, its note carries the ratio measured in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import time
import traceback
from typing import NotRequired, TypedDict

from benchmarks import results

MODULES = (
    *("startup", "open_image", "click_page", "workbench", "encoder", "automask"),
    *("save_latency", "scale", "export_speed"),
)


class Row(TypedDict):
    """One measured number. `target` and `ok` are None where there is nothing to promise."""

    name: str
    value: float
    unit: str
    target: float | None
    ok: bool | None
    note: NotRequired[str]


def measure(names: list[str], quick: bool) -> tuple[dict[str, list[Row]], list[str]]:
    """Run the named benchmarks one after the other; returns their rows and the names that crashed."""
    measured: dict[str, list[Row]] = {}
    crashed = []
    for name in names:
        started = time.perf_counter()
        print(f"{name} …", flush=True)
        try:
            measured[name] = importlib.import_module(f"benchmarks.{name}").run(quick)
        except Exception:
            traceback.print_exc()
            crashed.append(name)
        else:
            print(text_table(measured[name]), flush=True)
        print(f"  took {time.perf_counter() - started:.0f} s\n", flush=True)
    return measured, crashed


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


def markdown(rows: list[Row]) -> str:
    head = "| what | measured | target | met | note |\n|---|---|---|---|---|"
    return "\n".join([head, *("| " + " | ".join(cells(row)) + " |" for row in rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="few repetitions, nothing written")
    parser.add_argument("--only", nargs="+", choices=MODULES, metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    arguments = parser.parse_args()
    where = results.machine()
    measured, crashed = measure(arguments.only or list(MODULES), arguments.quick)
    missed = [row["name"] for rows in measured.values() for row in rows if row.get("ok") is False]
    if not arguments.quick:
        sections = {name: results.section(markdown(rows), where) for name, rows in measured.items()}
        results.write(sections, MODULES)
        print(f"wrote {results.RESULTS}")
    for name in missed:
        print(f"missed: {name}")
    for name in crashed:
        print(f"crashed: {name}")
    return 1 if crashed or (missed and arguments.strict) else 0


if __name__ == "__main__":
    raise SystemExit(main())
