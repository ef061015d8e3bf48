"""Text as HTML that is nothing but text."""

from __future__ import annotations

from html import escape

from .colours import coloured_html
from .controls import visible_controls
from .math import isolate_tex

__all__ = [
    "MAX_COLOURED_CHARS",
    "code_block_html",
    "code_html",
    "language_name",
    "text_block_html",
    "text_html",
]

_MAX_LABEL_CHARS = 40
MAX_COLOURED_CHARS = 30_000
"""Of all code of one reply: colours cost up to four times as many bytes as the code."""


def text_html(text: str) -> str:
    """Return text for use in any element: escaped, control characters visible, no formula in it."""
    return isolate_tex(code_html(text))


def code_html(text: str) -> str:
    """Return text for use in `code` and `pre`, in which front ends look for no formulas."""
    return escape(visible_controls(text), quote=False)


def text_block_html(text: str) -> str:
    """Return lines of text as they are."""
    return f'<pre class="lsnb-text" dir="auto">{_protected(code_html(text))}</pre>\n'


def code_block_html(code: str, language: str = "", *, coloured_chars: int = MAX_COLOURED_CHARS) -> str:
    """Return a code block, below a strip with the name of its language where it has one.

    Parameters
    ----------
    code
        Any text.
    language
        What stands behind the opening mark of the block; its first word is the language.
    coloured_chars
        So much of it has colours, where the language is known; the rest is plain.
    """
    word = next(iter(language.split()), "")
    end = len(code) if len(code) <= coloured_chars else code.rfind("\n", 0, max(0, coloured_chars)) + 1
    html = coloured_html(visible_controls(code[:end]), language_name(word)) + code_html(code[end:])
    block = f'<pre dir="ltr"><code>{html}</code></pre>'
    if not word:
        return block + "\n"
    label = text_html(word[:_MAX_LABEL_CHARS])
    return f'<div class="lsnb-code"><div class="lsnb-lang">{label}</div>{block}</div>\n'


def language_name(word: str) -> str:
    """Return the name of a language as a block gives it, without ornaments: ``{.python}``, ``python:``."""
    return word.strip("{}.:,").lower()


def _protected(html: str) -> str:
    return "\n" + html if html.startswith("\n") else html  # HTML drops the first newline of `pre`
