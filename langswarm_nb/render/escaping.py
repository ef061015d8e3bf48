"""Text as HTML that is nothing but text."""

from __future__ import annotations

from html import escape

from .colours import coloured_html
from .controls import visible_controls
from .math import isolate_tex

__all__ = ["code_block_html", "code_html", "language_name", "text_block_html", "text_html"]

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


def code_block_html(code: str, language: str = "", *, has_colours: bool = True) -> str:
    """Return a code block below a strip with the name of its language.

    Parameters
    ----------
    code
        Any text.
    language
        What stands behind the opening mark of the block; its first word is the language.
    has_colours
        Whether to tell comments, strings and the like apart, where the language is known.
    """
    word = next(iter(language.split()), "")
    html = coloured_html(visible_controls(code), language_name(word)) if has_colours else code_html(code)
    label = text_html(word[:_MAX_LABEL_CHARS])
    return f'<div class="lsnb-code"><div class="lsnb-lang">{label}</div><pre dir="ltr"><code>{html}</code></pre></div>\n'


def language_name(word: str) -> str:
    """Return the name of a language as a block gives it, without ornaments: ``{.python}``, ``python:``."""
    return word.strip("{}.:,").lower()


def _protected(html: str) -> str:
    return "\n" + html if html.startswith("\n") else html  # HTML drops the first newline of `pre`
