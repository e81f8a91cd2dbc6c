"""Architecture as a test: which module may import which, in Python and in JavaScript."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "static" / "js"

# Lowest first. A unit imports from itself and from lower ranks; two units of one rank never meet.
PYTHON_RANKS: tuple[tuple[str, ...], ...] = (
    ("annotator.errors", "annotator.lines"),
    ("annotator.allocator", "annotator.masks", "annotator.settings"),
    ("annotator.mask_figures", "annotator.mask_shapes"),
    ("annotator.sam", "exporters"),
    ("annotator.training",),
    ("annotator.evaluation",),
    ("annotator.tallies",),
    ("annotator.database", "annotator.storage"),
    ("annotator.models",),
    ("annotator.races",),
    ("annotator.jobs",),
    ("annotator.chunks",),
    ("annotator.services",),
    ("annotator.handlers",),
    ("annotator.web", "annotator.worker"),
    ("annotator.cli",),
    ("app",),
)
MODEL_UNITS = ("annotator.sam", "annotator.training", "annotator.evaluation")
# May load the model, but only inside a function: importing them stays cheap.
LAZY_UNITS = ("annotator.services", "annotator.handlers", "annotator.cli")
NO_WEB_FRAMEWORK = (
    "annotator.allocator",
    "annotator.errors",
    "annotator.lines",
    "annotator.masks",
    "annotator.mask_figures",
    "annotator.mask_shapes",
    "annotator.settings",
    "exporters",
)

JS_RANKS: tuple[tuple[str, ...], ...] = (
    ("core", "offline"),
    ("decoder", "api"),
    ("outbox", "ui"),
    ("editor",),
    ("canvas",),
    ("tools",),
    ("views",),
)
COMMENT_OR_STRING = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/""", re.DOTALL
)
JS_IMPORT = re.compile(r"""(?:\bfrom\s+|\bimport\s*\(?\s*)["']([^"']+)["']""")


class Import(NamedTuple):
    """One import statement of a Python module."""

    module: str
    target: str
    line: int
    lazy: bool


def _python_files() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "annotator").rglob("*.py"), *(ROOT / "exporters").rglob("*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _walk(node: ast.AST, lazy: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if _is_type_checking(child):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, lazy
        yield from _walk(
            child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        )


def _targets(node: ast.Import | ast.ImportFrom, module: str, is_package: bool) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parents = module.split(".")
        kept = parents[: len(parents) - node.level + is_package]
        base = ".".join([*kept, base] if base else kept)
    return [f"{base}.{alias.name}" for alias in node.names]


def _imports() -> list[Import]:
    return [
        Import(module, target, node.lineno, lazy)
        for module, file in _python_files().items()
        for node, lazy in _walk(ast.parse(file.read_text()), lazy=False)
        for target in _targets(node, module, file.name == "__init__.py")
    ]


def _unit(module: str, ranks: tuple[tuple[str, ...], ...] = PYTHON_RANKS) -> tuple[str, int] | None:
    for rank, units in enumerate(ranks):
        for unit in units:
            if module == unit or module.startswith(unit + "."):
                return unit, rank
    return None


def _is_ours(target: str) -> bool:
    return target.split(".")[0] in ("annotator", "exporters", "app")


def test_every_module_has_a_layer() -> None:
    unplaced = [name for name in _python_files() if name != "annotator" and _unit(name) is None]
    assert unplaced == [], "give these a rank in PYTHON_RANKS"


def test_python_imports_point_downwards() -> None:
    wrong = []
    for item in _imports():
        source, target = _unit(item.module), _unit(item.target)
        if not _is_ours(item.target) or source is None:
            continue
        if target is None or (target[0] != source[0] and target[1] >= source[1]):
            wrong.append(f"{item.module}:{item.line} imports {item.target}")
    assert wrong == []


def test_layers_see_what_they_check() -> None:
    """The walk finds imports in functions, relative ones and names from packages."""
    tree = ast.parse("from . import a\nfrom ..b import c\ndef f():\n    import torch\n")
    seen = [
        (target, lazy)
        for node, lazy in _walk(tree, False)
        for target in _targets(node, "annotator.web.pages", False)
    ]
    assert seen == [("annotator.web.a", False), ("annotator.b.c", False), ("torch", True)]
    assert _unit("annotator.web.pages") == ("annotator.web", 14)


def test_only_the_handlers_and_the_model_load_torch() -> None:
    wrong = []
    for item in _imports():
        unit = (_unit(item.module) or ("", 0))[0]
        loads_model = (
            item.target.split(".")[0] == "torch" or (_unit(item.target) or ("", 0))[0] in MODEL_UNITS
        )
        allowed = unit in MODEL_UNITS or (unit in LAZY_UNITS and item.lazy)
        if loads_model and not allowed:
            wrong.append(f"{item.module}:{item.line} imports {item.target}")
    assert wrong == []


def test_model_and_pure_cores_know_no_web_framework() -> None:
    outside = ("flask", "apiflask", "sqlalchemy", "flask_sqlalchemy", "werkzeug")
    wrong = [
        f"{item.module}:{item.line} imports {item.target}"
        for item in _imports()
        if (_unit(item.module) or ("", 0))[0] in (*MODEL_UNITS, *NO_WEB_FRAMEWORK)
        and item.target.split(".")[0] in outside
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import annotator.sam", ["flask", "sqlalchemy"]),
        ("import exporters.coco", ["flask", "sqlalchemy", "torch"]),
        ("import annotator.masks", ["flask", "sqlalchemy", "torch"]),
        (
            "from app import create_app; create_app()",
            ["torch", "annotator.sam", "annotator.worker", "annotator.handlers"],
        ),
    ],
)
def test_importing_stays_light(statement: str, unwanted: list[str], tmp_path: Path) -> None:
    script = f"import sys\n{statement}\nprint(*(name for name in {unwanted!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "ANNOTATOR_INSTANCE": str(tmp_path / "instance"),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def _code(file: Path) -> str:
    """The source without comments, so that JSDoc's `import("…")` types and prose do not count."""
    return COMMENT_OR_STRING.sub(lambda match: match.group(1) or " ", file.read_text())


def _js_files() -> list[Path]:
    return sorted(JS.rglob("*.js"))


def _js_unit(file: Path) -> tuple[str, int] | None:
    top = file.relative_to(JS).parts[0].removesuffix(".js")
    return next(((top, rank) for rank, units in enumerate(JS_RANKS) if top in units), None)


def test_every_js_module_has_a_layer() -> None:
    assert _js_files(), "no JavaScript found"
    assert [str(file.relative_to(JS)) for file in _js_files() if _js_unit(file) is None] == []


def test_js_imports_point_downwards() -> None:
    wrong = []
    for file in _js_files():
        source = _js_unit(file)
        for specifier in JS_IMPORT.findall(_code(file)):
            if not specifier.startswith("."):
                assert specifier.startswith(("/vendor/", "node:")), f"{file.name} imports {specifier}"
                continue
            target_file = (file.parent / specifier).resolve()
            assert target_file.is_file(), f"{file.relative_to(JS)} imports {specifier}, which does not exist"
            target = _js_unit(target_file)
            assert source is not None
            assert target is not None
            if target[0] != source[0] and target[1] >= source[1]:
                wrong.append(f"{file.relative_to(JS)} imports {specifier}")
    assert wrong == []


@pytest.mark.parametrize(
    ("what", "pattern", "owners"),
    [
        (
            "talks to the server",
            r"(?<!#)\b(?:fetch|XMLHttpRequest|EventSource|WebSocket|sendBeacon)\b\s*\(",
            {"api/http.js", "offline/embeddings.js", "offline/worker.js"},
        ),
        (
            "starts a worker",
            r"\bnew\s+(?:Shared)?Worker\s*\(",
            {"decoder/client.js", "decoder/gpu_decoder.js", "canvas/picture_decoder.js"},
        ),
        ("opens IndexedDB", r"\b(?:openDB|indexedDB\.open)\s*\(", {"outbox/database.js"}),
    ],
)
def test_js_doors_have_one_owner(what: str, pattern: str, owners: set[str]) -> None:
    """The decoder's worker fetches the model itself: it has no other way to reach the server."""
    found = {str(file.relative_to(JS)) for file in _js_files() if re.search(pattern, _code(file))}
    assert found - {"decoder/kept_graphs.js"} == owners, f"only {owners} {what}"


def test_js_core_is_pure() -> None:
    impure = re.compile(r"(?<![\w.$])(?:document|window|navigator|localStorage|self|globalThis)\s*[.\[]")
    found = [file.name for file in sorted((JS / "core").glob("*.js")) if impure.search(_code(file))]
    assert found == ["translate.js"], "which reads the page's catalogue once"
