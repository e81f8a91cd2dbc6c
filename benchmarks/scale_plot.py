"""Draw how cost grows with size, from the last full run of the benchmark `scale`: docs/images/scale.webp.

python -m benchmarks.scale_plot
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

from benchmarks.scale import MEASURED, PER_IMAGE, TARGET_MS, Measured

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "scale.webp"


def draw(found: Measured, target: Path) -> None:
    """One panel a database, one line an operation, both axes logarithmic."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        1, len(found), figsize=(5.5 * len(found) + 2, 4.6), sharey=True, squeeze=False
    )
    for panel, (database, by_size) in zip(panels[0], found.items(), strict=True):
        sizes = sorted(by_size, key=int)
        for number, name in enumerate(by_size[sizes[0]]):
            style = ("-", "--", ":")[number // 10]
            values = [by_size[size][name] for size in sizes]
            panel.loglog(
                [int(size) * PER_IMAGE for size in sizes], values, style, marker="o", markersize=3, label=name
            )
        panel.axhline(TARGET_MS, color="black", linewidth=0.8)
        panel.set(title=database, xlabel="annotations in the project")
        panel.grid(visible=True, which="major", alpha=0.3)
    panels[0][0].set_ylabel("95 % are answered within, ms")
    panels[0][-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    pyplot.close(figure)


def main() -> int:
    if not MEASURED.is_file():
        print("nothing measured yet: BENCH=full make bench ONLY=scale", file=sys.stderr)
        return 1
    draw(json.loads(MEASURED.read_text()), PICTURE)
    print(f"wrote {PICTURE}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
