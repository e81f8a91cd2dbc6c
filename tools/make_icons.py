"""Build annotator/templates/icons/sprite.svg from the icons of the `lucide-static` npm package (ISC licence).

Usage: python tools/make_icons.py [path to lucide-static]
The sprite is committed, so that the server does not need the package's 2,000 files. Every page holds it, so that icons
are there as soon as the page is, without a server too.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ICONS = """
arrow-down arrow-left arrow-right arrow-up bell box bring-to-front brush chart-column check check-check chevron-down
chevron-left chevron-right chevron-up circle circle-alert circle-check circle-dot circle-minus circle-plus
circle-question-mark clock cloud cloud-check cloud-off command copy copy-plus cpu crop crosshair download ellipsis
eraser eye eye-off file-check file-down file-x flag focus folder folder-plus git-compare grip-vertical hand history
house image image-off images info key keyboard lasso layers lightbulb link list-checks loader locate-fixed lock
lock-open log-out maximize message-square minus monitor moon mouse-pointer-2 move palette panel-right pencil pentagon
play plus redo-2 refresh-cw rotate-ccw save scan scan-search search settings shapes shield skip-forward
sliders-horizontal sparkles square-dashed-mouse-pointer square-mouse-pointer squares-exclude squares-subtract
squares-unite sun tag tags trash-2 triangle-alert undo-2 ungroup upload user user-plus users wand-sparkles wifi-off x
zap zoom-in zoom-out
""".split()


def build(package: Path, folder: Path) -> int:
    """Write `folder/sprite.svg` and the licence beside it; return the number of symbols."""
    symbols = []
    for name in sorted(set(ICONS)):
        source = (package / "icons" / f"{name}.svg").read_text(encoding="utf-8")
        match = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
        if match is None:
            raise SystemExit(f"{name}.svg: no <svg> element found")
        body = re.sub(r"\s*\n\s*", "", match.group(1))
        symbols.append(f'<symbol id="icon-{name}" viewBox="0 0 24 24">{body}</symbol>')
    head = '<svg class="icon-sprite" width="0" height="0" aria-hidden="true">'
    lines = [head, "<!-- Lucide (https://lucide.dev), ISC; see LICENSE -->", *symbols, "</svg>", ""]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sprite.svg").write_text("\n".join(lines), encoding="utf-8")
    shutil.copyfile(package / "LICENSE", folder / "LICENSE")
    return len(symbols)


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "node_modules" / "lucide-static"
    print(f"{build(source, ROOT / 'annotator' / 'templates' / 'icons')} icons written")
