"""axe-core on a page: what an accessibility checker finds in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.npm import npm_modules

if TYPE_CHECKING:
    from playwright.sync_api import Page


def findings(page: Page, selector: str = ".lsnb-panel") -> list[str]:
    """Return the serious and critical findings of WCAG 2.2 A and AA, and of best practice, in one line each."""
    source = (npm_modules() / "axe-core" / "axe.min.js").read_text("utf-8")
    page.evaluate(f"() => {{ if (!window.axe) {{ {source} }} }}")
    found: dict[str, Any] = page.evaluate(
        """(selector) => axe.run(document.querySelector(selector), {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
          resultTypes: ['violations'],
        })""",
        selector,
    )
    return [
        f"{problem['impact']} {problem['id']}: {node['target']} {node['failureSummary']}"
        for problem in found["violations"]
        if problem["impact"] in {"serious", "critical"}
        for node in problem["nodes"]
    ]
