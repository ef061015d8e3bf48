"""The style sheet of what a cell shows: only the parts that the page needs, because each update carries it.

Nothing in it knows which theme is on: each colour of code is mixed with the ink of the page, so that it is readable on
light and on dark. Front ends that have colours for code of their own, JupyterLab, Notebook and VS Code, give theirs.
Where the style is dropped, plain and readable HTML is left.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

__all__ = ["CODE_COLOURS", "HUE_SHARE", "code_colours", "style_sheet"]

HUE_SHARE = 0.7
"""The rest is ink: some colours of front ends are too faint by themselves."""

CODE_COLOURS = {
    "c": ("jp-mirror-editor-comment-color", "#7a8088"),
    "k": ("vscode-debugTokenExpression-name", "jp-mirror-editor-keyword-color", "#8a5cd8"),
    "s": ("vscode-debugTokenExpression-string", "jp-mirror-editor-string-color", "#2e9955"),
    "n": ("vscode-debugTokenExpression-number", "jp-mirror-editor-number-color", "#c76b15"),
    "f": ("vscode-symbolIcon-functionForeground", "jp-mirror-editor-def-color", "#3a7be0"),
    "b": ("jp-mirror-editor-builtin-color", "#0e93a5"),
    "m": ("jp-mirror-editor-meta-color", "#c2559f"),
}
"""For each kind of `langswarm_nb.render.colours`: names of front ends for it, and ours for all others."""

_PAGE = ".lsnb-reply.lsnb-reply"
"""The class twice: that much a rule must weigh to count in JupyterLab."""
_BLINK = "@keyframes lsnb-blink{to{opacity:0}}"
_PART = re.compile(r"/\* where (.+) \*/")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLANKS = re.compile(r"\s+")
_NEEDLESS_BLANK = re.compile(r" ?([{}:;,>]) ?")


def style_sheet(html: str) -> str:
    """Return the rules that a page needs, given with all of its elements."""
    rules = "".join(rules for sign, rules in _parts() if sign in html)
    return f"{_PAGE}{{{rules}}}{_BLINK if 'lsnb-caret' in html else ''}"


def code_colours() -> str:
    """Return the rules that colour code, to stand inside of the rule of a box."""
    rules = "".join(f"& .lsnb-{kind}{{--c:{_colour(*names)}}}" for kind, names in CODE_COLOURS.items())
    return rules + f"& pre code span{{color:color-mix(in srgb,var(--c) {HUE_SHARE:.0%},currentColor)}}"


def _colour(name: str, *rest: str) -> str:
    return f"var(--{name},{_colour(*rest)})" if rest else name


@functools.cache
def _parts() -> list[tuple[str, str]]:
    """Return rules, each with what stands in a page that needs them."""
    source = (Path(__file__).parent / "page.css").read_text("utf-8")
    _, *pieces = _PART.split(source)
    parts = [(sign, _small(rules)) for sign, rules in zip(pieces[::2], pieces[1::2], strict=True)]
    return [*parts, ('<span class="lsnb-', code_colours())]


def _small(rules: str) -> str:
    blanks = _BLANKS.sub(" ", _COMMENT.sub("", rules))
    return _NEEDLESS_BLANK.sub(r"\1", blanks).strip()
