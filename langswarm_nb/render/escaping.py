"""Text as HTML that is nothing but text."""

from __future__ import annotations

from html import escape

from .controls import visible_controls
from .math import isolate_tex

__all__ = ["code_block_html", "code_html", "text_block_html", "text_html"]

_MAX_LABEL_CHARS = 40


def text_html(text: str) -> str:
    """Return text for use in any element: escaped, control characters visible, no formula in it."""
    return isolate_tex(code_html(text))


def code_html(text: str) -> str:
    """Return text for use in `code` and `pre`, in which front ends look for no formulas."""
    return escape(visible_controls(text), quote=False)


def text_block_html(text: str) -> str:
    """Return lines of text as they are."""
    return f'<pre class="lsnb-text" dir="auto">{_protected(code_html(text))}</pre>\n'


def code_block_html(code: str, language: str = "") -> str:
    """Return a code block with the name of its language above it."""
    block = f'<pre dir="ltr"><code>{code_html(code)}</code></pre>'
    words = language.split()
    if not words:
        return block + "\n"
    label = text_html(words[0][:_MAX_LABEL_CHARS])
    return f'<div class="lsnb-code"><div class="lsnb-lang">{label}</div>{block}</div>\n'


def _protected(html: str) -> str:
    return "\n" + html if html.startswith("\n") else html  # HTML drops the first newline of `pre`
