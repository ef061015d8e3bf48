"""Where something may stand in Markdown without changing what the rest means: behind words, and not inside of code.

Blocks and what is in a line are read by the renderer's own parser, so that both agree on what is code, a formula, a
link, a cell of a table. What is put in is checked against it once more, line by line.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .controls import visible_controls
from .emphasis import is_cjk
from .markdown import parser
from .source_marks import MARK_TOKEN, SOURCE_MARK
from .text_runs import Block, Run, blocks_of, taken_apart

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Places", "inserted"]

_WORD = re.compile(r"\w*")
_BENDING = "!\\"
"""Before a bracket they make an image of it, or text."""
_MOST_STEPS = 64
_FLAGS = ("\U0001f1e6", "\U0001f1ff")
_JOINER = "\u200d"
_SKINS = ("\U0001f3fb", "\U0001f3ff")


class Places:
    """The places of one text.

    Parameters
    ----------
    text
        Markdown; the time it takes grows with its length.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.replace("\r", " ").replace("\x00", "\x01")  # of the same length
        self._lines, self._runs, self._blocks, self.links = taken_apart(self._plain)
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

    def harmless(self, marks: Mapping[int, str]) -> dict[int, str]:
        """Return what to put in, by its place: of marks in places that `behind` returned those that change nothing."""
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
        marked = inserted(self._plain, done)
        return done if _outline(blocks_of(self._plain)) == _outline(blocks_of(marked)) else {}

    def _behind_run(self, number: int, end: int) -> int | None:
        run = self._runs[number]
        place = run.end if run.is_whole or end >= run.end else self._behind_word(run, end)
        if not run.is_whole:
            while place > run.begin and self._text[place - 1] in _BENDING:
                place -= 1
            if place == run.begin:
                return None
        while number + 1 < len(self._runs) and (after := self._runs[number + 1]).begin == place:
            if not after.is_closing:
                break
            number, place = number + 1, after.end
        return None if self._text[place - 1] == "\r" else place  # half of the end of a line

    def _behind_word(self, run: Run, place: int) -> int:
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

    def _block_before(self, end: int) -> Block | None:
        number = bisect_left(self._block_begins, end) - 1
        return self._blocks[number] if number >= 0 else None

    def _run_that_ends(self, place: int) -> Run | None:
        number = bisect_left(self._begins, place) - 1
        run = self._runs[number] if number >= 0 else None
        return run if run is not None and run.begin < place <= run.end else None

    def _harmless(self, number: int, marks: Mapping[int, str]) -> Mapping[int, str]:
        """Return the marks of a line where they change nothing: in their places, else at its end, else none."""
        line = self._lines[number]
        end = line.origin(len(line.content) - 1) + 1
        for found in (marks, {end: "".join(marks[place] for place in sorted(marks))}):
            there = {self._at(place, number): mark for place, mark in found.items()}
            if None not in there and _meaning(inserted(line.content, there)) == _meaning(line.content):  # type: ignore[arg-type]
                return found
        return {}

    def _at(self, place: int, number: int) -> int | None:
        run = self._run_that_ends(place)
        return None if run is None or run.line != number else run.at + min(place - run.begin, run.size)


def _is_letter(char: str) -> bool:
    """Tell whether a character is of a word that blanks set apart."""
    return (char.isalnum() or char == "_") and not is_cjk(char)


def _is_one(text: str, place: int) -> bool:
    """Return whether the code points on both sides of a place make up one character for a reader."""
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


def inserted(text: str, marks: Mapping[int, str]) -> str:
    """Return a text with others put in at their places."""
    pieces, done = [], 0
    for place in sorted(marks):
        pieces += [text[done:place], marks[place]]
        done = place
    return "".join([*pieces, text[done:]])


def _meaning(content: str) -> list[tuple[str, str]]:
    """Return what a line says, without marks of sources."""
    md = parser()
    tokens: list[Token] = []
    md.inline.parse(visible_controls(content), md, {}, tokens)
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
