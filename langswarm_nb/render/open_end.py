"""Markdown that stops in the midst, as it is to be shown meanwhile: no half of a mark is seen, and what is open ends.

A model writes ``**`` long before the bold text ends, the head of a table before anything says that it is one, half an
address before the rest. Rendered as it stands, each of these is seen as marks first and as what it means a moment
later. So a mark that has begun is closed, or held back for the moment when nobody can know yet what it will be.

What is returned is Markdown like any other and goes the same way; the whole text never passes here.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple

__all__ = ["Fence", "completed", "open_fence"]

_MAX_INLINE_CHARS = 4000
"""A longer paragraph is shown as it stands."""
_MAX_HELD_CHARS = 200
"""So much of a link or a formula that has no end yet is held back; a longer one is none."""
_MAX_DOLLAR_CHARS = 80
"""The same for what a single dollar sign begins, which is a price more often than a formula."""

_LEAD = r"(?:[ >]|[-*+] |\d{1,9}[.)] )*"
_FENCE = re.compile(rf"{_LEAD}(?P<mark>`{{3,}}(?!.*`)|~{{3,}})")
_BLANK_LINE = re.compile(r"\n[ \t>]*(?=\n)")
_ITEM = re.compile(r"^[ \t>]*(?:[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+", re.MULTILINE)
_BARE_MARK = re.compile(r"[ \t>]*(?:[-=*+_#>|~`\\$:]+|\d{1,9}[.)]?|[-*+] ?\[[ xX]?)[ \t]*")
"""A line that may yet become a heading, an item, a rule, a fence, a table."""
_ROW = re.compile(r"[ \t>]*\|")
_UNDER_HEAD = re.compile(r"[ \t>|:-]*")
_SPECIAL = re.compile(r"[\\`$*_~\[<]")
_LINK = re.compile(r"\[[^\[\]\n]*\]\([^()\n]*\)")
_HALF_TAG = re.compile(r"</?[A-Za-z]?[^<>\s]*[ /]*")


class Fence(NamedTuple):
    """A fenced code block that has no end yet."""

    mark: str
    code_begins: int
    """Where its first line begins; the end of the text when the line of the mark is not whole."""


def completed(source: str) -> str:
    r"""Return Markdown with its open end closed, or held back.

    Examples
    --------
    >>> completed("A **bold wo")
    'A **bold wo**'
    >>> completed("See [the docs](https://exam")
    'See the docs'
    >>> completed("Look:\n\n| city | fli")
    'Look:\n\n'
    """
    fence, after_code = _last_fence(source)
    if fence is not None:
        return _fenced(source, fence)
    blanks = [match.end() + 1 for match in _BLANK_LINE.finditer(source)]
    begin = max(after_code, blanks[-1] if blanks else 0)
    if len(source) - begin > _MAX_INLINE_CHARS:
        return source
    block = _without_table_head(_without_bare_mark(source[begin:]))
    items = [match.end() for match in _ITEM.finditer(block)]
    inline = max(items[-1] if items else 0, _last_row(block))
    return source[:begin] + block[:inline] + _closed(block[inline:])


def open_fence(source: str) -> Fence | None:
    """Return the fence at the end of Markdown that was not closed; None when there is none."""
    return _last_fence(source)[0]


def _last_fence(source: str) -> tuple[Fence | None, int]:
    """Return the fence that is open at the end, and where the last one that was closed ends."""
    fence: Fence | None = None
    at = closed_at = 0
    for line in source.split("\n"):
        begin, at = at, at + len(line) + 1
        found = _FENCE.match(line)
        if fence is None and found is not None:
            fence = Fence(found["mark"], min(at, len(source)))
        elif fence is not None and found is not None and _closes(fence, found, line, begin):
            fence, closed_at = None, min(at, len(source))
    return fence, closed_at


def _closes(fence: Fence, found: re.Match[str], line: str, begin: int) -> bool:
    is_bare = not line[found.end() :].strip()
    return is_bare and found["mark"].startswith(fence.mark) and begin >= fence.code_begins


def _fenced(source: str, fence: Fence) -> str:
    """Leave out half a mark: of the beginning, whose language is not whole, or of the end."""
    start = source.rfind("\n") + 1
    line = source[start:]
    if fence.code_begins == len(source) and not source.endswith("\n"):
        return source[:start]
    is_half = bool(line.strip()) and fence.mark.startswith(line.strip())
    return source[:start] if is_half else source


def _without_bare_mark(block: str) -> str:
    start = block.rfind("\n") + 1
    return block[:start] if _BARE_MARK.fullmatch(block, start) else block


def _without_table_head(block: str) -> str:
    """Leave out the first row of a table until the row below it says that it is one."""
    lines = block.rstrip("\n").split("\n")
    match [*takewhile(_ROW.match, reversed(lines))]:
        case [_]:
            held = 1
        case [under, head] if _UNDER_HEAD.fullmatch(under) and _cells(under) < _cells(head):
            held = 2
        case _:
            return block
    return "".join(f"{line}\n" for line in lines[:-held])


def _cells(row: str) -> int:
    return row.strip(" \t>").strip("|").count("|") + 1 if row.strip(" \t>|") else 0


def _last_row(block: str) -> int:
    """Return where the last row of a table begins: marks do not reach from one into the next."""
    start = block.rstrip("\n").rfind("\n") + 1
    return start if _ROW.match(block, start) else 0


def _closed(text: str) -> str:
    """Return inline Markdown in which nothing is open."""
    scan = _Scan(text)
    while not scan.is_over:
        scan.step()
    return scan.result()


class _Mark(NamedTuple):
    text: str
    end: int


class _Scan:
    """Goes through inline Markdown once, from mark to mark."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Mark] = []
        self._code = ""
        """What closes the code at the end."""
        self.is_over = False

    def result(self) -> str:
        """Return the text with what is open closed, innermost first."""
        text = self._text
        ends = len(text.rstrip())
        if not self._open and not self._code:
            return text
        text = text[:ends] + self._code
        for mark in reversed(self._open):
            # Nothing stands in it so far: it would be a mark by itself.
            text = text[: mark.end - len(mark.text)] if len(text) <= mark.end else text + mark.text
        return text

    def step(self) -> None:
        """Go behind the next mark."""
        found = _SPECIAL.search(self._text, self._at)
        if found is None:
            self.is_over = True
            return
        self._at = found.start()
        {
            "\\": self._escape,
            "`": self._backticks,
            "$": self._dollar,
            "[": self._bracket,
            "<": self._tag,
        }.get(found[0], self._emphasis)()

    def _hold_back(self, at: int) -> None:
        self._text, self.is_over = self._text[:at], True

    def _escape(self) -> None:
        text, at = self._text, self._at
        following = text[at + 1 : at + 2]
        if following in {"(", "["}:
            self._formula("\\" + following, "\\)" if following == "(" else "\\]", _MAX_HELD_CHARS * 5)
        elif not following:
            self._hold_back(at)
        else:
            self._at += 2

    def _backticks(self) -> None:
        text, at = self._text, self._at
        mark = _run(text, at)
        body = at + len(mark)
        while (end := text.find(mark, body)) >= 0:
            closer = _run(text, end)
            if closer == mark:
                self._at = end + len(mark)
                return
            body = end + len(closer)
        code = text[at + len(mark) :].rstrip("`" if len(mark) > 1 else "")
        if code.strip():
            self._text, self._code, self.is_over = text[:at] + mark + code, mark, True
        else:
            self._hold_back(at)

    def _dollar(self) -> None:
        if self._text.startswith("$$", self._at):
            self._formula("$$", "$$", _MAX_HELD_CHARS * 5)
            return
        after = self._text[self._at + 1 : self._at + 2]
        if not after:
            self._hold_back(self._at)
        elif after.isalpha() or after in {"\\", "{", "("}:
            self._formula("$", "$", _MAX_DOLLAR_CHARS)
        else:
            self._at += 1

    def _formula(self, opener: str, closer: str, most_chars: int) -> None:
        at = self._at
        end = self._text.find(closer, at + len(opener))
        if end >= 0:
            self._at = end + len(closer)
        elif len(self._text) - at <= most_chars:
            self._hold_back(at)
        else:
            self._at += len(opener)

    def _bracket(self) -> None:
        text, at = self._text, self._at
        if found := _LINK.match(text, at):
            self._at = found.end()
        elif len(text) - at > _MAX_HELD_CHARS:
            self._at += 1
        else:
            self._late_bracket(text, at)

    def _late_bracket(self, text: str, at: int) -> None:
        """Show the text of a link as text until the address is whole, and nothing of an image."""
        end = text.find("]", at)
        is_link = end < 0 or end + 1 == len(text) or text[end + 1] == "("
        if not is_link:
            self._at += 1
        elif text[at - 1 : at] == "!":
            self._hold_back(at - 1)
        else:
            self._text = text[:at] + (text[at + 1 :] if end < 0 else text[at + 1 : end])

    def _tag(self) -> None:
        if _HALF_TAG.fullmatch(self._text, self._at):
            self._hold_back(self._at)
        else:
            self._at += 1

    def _emphasis(self) -> None:
        text, at = self._text, self._at
        mark = _run(text, at)
        end = at + len(mark)
        if end == len(text):
            self._hold_back(at)  # what it is depends on what follows
            return
        before, after = text[at - 1 : at], text[end]
        self._at = end
        is_in_word = before.isalnum() and after.isalnum()
        if mark == "~" or (is_in_word and (mark[0] == "_" or len(mark) == 1)):
            return
        left = mark if not before or before.isspace() else self._close(mark)
        if left and not after.isspace():
            self._open += [_Mark(piece, end) for piece in _pieces(left)]

    def _close(self, mark: str) -> str:
        """Close what a mark can close, and return what is left of it."""
        while (
            mark
            and self._open
            and self._open[-1].text[0] == mark[0]
            and len(self._open[-1].text) <= len(mark)
        ):
            mark = mark[len(self._open.pop().text) :]
        return mark


def _run(text: str, at: int) -> str:
    """Return the sign that stands at a place, as often as it stands there."""
    end = at
    while text[end : end + 1] == text[at]:
        end += 1
    return text[at:end]


def _pieces(mark: str) -> list[str]:
    """Return the marks that a run of signs opens, the outermost first."""
    if mark[0] == "~":
        return [mark]
    return {1: [mark], 2: [mark], 3: [mark[0], mark[:2]]}.get(len(mark), [])
