"""Marks of sources in Markdown: ``[[^1]](https://…)``, or ``[[^1]]`` without an address; a small raised link.

No model writes one by chance. One that is written on purpose shows its address as its title, as every link does.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from .links import attribute, is_safe_address, web_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["MARK_TOKEN", "MAX_NUMBER", "SOURCE_MARK", "add_source_marks", "source_mark"]

MARK_TOKEN = "source_mark"  # noqa: S105 - a name of a token
MAX_NUMBER = 9999
SOURCE_MARK = re.compile(r"\[\[\^(?P<number>\d{1,4})\]\](?:\((?P<address>https?://[!-'*-;=?-\[\]-~]+)\))?")
_ENCODED = {ord(char): f"%{ord(char):02X}" for char in "()<>\\`$|*_~\"'^{}[]"}
"""What could mean something to Markdown or to a table, were the mark no mark."""
_BRACKETED = re.compile(r"(?<=//)\[[0-9A-Fa-f:.]+\]")


def source_mark(number: int, url: object) -> str:
    """Return the mark of a source, for use in Markdown."""
    address = web_address(url)
    return f"[[^{number}]]" + (f"({_without_signs(address)})" if address else "")


def _without_signs(address: str) -> str:
    host = _BRACKETED.search(address)  # of IPv6
    end = 0 if host is None else host.end()
    return address[:end] + address[end:].translate(_ENCODED)


def add_source_marks(md: MarkdownIt) -> None:
    """Teach a parser the marks of sources."""
    md.inline.ruler.before("link", MARK_TOKEN, _source_mark)
    md.add_render_rule(MARK_TOKEN, _render)


def _source_mark(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "[":
        return False
    found = SOURCE_MARK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        token = state.push(MARK_TOKEN, "", 0)
        token.content = found["number"]
        address = found["address"] or ""
        token.attrs = {"href": address} if is_safe_address(address) else {}
    state.pos = found.end()
    return True


def _render(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    token = tokens[index]
    label, address = f"[{escape(token.content)}]", token.attrs.get("href")
    if address:
        where = attribute(str(address))
        label = f'<a href="{where}" title="{where}">{label}</a>'
    return f'<sup class="lsnb-cite">{label}</sup>'
