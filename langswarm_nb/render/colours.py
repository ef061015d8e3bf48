"""Colours in code: what Pygments finds in it, as a few kinds of spans that a style sheet gives colours.

A block is read in windows that end where a line of the top level begins, so that a growing block costs its last
window alone, and a long one never holds its caller for long. Only a few kinds get a colour, and neighbours of one kind
share a span: names and punctuation, which are most of the code, cost nothing on the wire.
"""

from __future__ import annotations

import functools
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import Lexer

    Token = tuple[int, Any, str]

__all__ = ["KINDS", "LANGUAGES", "MAX_COLOURED_CHARS", "coloured_html"]

MAX_COLOURED_CHARS = 12_000
"""Of one block; what follows is shown without colours. It keeps a call within some tens of milliseconds."""
_WINDOW_CHARS = 4000
_LONGEST_LINE = 1000
"""In longer ones, of minified or made-up code, some lexers look for a long time."""

KINDS = {
    "Comment.Preproc": "m",
    "Comment": "c",
    "Keyword": "k",
    "Operator.Word": "k",
    "Literal.String": "s",
    "Literal.Number": "n",
    "Name.Function": "f",
    "Name.Class": "f",
    "Name.Builtin": "b",
    "Name.Exception": "b",
    "Name.Decorator": "m",
    "Name.Tag": "k",
    "Name.Attribute": "f",
    "Generic.Heading": "k",
    "Generic.Subheading": "m",
    "Generic.Inserted": "n",
    "Generic.Deleted": "s",
    "Generic.Prompt": "c",
}
"""The last part of a span's class by the token's type: comment, keyword, string, number, function, built-in, meta."""

_NAMES = """
    bash: sh shell zsh
    bat: batch cmd
    c: h
    cpp: c++ cc cxx hpp
    csharp: c# cs
    css: scss less
    dart:
    diff: patch udiff
    docker: dockerfile
    elixir: ex exs
    go: golang
    haskell: hs
    html: htm vue svelte
    ini: cfg conf dosini properties
    java:
    javascript: js jsx mjs node ecmascript
    json: jsonc json5 geojson ipynb
    julia: jl
    kotlin: kt
    latex: tex
    lua:
    make: makefile mk
    matlab: octave
    perl: pl
    powershell: ps1 pwsh
    python: py python3 py3 ipython ipython3 gyp
    pycon: python-console doctest
    r: rlang splus
    ruby: rb
    rust: rs
    scala:
    sql: mysql sqlite postgres postgresql psql duckdb tsql plsql bigquery
    swift:
    toml:
    typescript: ts tsx
    xml: svg xsd rss
    yaml: yml
"""
LANGUAGES: dict[str, str] = {
    name: line.split(":")[0].strip()
    for line in _NAMES.strip().splitlines()
    for name in line.replace(":", " ").split()
}
"""The lexer for each name that a block may give its language. All of them were tried on text made to slow them down."""


def coloured_html(code: str, language: str) -> str:
    """Return code, in which what hides is visible already, as HTML for use in ``code``.

    Parameters
    ----------
    code
        Any text.
    language
        One of `LANGUAGES` in any case; else the code has no colours.
    """
    name = LANGUAGES.get(language.lower())
    if name is None:
        return escape(code, quote=False)
    pieces: list[str] = []
    start = 0
    while start < min(len(code), MAX_COLOURED_CHARS):
        html, taken = _window_html(
            name, code[start : start + _WINDOW_CHARS], start + _WINDOW_CHARS < len(code)
        )
        pieces.append(html)
        start += taken
    return "".join(pieces) + escape(code[start:], quote=False)


@functools.lru_cache(maxsize=64)
def _window_html(name: str, window: str, goes_on: bool) -> tuple[str, int]:
    """Return the HTML of the beginning of a window, and how many characters of it that is."""
    tokens = _tokens(name, window)
    end = _end(tokens, window) if goes_on else len(window)
    return "".join(_spans(tokens, window, end)), end


def _tokens(name: str, window: str) -> list[Token]:
    if any(len(line) > _LONGEST_LINE for line in window.split("\n")):
        return []
    tokens = list(_lexer(name).get_tokens_unprocessed(window))
    is_whole = "".join(value for _, _, value in tokens) == window
    return tokens if is_whole else []  # a lexer that drops or doubles text is not to be trusted with it


@functools.cache
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name)


def _end(tokens: list[Token], window: str) -> int:
    """Return where to cut: before a line of the top level, else before any, else at the window's end."""
    lines = [
        (start, value)
        for start, kind, value in tokens
        if start and window[start - 1] == "\n" and _kind(kind) not in {"s", "c"}
    ]
    starts = [start for start, value in lines if value[0].isalnum() or value[0] in "@_<#-"]
    return (
        max(starts, default=0)
        or max((start for start, _ in lines), default=0)
        or window.rfind("\n") + 1
        or len(window)
    )


def _spans(tokens: list[Token], window: str, end: int) -> Iterator[str]:
    """Yield the window's HTML up to its end, neighbours of one kind in one span."""
    now, begun = "", 0
    for start, kind, value in tokens:
        if start >= end:
            break
        new = _kind(kind)
        if new != now and (new or not value.isspace()):
            yield _span(now, window[begun:start])
            now, begun = new, start
    yield _span(now, window[begun:end])


def _span(kind: str, text: str) -> str:
    if not kind:
        return escape(text, quote=False)
    words = text.rstrip()
    return (
        f'<span class="lsnb-{kind}">{escape(words, quote=False)}</span>{text[len(words) :]}'
        if words
        else text
    )


@functools.cache
def _kind(token_type: Any) -> str:
    name = str(token_type).removeprefix("Token.")
    while name:
        if name in KINDS:
            return KINDS[name]
        name = name.rpartition(".")[0]
    return ""
