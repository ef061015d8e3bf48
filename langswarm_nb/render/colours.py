"""Colours in code: its comments, strings, numbers and words as spans, to which a style sheet gives colours."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from html import escape

from .languages import LANGUAGES, NAMES, Language

__all__ = ["KINDS", "coloured_html", "without_colours"]

KINDS = {
    "meta": "m",
    "comment": "c",
    "keys": "f",
    "string": "s",
    "tags": "k",
    "inserted": "n",
    "deleted": "s",
    "number": "n",
    "keyword": "k",
    "builtin": "b",
    "defined": "f",
}
"""For what is found, the last letter of its span's class; see `langswarm_nb.render.sheet` for the colours."""

_NUMBER = r"\b(?:0[xXbBoO][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?)(?:[A-Za-z%][A-Za-z0-9]{0,4})?"
_COLOURED = re.compile(f'<span class="lsnb-[{"".join(set(KINDS.values()))}]">(.*?)</span>', re.DOTALL)
_PATTERNS = ("meta", "comment", "keys", "string", "tags", "inserted", "deleted")


def coloured_html(code: str, language: str) -> str:
    """Return code, in which what hides is visible already, as HTML for use in ``code``.

    Parameters
    ----------
    code
        Any text; the time it takes grows with its length, and with nothing else.
    language
        A name of `langswarm_nb.render.languages`; with another the code has no colours.
    """
    name = NAMES.get(language)
    if name is None:
        return escape(code, quote=False)
    pieces, end = [], 0
    for start, stop, kind in _found(code, name):
        pieces += [escape(code[end:start], quote=False), _span(code[start:stop], kind)]
        end = stop
    return "".join([*pieces, escape(code[end:], quote=False)])


def without_colours(html: str) -> str:
    """Return HTML of the renderer without the spans of colours."""
    return _COLOURED.sub(r"\1", html)


def _found(code: str, name: str) -> Iterator[tuple[int, int, str]]:
    """Yield where something begins and ends, and what it is; neighbours of one kind are one."""
    language = LANGUAGES[name]
    definer_end = -1
    held: tuple[int, int, str] | None = None
    for found in _pattern(name).finditer(code):
        kind = found.lastgroup or ""
        if kind == "word":
            word = found[0].lower() if language.ignores_case else found[0]
            defines = definer_end >= 0 and code[definer_end : found.start()].isspace()
            kind = _kind_of_word(language, word, defines=defines)
            definer_end = found.end() if word in language.definers else -1
        if not kind or found.end() == found.start():
            continue
        if held is not None and held[2] == KINDS[kind] and code[held[1] : found.start()].isspace():
            held = held[0], found.end(), held[2]
            continue
        if held is not None:
            yield held
        held = found.start(), found.end(), KINDS[kind]
    if held is not None:
        yield held


def _kind_of_word(language: Language, word: str, *, defines: bool) -> str:
    if word in language.keywords:
        return "keyword"
    if defines:
        return "defined"
    return "builtin" if word in language.builtins else ""


@functools.cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of all that is told apart; each kind is a group."""
    language = LANGUAGES[name]
    groups = [(kind, getattr(language, kind)) for kind in _PATTERNS]
    groups += [("number", _NUMBER), ("word", language.word)]
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in groups if pattern))


def _span(text: str, kind: str) -> str:
    return f'<span class="lsnb-{kind}">{escape(text, quote=False)}</span>'
