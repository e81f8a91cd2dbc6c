"""Run every benchmark, or some; print each number as it is measured, and keep them in RESULTS.md.

    python -m benchmarks.run [--quick] [--only NAME …] [--strict] [--patience 1]

A benchmark is a module of this package with `run(quick: bool) -> Iterable[Row]`. Each has a process and a time of its
own, all of them less than fifteen minutes; one that is cut off leaves what it has measured. With BENCH=full some
measure more, and none is cut off. Absolute times drift on shared machines; where a row has a public reference, its
note carries the ratio measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import NotRequired, TypedDict

from benchmarks import results, within

SECONDS = {
    "startup": 45,
    "open_image": 110,
    "click_page": 105,
    "workbench": 170,
    "encoder": 75,
    "encoder_precision": 25,
    "gpu": 5,
    "automask": 150,
    "embeddings": 25,
    "embedding_form": 35,
    "save_latency": 35,
    "scale": 70,
    "export_speed": 45,
}
"""What each benchmark may take on two idle cores."""

MODULES = tuple(SECONDS)
FULL = "{}, BENCH=full"
SECTIONS = tuple(title for name in MODULES for title in (name, FULL.format(name)))
"""Of RESULTS.md: what a full run found stays when the usual one is renewed."""


class Row(TypedDict):
    """One measured number. `target` and `ok` are None where there is nothing to promise."""

    name: str
    value: float
    unit: str
    target: float | None
    ok: bool | None
    note: NotRequired[str]


def measure(name: str, *, quick: bool, patience: float) -> tuple[list[Row], str | None]:
    """Run one benchmark and print its rows as they come; returns them, and what went wrong, if anything."""
    started, rows, problem = time.perf_counter(), list[Row](), None
    seconds = None if os.environ.get("BENCH") == "full" else SECONDS[name] * patience
    print(f"{name} …", flush=True)
    try:
        for row in within.rows(f"benchmarks.{name}", quick=quick, seconds=seconds):
            rows.append(row)
            print(line(row), flush=True)
    except (within.TimeIsUp, within.Crashed) as error:
        problem = str(error)
        print(f"  {problem}", flush=True)
    print(f"  took {time.perf_counter() - started:.0f} s\n", flush=True)
    return rows, problem


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


def line(row: Row) -> str:
    name, value, target, verdict, note = cells(row)
    return f"  {name:<66} {value:>12} {target and 'target ' + target:<12} {verdict:<4} {note}".rstrip()


def markdown(rows: list[Row]) -> str:
    head = "| what | measured | target | met | note |\n|---|---|---|---|---|"
    return "\n".join([head, *("| " + " | ".join(cells(row)) + " |" for row in rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="few repetitions, nothing written")
    parser.add_argument("--only", nargs="+", choices=MODULES, metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    parser.add_argument("--patience", type=float, default=1.0, help="times what each may take: busy machines")
    arguments = parser.parse_args()
    missed, failed = [], []
    for name in arguments.only or MODULES:
        where = results.machine()
        rows, problem = measure(name, quick=arguments.quick, patience=arguments.patience)
        missed += [row["name"] for row in rows if row.get("ok") is False]
        failed += [problem] if problem else []
        if rows and not arguments.quick:
            where += f"; {problem}" if problem else ""
            title = FULL.format(name) if os.environ.get("BENCH") == "full" else name
            results.write({title: results.section(markdown(rows), where)}, SECTIONS)
    for name in missed:
        print(f"missed: {name}")
    for problem in failed:
        print(f"failed: {problem}")
    return 1 if failed or (missed and arguments.strict) else 0


if __name__ == "__main__":
    raise SystemExit(main())
