"""`GrowingJson`: the best value of a JSON text that is still being written."""

from __future__ import annotations

import json
import re
from typing import Any

from langswarm_nb.core.session.text import whole

MOST_LEVELS = 100
"""What is nested more deeply is left out, with all that follows."""
_LONGEST = 400
"""So many characters a number or word may have."""
_SPACE = " \t\r\n"
_PLAIN = re.compile(r'[^"\\]+')
_ESCAPE = re.compile(
    r'\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})'
)
_ESCAPE_CHARS = 6
_HALF = re.compile(r"\\u[dD][89abAB]..")
_BEGINS_ESCAPE = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?")
_WORD = re.compile(r"[^\s,:\"\[\]{}]+")
_OPENING = re.compile(r"[{\[]")
_THOUGHT_ENDS = "</think>"
_WRONG = object()
_BETWEEN = ("beginning", "end")
"""Outside of the value."""


class GrowingJson:
    """Reads a JSON text as it grows, each character once.

    A text that is cut is shown as far as it came; a number, a word such as ``true`` and a name are left out until
    they are whole. Words before the first bracket, and what follows the value, are passed over. From a mistake on
    the value stays as it is.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._clear()

    def _clear(self) -> None:
        self._root: list[Any] = []
        self._open: list[Any] = []
        """The lists and objects that are not closed, from the outermost on."""
        self._names: list[str | None] = []
        """For each of these: the name whose value comes next."""
        self._expects = "beginning"
        self._text: list[str] | None = None
        """Pieces of the text that is being read."""

    @property
    def value(self) -> Any:
        """The value so far: do not change it. None while there is nothing."""
        if self._text is not None and not self._is_name:
            text = "".join(self._text)
            self._text = [text]
            self._put(text)
        return self._root[0] if self._root else None

    def feed(self, text: str) -> None:
        """Read the next piece of the text."""
        text = self._rest + text
        place = 0
        while place < len(text):
            if text[place] in _SPACE and self._text is None and self._expects not in _BETWEEN:
                place += 1
                continue
            step = self._in_text if self._text is not None else getattr(self, f"_{self._expects}")
            before = self._expects
            after = step(text, place)
            if after == place and self._expects == before:  # it cannot be told yet what this is
                break
            place = after
        self._rest = text[place:]

    # Each of these reads at a place, and returns the place after it; the same one to wait for more.

    def _beginning(self, text: str, place: int) -> int:
        found = _OPENING.search(text, place)
        if found is None:
            return len(text)
        self._expects = "value"
        return found.start()

    def _end(self, text: str, place: int) -> int:
        """After the value, or after a mistake in it: only what a model thought can have been before the answer."""
        found = text.find(_THOUGHT_ENDS, place)
        if found >= 0:
            self._clear()
            return found + len(_THOUGHT_ENDS)
        return max(place, len(text) - len(_THOUGHT_ENDS) + 1)

    def _value(self, text: str, place: int) -> int:
        character = text[place]
        if character == '"':
            self._text = []
            return place + 1
        if character in "[{":
            return self._opened(character, place)
        if character == "]" and self._open and self._open[-1] == []:
            return self._closed(place)
        return self._word(text, place)

    def _word(self, text: str, place: int) -> int:
        found = _WORD.match(text, place)
        if found is None:
            return self._mistake(place)
        if found.end() == len(text) and len(found[0]) <= _LONGEST:
            return place
        value = _scalar(found[0])
        if value is _WRONG:
            return self._mistake(place)
        self._put(value)
        self._expects = "comma"
        return found.end()

    def _name(self, text: str, place: int) -> int:
        character = text[place]
        if character == '"':
            self._text = []
            return place + 1
        if character == "}" and not self._open[-1]:
            return self._closed(place)
        return self._mistake(place)

    def _colon(self, text: str, place: int) -> int:
        if text[place] != ":":
            return self._mistake(place)
        self._expects = "value"
        return place + 1

    def _comma(self, text: str, place: int) -> int:
        character = text[place]
        is_object = isinstance(self._open[-1], dict)
        if character == ("}" if is_object else "]"):
            return self._closed(place)
        if character != ",":
            return self._mistake(place)
        self._expects = "name" if is_object else "value"
        if is_object:
            self._names[-1] = None
        else:
            self._names[-1] = "next"
        return place + 1

    def _in_text(self, text: str, place: int) -> int:
        if self._text is None:
            raise AssertionError("no text is being read")
        if found := _PLAIN.match(text, place):
            self._text.append(found[0])
            return found.end()
        if text[place] == '"':
            self._text_ended("".join(self._text))
            return place + 1
        found = _ESCAPE.match(text, place)
        if found is None:
            return place if len(text) - place < _ESCAPE_CHARS else self._mistake(place)
        if _HALF.fullmatch(found[0]) and _BEGINS_ESCAPE.fullmatch(text, found.end()):
            return place  # the other half of the character may come
        character: str = json.loads(f'"{found[0]}"')
        self._text.append(whole(character))
        return found.end()

    def _text_ended(self, text: str) -> None:
        if self._is_name:
            self._names[-1] = text
            self._expects = "colon"
        else:
            self._put(text)
            self._expects = "comma"
        self._text = None

    @property
    def _is_name(self) -> bool:
        return self._expects == "name"

    def _put(self, value: Any) -> None:
        """Put a value where it belongs; again, when the text that stands there has grown."""
        if not self._open:
            self._root[:] = [value]
        elif isinstance(self._open[-1], dict):
            self._open[-1][self._names[-1]] = value
        elif self._names[-1] == "next":
            self._open[-1].append(value)
            self._names[-1] = None
        else:
            self._open[-1][-1] = value

    def _opened(self, character: str, place: int) -> int:
        if len(self._open) == MOST_LEVELS:
            return self._mistake(place)
        made: Any = {} if character == "{" else []
        self._put(made)
        self._open.append(made)
        self._names.append(None if character == "{" else "next")
        self._expects = "name" if character == "{" else "value"
        return place + 1

    def _closed(self, place: int) -> int:
        self._open.pop()
        self._names.pop()
        self._expects = "comma" if self._open else "end"
        return place + 1

    def _mistake(self, place: int) -> int:
        """Keep what there is; while that is nothing, what was read was no JSON, and another beginning is looked for."""
        self._text = None
        if self._root and self._root[0]:
            self._expects = "end"
        else:
            self._clear()
        return place


def _scalar(word: str) -> Any:
    if len(word) > _LONGEST:
        return _WRONG
    try:
        value = json.loads(word, parse_constant=lambda _: _WRONG)
    except ValueError:
        return _WRONG
    return _WRONG if value in (float("inf"), float("-inf")) else value
