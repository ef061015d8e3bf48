"""The one renderer: whatever a model wrote becomes HTML or terminal text here, and only here.

What it returns is safe by itself, in a front end that sanitises and in one that does not; `markdown` says how.
We emit no ``text/markdown``: front ends disagree on what it may do, and some run what is in it; and no ``text/latex``,
which VS Code would read to its users of screen readers instead of the page.
"""

from __future__ import annotations

from typing import Literal

from .controls import TerminalEscaper, plain_repr, visible_controls

__all__ = [
    "Format",
    "TerminalEscaper",
    "plain_repr",
    "render_html",
    "visible_controls",
]

Format = Literal["markdown", "text", "code", "json", "math", "html"]


def render_html(text: str, *, format: Format = "markdown") -> str:
    """Return text of a model as HTML: balanced, without a wrapper, and safe whatever the text.

    Parameters
    ----------
    text
        Any string. Markdown beyond 120,000 characters follows the rendered part as plain text.
    format
        ``"markdown"``; ``"text"``: lines as they are; ``"code"``: one code block; ``"json"``: indented, or as
        text when it is not JSON; ``"math"``: one formula, or its source when it is not plain; ``"html"``: in a frame
        that runs nothing and fetches nothing.

    Raises
    ------
    ValueError
        ``format`` is not one of these.
    """
    from .formats import RENDERERS

    if format not in RENDERERS:
        raise ValueError(f"format {format!r} is not known. It can be one of {', '.join(RENDERERS)}.")
    return RENDERERS[format](text)
