"""Emphasis beside Chinese, Japanese and Korean text, and line breaks in the cells of tables: what CommonMark lacks.

CommonMark takes marks of emphasis for such by the blanks around words. Scripts that put none there, and particles that
follow a bracket at once, leave ``**`` as text: with one of their characters beside it, a mark needs no blank.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from markdown_it.rules_inline import emphasis, strikethrough

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

    Rule = Callable[[StateInline, bool], bool]

__all__ = ["add_breaks", "add_emphasis", "is_cjk", "with_breaks"]

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_BREAK_TOKEN = "break_tag"  # noqa: S105 - a name of a token


def add_emphasis(md: MarkdownIt) -> None:
    """Teach a parser that emphasis and strikethrough begin and end beside CJK characters without a blank."""
    md.inline.ruler.at("emphasis", _beside_cjk(emphasis.tokenize))
    md.inline.ruler.at("strikethrough", _beside_cjk(strikethrough.tokenize))


def _beside_cjk(rule: Rule) -> Rule:
    def tokenize(state: StateInline, silent: bool) -> bool:
        start, n_before = state.pos, len(state.delimiters)
        found = rule(state, silent)
        new = state.delimiters[n_before:]
        if new and state.src[start] != "_":  # which is a letter of many names
            before = _before(state.src, start)
            after = state.src[state.pos] if state.pos < state.posMax else " "
            is_beside = is_cjk(before) or is_cjk(after)
            for delimiter in new:
                delimiter.open = delimiter.open or (is_beside and not after.isspace())
                delimiter.close = delimiter.close or (is_beside and not before.isspace())
        return found

    return tokenize


def _before(text: str, place: int) -> str:
    """Return the character before a place; a variation selector belongs to the one before it."""
    if place > 1 and (
        "\ufe00" <= text[place - 1] <= "\ufe0e" or "\U000e0100" <= text[place - 1] <= "\U000e01ef"
    ):
        place -= 1
    return text[place - 1] if place else " "


def is_cjk(char: str) -> bool:
    """Return whether a character is of those scripts or their punctuation: wide or half-width, but no emoji."""
    if char < "\u1100":
        return False
    is_emoji = "\u2300" <= char < "\u2e80" or "\U0001f000" <= char < "\U00020000"
    is_hangul_letter = "\u1100" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff"
    return is_hangul_letter or (not is_emoji and unicodedata.east_asian_width(char) in "WFH")


def add_breaks(md: MarkdownIt) -> None:
    """Teach a parser the bare ``<br>``: what it is depends on where it stands, see `with_breaks`."""
    md.inline.ruler.before("html_inline", _BREAK_TOKEN, _break_tag)


def _break_tag(state: StateInline, silent: bool) -> bool:
    found = _BREAK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push(_BREAK_TOKEN, "br", 0).content = found[0]
    state.pos = found.end()
    return True


def with_breaks(tokens: list[Token], *, is_cell: bool) -> list[Token]:
    """Return tokens in which a bare ``<br>`` breaks the line of a cell, which has no other way; else it is text."""
    for token in tokens:
        if token.type == _BREAK_TOKEN:
            token.type = "hardbreak" if is_cell else "text"
        if token.children:  # of an image: its alternative text
            with_breaks(token.children, is_cell=False)
    return tokens
