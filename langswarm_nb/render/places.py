"""Where something may stand in Markdown without changing what the rest means: behind words, and not inside of code.

Blocks and what is in a line are read by the renderer's own parser, so that both agree on what is code, a formula, a
link, a cell of a table. What is put in is checked against it once more, line by line.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.balance_pairs import link_pairs

from .emphasis import is_cjk
from .markdown import parser
from .source_marks import MARK_TOKEN, SOURCE_MARK

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Link", "Places"]

_PIECE = re.compile(r"\s+|\S+")
_HEADING_END = re.compile(r"[ \t]+#+[ \t]*$")
_WORD = re.compile(r"\w*")
_URL = re.compile(r"https?://[^\s<>()\[\]]+")
_MOST_STEPS = 64
_FLAGS = ("\U0001f1e6", "\U0001f1ff")
_JOINER = "\u200d"
_SKINS = ("\U0001f3fb", "\U0001f3ff")


class Link(NamedTuple):
    """A link in the text."""

    begin: int
    end: int
    address: str


class _Run(NamedTuple):
    """A run of characters of one kind, in the whole text and in the line that it is of."""

    begin: int
    end: int
    line: int
    """Number of its `_Line`."""
    at: int
    """Where it begins in that."""
    is_whole: bool
    """Whether nothing may stand in it."""
    is_content: bool
    """Whether something may stand behind it."""
    is_closing: bool = False
    """Whether it ends emphasis, and belongs to what is before it."""


class _Block(NamedTuple):
    """A block of code or a displayed formula."""

    begin: int
    end: int
    is_free: bool
    """Whether a paragraph may follow it."""


class _Line(NamedTuple):
    """Text that is read as one: a paragraph, a heading, a cell."""

    content: str
    begins: list[int]
    """Of its lines, in it."""
    origins: list[int]
    """Of its lines, in the whole text."""

    def origin(self, at: int) -> int:
        number = bisect_right(self.begins, at) - 1
        return self.origins[number] + at - self.begins[number]


class Places:
    """The places of one text.

    Parameters
    ----------
    text
        Markdown; the time it takes grows with its length.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.replace("\r", " ").replace("\x00", "\ufffd")  # of the same length
        self._lines: list[_Line] = []
        self._runs: list[_Run] = []
        self._blocks: list[_Block] = []
        self.links: list[Link] = []
        self._read()
        self._begins = [run.begin for run in self._runs]
        self._block_begins = [block.begin for block in self._blocks]
        self._anchors: list[int] = []
        for number, run in enumerate(self._runs):
            self._anchors.append(number if run.is_content else self._anchors[-1] if number else -1)

    def behind(self, end: int) -> int | None:
        """Return the place behind the character before ``end`` or what that belongs to; None where there is none."""
        number = bisect_left(self._begins, end) - 1
        anchor = self._anchors[number] if number >= 0 else -1
        block = self._block_before(end)
        said_end = self._runs[anchor].end if anchor >= 0 else 0
        if block is not None and block.begin >= said_end and block.is_free:
            return block.end
        return None if anchor < 0 else self._behind_run(anchor, end)

    def put(self, marks: Mapping[int, str]) -> str:
        """Return the text with marks by their places, which `behind` returned; without those that would change it."""
        inside: dict[int, dict[int, str]] = {}
        done: dict[int, str] = {}
        for place, mark in marks.items():
            run = self._run_that_ends(place)
            if run is None:
                done[place] = f"\n\n{mark}\n"
            else:
                inside.setdefault(run.line, {})[place] = mark
        for number, found in inside.items():
            done |= self._harmless(number, found)
        marked = _inserted(self._text, done)
        if _outline(_blocks_of(self._plain)) != _outline(_blocks_of(marked.replace("\r", " "))):
            return self._text
        return marked

    def _behind_run(self, number: int, end: int) -> int | None:
        run = self._runs[number]
        place = run.end if run.is_whole or end >= run.end else self._behind_word(run, end)
        if not run.is_whole:
            while (
                place > run.begin and self._text[place - 1] in "!\\"
            ):  # with which a mark would be something else
                place -= 1
            if place == run.begin:
                return None
        while number + 1 < len(self._runs) and (after := self._runs[number + 1]).begin == place:
            if not after.is_closing:
                break
            number, place = number + 1, after.end
        return None if self._text[place - 1] == "\r" else place  # half of the end of a line

    def _behind_word(self, run: _Run, place: int) -> int:
        """Return the next place at which neither a word nor a character is cut."""
        text = self._text
        before, after = text[place - 1], text[place]
        if _is_letter(before) and _is_letter(after):
            found = _WORD.match(text, place, run.end)
            place = found.end() if found is not None else place
        for _ in range(_MOST_STEPS):
            if place >= run.end or not _is_one(text, place):
                break
            place += 1
        return place

    def _block_before(self, end: int) -> _Block | None:
        number = bisect_left(self._block_begins, end) - 1
        return self._blocks[number] if number >= 0 else None

    def _run_that_ends(self, place: int) -> _Run | None:
        number = bisect_left(self._begins, place) - 1
        run = self._runs[number] if number >= 0 else None
        return run if run is not None and run.begin < place <= run.end else None

    def _harmless(self, number: int, marks: Mapping[int, str]) -> Mapping[int, str]:
        """Return the marks of a line where they change nothing: in their places, else at its end, else none."""
        line = self._lines[number]
        end = line.origin(len(line.content) - 1) + 1
        for found in (marks, {end: "".join(marks[place] for place in sorted(marks))}):
            there = {self._at(place, number): mark for place, mark in found.items()}
            if None not in there and _meaning(_inserted(line.content, there)) == _meaning(line.content):  # type: ignore[arg-type]
                return found
        return {}

    def _at(self, place: int, number: int) -> int | None:
        run = self._run_that_ends(place)
        return None if run is None or run.line != number else run.at + min(place - run.begin, self._size(run))

    def _size(self, run: _Run) -> int:
        return self._sizes[run.begin]

    def _read(self) -> None:
        lines = self._plain.split("\n")
        origins = [0]
        for line in lines:
            origins.append(origins[-1] + len(line) + 1)
        self._sizes: dict[int, int] = {}
        cursor = 0
        is_heading = False
        is_cell = False
        for token in _blocks_of(self._plain):
            is_heading = token.type == "heading_open" or (is_heading and token.type == "inline")
            if token.type in {"td_open", "th_open"}:
                is_cell = True
            elif token.type != "inline":
                is_cell = False
            if token.type in {"fence", "code_block", "math_block"} and token.map:
                self._blocks.append(_block(token, lines, origins))
            if token.type != "inline" or not token.map or not token.content.strip():
                continue
            if is_cell:
                begin, limit = origins[token.map[0]], origins[token.map[0] + 1] - 1
                found, cursor = _cell(self._plain, token.content, max(cursor, begin), limit)
            else:
                found = _paragraph(token, lines, origins, is_heading=is_heading)
            if found is not None:
                self._add(found)

    def _add(self, line: _Line) -> None:
        number = len(self._lines)
        self._lines.append(line)
        for begin, end, is_whole, is_content, is_closing, address in _atoms(line.content):
            origin, origin_end = line.origin(begin), line.origin(end - 1) + 1
            self._sizes[origin] = end - begin
            self._runs.append(_Run(origin, origin_end, number, begin, is_whole, is_content, is_closing))
            if address:
                self.links.append(Link(origin, origin_end, address))


def _blocks_of(text: str) -> list[Token]:
    """Return the tokens of blocks."""
    tokens: list[Token] = []
    md = parser()
    md.block.parse(text, md, {}, tokens)
    return tokens


def _is_letter(char: str) -> bool:
    """Tell whether a character is of a word that blanks set apart."""
    return (char.isalnum() or char == "_") and not is_cjk(char)


def _is_one(text: str, place: int) -> bool:
    """Tell whether the characters beside a place are one for who reads them."""
    before, after = text[place - 1], text[place]
    if _JOINER in (before, after) or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if (
        _SKINS[0] <= after <= _SKINS[1]
        or "\ufe00" <= after <= "\ufe0f"
        or "\U000e0000" <= after <= "\U000e0fff"
    ):
        return True
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if not (_FLAGS[0] <= before <= _FLAGS[1] and _FLAGS[0] <= after <= _FLAGS[1]):
        return False
    begin = place
    while begin and place - begin < _MOST_STEPS and _FLAGS[0] <= text[begin - 1] <= _FLAGS[1]:
        begin -= 1
    return (place - begin) % 2 == 1


def _block(token: Token, lines: Sequence[str], origins: Sequence[int]) -> _Block:
    first, last = token.map or (0, 1)
    while last - 1 > first and not lines[last - 1].strip():
        last -= 1
    end = lines[last - 1].strip()
    is_closed = token.type != "fence" or (
        last - first > 1 and end.startswith(token.markup) and not end.strip(token.markup[0])
    )
    return _Block(origins[first], origins[last] - 1, token.level == 0 and is_closed)


def _cell(text: str, content: str, cursor: int, limit: int) -> tuple[_Line | None, int]:
    """Return a cell of a table, and where the next one is looked for."""
    written = content.replace("|", "\\|")
    begin = text.find(written, cursor, limit)
    if begin < 0 or written != content:  # with an escaped bar in it, it is not as it is written
        return None, cursor if begin < 0 else begin + len(written)
    return _Line(content, [0], [begin]), begin + len(content)


def _paragraph(
    token: Token, lines: Sequence[str], origins: Sequence[int], *, is_heading: bool
) -> _Line | None:
    """Return text of one or more lines; None where it cannot be found again in the lines it came from."""
    begins, found_at, at = [], [], 0
    first = (token.map or (0, 1))[0]
    for number, line in enumerate(token.content.split("\n"), first):
        if number >= len(lines):
            return None
        written = lines[number].rstrip()
        if is_heading and not written.endswith(line.rstrip()):
            written = _HEADING_END.sub("", written)
        if not written.endswith(line.rstrip()):
            return None
        begins.append(at)
        found_at.append(origins[number] + len(written) - len(line.rstrip()))
        at += len(line) + 1
    return _Line(token.content, begins, found_at)


def _atoms(content: str) -> Iterator[tuple[int, int, bool, bool, bool, str]]:
    """Yield what a line consists of: begin, end, whether it is whole, content, a closing mark; and a link's address."""
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
    for found in _PIECE.finditer(content, begin, end):
        address = _URL.search(found[0])
        is_word = not found[0].isspace()
        is_address = address is not None
        yield found.start(), found.end(), is_address, is_word, False, address[0] if address else ""


def _inserted(text: str, marks: Mapping[int, str]) -> str:
    pieces, done = [], 0
    for place in sorted(marks):
        pieces += [text[done:place], marks[place]]
        done = place
    return "".join([*pieces, text[done:]])


def _meaning(content: str) -> list[tuple[str, str]]:
    """Return what a line says, without marks of sources."""
    md = parser()
    tokens: list[Token] = []
    md.inline.parse(content, md, {}, tokens)
    said: list[tuple[str, str]] = []
    for token in tokens:
        if token.type == MARK_TOKEN:
            continue
        told = (
            f"{token.markup}{token.attrs.get('href', '')}{token.content}"
            if token.type != "text"
            else token.content
        )
        if token.type == "text" and said and said[-1][0] == "text":
            said[-1] = ("text", said[-1][1] + told)
        elif told or token.type != "text":
            said.append((token.type, told))
    return said


def _outline(tokens: Sequence[Token]) -> list[tuple[str, int]]:
    """Return which blocks there are, without paragraphs of marks alone."""
    kinds: list[tuple[str, int]] = []
    for token in tokens:
        is_marks = token.type == "inline" and token.content and not SOURCE_MARK.sub("", token.content)
        if is_marks:
            kinds.pop()
        kinds.append(("marks" if is_marks else token.type, token.level))
    cleaned: list[tuple[str, int]] = []
    skip = False
    for kind in kinds:
        if kind[0] == "marks":
            skip = True
        elif skip:
            skip = False
        else:
            cleaned.append(kind)
    return cleaned
