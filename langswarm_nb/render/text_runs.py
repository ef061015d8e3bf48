"""Markdown taken apart by the renderer's own parser: blocks, lines of text, and the runs of characters in them.

So what is code, a formula, a link, a cell of a table is the same here as in what is shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.balance_pairs import link_pairs

from .controls import visible_controls
from .markdown import parser

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Block", "Line", "Link", "Run", "blocks_of", "taken_apart"]

_PIECE = re.compile(r"\s+|\S+")
_HEADING_END = re.compile(r"[ \t]+#+[ \t]*$")
_BOX = re.compile(r"\[[ xX]\](?= +\S)")
"""Of a task: see `langswarm_nb.render.markdown`."""
_AFTER_ADDRESS = ".,;:!?'\"*_"
_CODE = {"fence", "code_block", "math_block"}
_CELLS = {"td_open", "th_open"}
_URL = re.compile(r"https?://[^\s<>()\[\]]+")


class Link(NamedTuple):
    """A link in the text."""

    begin: int
    end: int
    address: str


class Run(NamedTuple):
    """A run of characters of one kind, in the whole text and in the line that it is of."""

    begin: int
    end: int
    line: int
    """Number of its `Line`."""
    at: int
    """Where it begins in that."""
    size: int
    """Its length in that."""
    is_whole: bool
    """Whether nothing may stand in it."""
    is_content: bool
    """Whether something may stand behind it."""
    is_closing: bool = False
    """Whether it ends emphasis, and belongs to what is before it."""


class Block(NamedTuple):
    """A block of code or a displayed formula."""

    begin: int
    end: int
    is_free: bool
    """Whether a paragraph may follow it."""


class Line(NamedTuple):
    """Text that is read as one: a paragraph, a heading, a cell."""

    content: str
    begins: list[int]
    """Of its lines, in it."""
    origins: list[int]
    """Of its lines, in the whole text."""

    def origin(self, at: int) -> int:
        number = bisect_right(self.begins, at) - 1
        return self.origins[number] + at - self.begins[number]


class Apart(NamedTuple):
    """What a text consists of, in its order."""

    lines: list[Line]
    runs: list[Run]
    blocks: list[Block]
    links: list[Link]


def taken_apart(text: str) -> Apart:
    """Return what Markdown consists of, in time that grows with its length."""
    lines = text.split("\n")
    origins = [0]
    for line in lines:
        origins.append(origins[-1] + len(line) + 1)
    apart = Apart([], [], [], [])
    cursor, before = 0, ""
    for token in blocks_of(text):
        if token.type in _CODE and token.map:
            apart.blocks.append(_block(token, lines, origins))
        elif token.type == "inline" and token.map and token.content.strip():
            if before in _CELLS:
                begin, limit = origins[token.map[0]], origins[token.map[0] + 1] - 1
                found, cursor = _cell(text, token.content, max(cursor, begin), limit)
            else:
                found = _paragraph(token, lines, origins, is_heading=before == "heading_open")
            if found is not None:
                _add(apart, found)
        before = token.type
    return apart


def _add(apart: Apart, line: Line) -> None:
    number = len(apart.lines)
    apart.lines.append(line)
    for begin, end, is_whole, is_content, is_closing, address in _atoms(line.content):
        origin, origin_end = line.origin(begin), line.origin(end - 1) + 1
        apart.runs.append(
            Run(origin, origin_end, number, begin, end - begin, is_whole, is_content, is_closing)
        )
        if address:
            apart.links.append(Link(origin, origin_end, address))


def blocks_of(text: str) -> list[Token]:
    """Return the tokens of blocks."""
    tokens: list[Token] = []
    md = parser()
    md.block.parse(text, md, {}, tokens)
    return tokens


def _block(token: Token, lines: Sequence[str], origins: Sequence[int]) -> Block:
    first, last = token.map or (0, 1)
    while last - 1 > first and not lines[last - 1].strip():
        last -= 1
    end = lines[last - 1].strip()
    is_closed = token.type != "fence" or (
        last - first > 1 and end.startswith(token.markup) and not end.strip(token.markup[0])
    )
    return Block(origins[first], origins[last] - 1, token.level == 0 and is_closed)


def _cell(text: str, content: str, cursor: int, limit: int) -> tuple[Line | None, int]:
    """Return a cell of a table, and where the next one is looked for."""
    written = content.replace("|", "\\|")
    begin = text.find(written, cursor, limit)
    if begin < 0 or written != content:  # with an escaped bar in it, it is not as it is written
        return None, cursor if begin < 0 else begin + len(written)
    return Line(content, [0], [begin]), begin + len(content)


def _paragraph(
    token: Token, lines: Sequence[str], origins: Sequence[int], *, is_heading: bool
) -> Line | None:
    """Return text of one or more lines; None where it cannot be found again in the lines it came from."""
    begins, found_at, at = [], [], 0
    first = (token.map or (0, 1))[0]
    for number, line in enumerate(token.content.split("\n"), first):
        if number >= len(lines):
            return None
        written = lines[number].rstrip()
        bare = _HEADING_END.sub("", written) if is_heading else written
        if bare.endswith(line.rstrip()):  # first: what a heading says may look like its own end
            written = bare
        if not written.endswith(line.rstrip()):
            return None
        begins.append(at)
        found_at.append(origins[number] + len(written) - len(line.rstrip()))
        at += len(line) + 1
    return Line(token.content, begins, found_at)


def _atoms(content: str) -> Iterator[tuple[int, int, bool, bool, bool, str]]:
    """Yield what a line consists of: begin, end, whether it is whole, content, a closing mark; and a link's address."""
    if visible_controls(content) != content:  # it is rendered as another text, of another length
        yield 0, len(content), True, True, False, ""
        return
    md = parser()
    state = StateInline(content, md, {}, [])
    steps: list[tuple[int, int, int, int, int]] = []
    rules = md.inline.ruler.getRules("")
    while state.pos < state.posMax:
        begin, n_tokens, n_delimiters = state.pos, len(state.tokens), len(state.delimiters)
        if not any(rule(state, False) for rule in rules):
            state.append_pending(state.src[state.pos])
            state.pos += 1
        steps.append((begin, state.pos, n_tokens, len(state.tokens), n_delimiters))
    link_pairs(state)
    closing = {delimiter.end for delimiter in state.delimiters if delimiter.end >= 0}
    opening = {number for number, delimiter in enumerate(state.delimiters) if delimiter.end >= 0}
    ends = [*(step[4] for step in steps[1:]), len(state.delimiters)]
    text_begin: int | None = None
    for (begin, end, first, last, mark), mark_end in zip(steps, ends, strict=True):
        made = [token for token in state.tokens[first:last] if token.type != "text"]
        numbers = set(range(mark, mark_end))
        is_mark = bool(numbers & (closing | opening))
        if not is_mark and not made:
            text_begin = begin if text_begin is None else text_begin
            continue
        if text_begin is not None:
            yield from _pieces(content, text_begin, begin)
            text_begin = None
        if is_mark:
            is_closing = bool(numbers & closing)
            yield begin, end, True, is_closing, is_closing, ""
        elif made[0].type in {"softbreak", "hardbreak"}:
            yield begin, end, True, False, False, ""
        else:
            address = next(
                (str(token.attrs.get("href", "")) for token in made if token.type == "link_open"), ""
            )
            yield begin, end, True, True, False, address
    if text_begin is not None:
        yield from _pieces(content, text_begin, len(content))


def _pieces(content: str, begin: int, end: int) -> Iterator[tuple[int, int, bool, bool, bool, str]]:
    """Yield words and what is between them."""
    if begin == 0 and (box := _BOX.match(content)):
        yield 0, box.end(), True, False, False, ""
        begin = box.end()
    for found in _PIECE.finditer(content, begin, end):
        address = _URL.search(found[0])
        is_word = not found[0].isspace()
        shown = "" if address is None else address[0].rstrip(_AFTER_ADDRESS)
        yield found.start(), found.end(), bool(shown), is_word, False, shown
