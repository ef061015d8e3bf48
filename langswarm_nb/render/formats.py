"""The ways to show a whole reply."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING

import nh3

from .controls import visible_controls
from .escaping import code_block_html, text_block_html
from .incremental import StreamRenderer
from .links import LINK_REL
from .markdown import formula_block_html

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RENDERERS"]

_PIECE_CHARS = 2000
"""Markdown is parsed in pieces: what the parser builds is gone before the garbage collector would look at it."""

_FRAME_HEAD = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    'style-src \'unsafe-inline\'; img-src data:"><meta name="referrer" content="no-referrer">'
)
_STYLE_SHEET = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL | re.IGNORECASE)
_FETCHES = re.compile(r"(?:url|src|image|image-set)\s*\(|@import|\\", re.IGNORECASE)
"""How a style names an address, or could: a backslash may spell any of it. The page's policy is the second lock."""
_FRAME_TAGS = nh3.ALLOWED_TAGS | {"style", "section", "main", "label", "button"}
_FRAME_ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "*": {"style", "class", "id", "title", "lang", "dir"}}


def _markdown(text: str) -> str:
    renderer = StreamRenderer()
    for start in range(0, len(text), _PIECE_CHARS):
        renderer.feed(text[start : start + _PIECE_CHARS])
    return renderer.finish()


def _json(text: str) -> str:
    try:
        indented = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text_block_html(text)
    return code_block_html(indented, "json")


def _math(text: str) -> str:
    formula = text.strip()
    return formula_block_html(formula if formula.startswith(("$", "\\(", "\\[")) else f"$${formula}$$", {})


def _frame(text: str) -> str:
    """Return HTML as a page in a frame of its own: no scripts, no forms, nothing fetched before a click."""
    page = nh3.clean(
        visible_controls(text),
        tags=_FRAME_TAGS,
        clean_content_tags={"script"},
        attributes=_FRAME_ATTRIBUTES,
        attribute_filter=_without_addresses,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=LINK_REL,
    )
    page = _STYLE_SHEET.sub(lambda sheet: "" if _FETCHES.search(sheet[0]) else sheet[0], page)
    frame = f'<iframe class="lsnb-frame" sandbox="" srcdoc="{escape(_FRAME_HEAD + page)}"'
    source = f"<details><summary>HTML source</summary>{code_block_html(text, 'html').rstrip()}</details>"
    return f'{frame} title="HTML of the reply" width="100%" height="400"></iframe>{source}\n'


def _without_addresses(tag: str, attribute: str, value: str) -> str | None:
    """Keep what fetches nothing: images that hold their data, links to click, plain styles."""
    is_data = value.lstrip().lower().startswith("data:")
    if (tag, attribute) == ("img", "src"):
        return value if is_data else None
    return None if is_data or (attribute == "style" and _FETCHES.search(value)) else value


RENDERERS: dict[str, Callable[[str], str]] = {
    "markdown": _markdown,
    "text": text_block_html,
    "code": code_block_html,
    "json": _json,
    "math": _math,
    "html": _frame,
}
"""By format; `render_html` documents them."""
