"""axe-core in a page: what it finds serious or critical, in the light and in the dark theme."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
Scheme = Literal["light", "dark"]
# The themes differ in their colours alone.
RULES: dict[Scheme, list[str] | None] = {"light": None, "dark": ["color-contrast"]}
RUN = """async (rules) => {
  const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const found = await axe.run(document, { resultTypes: ["violations"], ...only });
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 5).map((node) =>
      `${node.html.slice(0, 200)} ${node.any.map(({ message }) => message).join("; ")}`) }));
}"""


@cache
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def _settle(page: Page) -> None:
    """Colours that move to another theme are neither one nor the other."""
    page.evaluate("() => Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})))")


def serious_findings(page: Page) -> dict[Scheme, list[Any]]:
    """Findings by theme, empty when there are none. The page's policy allows no script tags: it is evaluated."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    found: dict[Scheme, list[Any]] = {}
    for scheme, rules in RULES.items():
        page.emulate_media(color_scheme=scheme)
        _settle(page)
        found[scheme] = page.evaluate(RUN, rules)
    return {scheme: problems for scheme, problems in found.items() if problems}
