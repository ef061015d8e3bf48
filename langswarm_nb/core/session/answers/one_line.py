"""The one-line language of schemas: ``name, age int, tags [str], size small|medium|large, bio?: one line``.

It is that of llm, and more: a text without ``[ ] { } | ? <`` means what it means there.

- A field is a name, a type (``str`` where none is named), and after a ``:`` a hint. Commas separate fields, or line
  ends where there are several lines.
- ``[…]`` is a list: of a type, of choices, or of objects with these fields. Around all, it asks for a list.
- ``{…}`` is an object with these fields.
- ``a|b|c`` is one of these words; ``a<b<c`` too, from the least to the most.
- ``?`` after a name: it may be missing.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from langswarm_nb.core.session.text import nearest

from .schema_errors import (
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaDuplicateNameError,
    SchemaNameError,
    SchemaSyntaxError,
    SchemaTypeUnknownError,
)

TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
"""The first four are those of llm."""
MOST_LEVELS = 20
"""So deep may lists and objects stand in each other."""
NAME = re.compile(r"[^\W\d][\w.-]*|\d[\w.-]*")
"""What a field may be called."""

_OURS = re.compile(r"[\[\]{}|?<]")
_WORD = re.compile(r"[^\s:,?\[\]{}|<]+")
_WORD_OF_LLM = re.compile(r"[^\s:]+")
"""Where line ends separate fields, a comma is a character of llm's names: seldom meant, and an error here."""
_TYPE = re.compile(r"[^:,?\[\]{}\n]*")
_CLOSES = {"[": "]", "{": "}"}
_SHOWN = 72
"""So many characters of a line are shown with a mistake."""

Schema = dict[str, Any]
Mistake = TypeVar("Mistake", bound=SchemaDefinitionError)


def one_line_schema(text: str) -> Schema:
    """Return the JSON schema that a text in the one-line language describes.

    Raises
    ------
    SchemaSyntaxError
        The text has a mistake; its message shows where.
    SchemaNameError
        A name that is none, or that is there twice.
    SchemaTypeUnknownError
        A type that is none of `TYPES`.
    SchemaChoiceError
        A choice of nothing, or of one thing twice.
    """
    return _Reader(text).whole()


class _Reader:
    """Reads a text from its beginning; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.levels = 0
        self.is_plain = not _OURS.search(text)
        self.has_hints = False
        """Whether a comma may have ended a hint too early."""

    def whole(self) -> Schema:
        self._skip("\n")
        opening = self._next()
        if opening in _CLOSES:
            schema = self._list(is_named=False) if opening == "[" else self._object()
            self._skip("\n")
            self._hint(schema, "", "")
        elif self._is_choice(""):
            start = self.at
            schema = self._choice(self._words(), start)
            self._hint(schema, "", "")
        else:
            self.at = 0
            schema = self._fields("")
        self._skip("\n")
        if self.at < len(self.text):
            raise self._mistake("the end of the text")
        return schema

    def _is_choice(self, ends: str) -> bool:
        """Return whether choices without a name stand here."""
        found = _WORD.match(self.text, self.at)
        place = self.at if found is None else found.end()
        rest = self.text[place:].lstrip(" \t")
        return rest[:1] in ("|", "<") or (found is None and bool(ends) and rest[:1] == "|")

    def _fields(self, closing: str) -> Schema:
        """Read fields up to the closing bracket, which is not read; without one up to the end."""
        mark = "\n" if self._has_lines(closing) else ","
        schema: Schema = {"type": "object", "properties": {}, "required": []}
        while True:
            self._skip("\n" if mark == "," else mark)
            while self._next() == mark:  # nothing stands between two of them, as in llm
                self.at += 1
                self._skip("\n")
            if self._next() in ("", closing):
                break
            self._field(schema, mark, closing)
            self._skip("" if mark == "\n" else "\n")
            if mark == "\n" and self._next() == ",":
                self.at += 1
                self._skip("")
            if self._next() not in ("", mark, closing):
                raise self._mistake(self._between(mark, closing))
        if not schema["properties"]:
            raise self._mistake("the name of a field")
        return schema

    def _field(self, schema: Schema, mark: str, closing: str) -> None:
        start = self.at
        found = (_WORD_OF_LLM if self.is_plain and mark == "\n" else _WORD).match(self.text, start)
        if found is None:
            raise self._mistake("the name of a field")
        name, self.at = found[0], found.end()
        self._check_name(name, start, schema["properties"], mark)
        is_optional = self._next() == "?"
        self.at += is_optional
        self._skip("")
        inner = self._type(name, mark, closing)
        self._hint(inner, mark, closing)
        schema["properties"][name] = inner
        if not is_optional:
            schema["required"].append(name)

    def _check_name(self, name: str, place: int, known: Schema, mark: str) -> None:
        if NAME.fullmatch(name) is None:
            more = " Fields are separated by line ends here." if "," in name and mark == "\n" else ""
            if name.startswith('"'):
                more = " A JSON schema goes as a dict, or as a file that ends in `.json`."
            raise self._wrong(
                SchemaNameError,
                place,
                f"{name!r} is not a name",
                f"A name has letters, digits, `_`, `-` and `.`.{more}",
            )
        if name in known:
            raise self._wrong(
                SchemaDuplicateNameError,
                place,
                f"the name {name!r} is there twice",
                "Give one of them another name.",
            )

    def _type(self, name: str, mark: str, closing: str) -> Schema:
        """Read what stands after a name: nothing, a word, choices, a list or an object."""
        character, start = self._next(), self.at
        if character in ("", ":", ",", mark, closing):
            return {"type": "string"}
        if character == "[":
            return self._list()
        if character == "{":
            return self._object()
        words = self._words()
        if "|" in words or "<" in words:
            return self._choice(words, start)
        if self._next() == "?":
            raise self._mistake(f"a comma (`?` stands right after the name: `{name}?`)")
        if not words:
            raise self._mistake(
                "a type, choices such as `small|medium|large`, `[…]`, `{…}` or a hint after `:`"
            )
        return self._simple(words, start, mark, closing)

    def _simple(self, words: str, start: int, mark: str = ",", closing: str = "") -> Schema:
        first, *more = words.split()
        if first not in TYPES:
            near = nearest(first, TYPES)
            what = f"Did you mean `{near}`?" if near else "A hint stands after a `:`."
            if self.has_hints and mark == ",":
                what += " A comma ends a hint, unless each field stands on a line of its own."
            raise self._wrong(
                SchemaTypeUnknownError,
                start,
                f"{first!r} is not a type",
                f"Types are {', '.join(TYPES)}; choices are written `small|medium|large`. {what}",
            )
        if more and not self.is_plain:  # llm takes no notice of further words
            self.at = self.text.index(more[0], start + len(first))
            raise self._mistake(self._between(mark, closing))
        return dict(TYPES[first])

    def _list(self, *, is_named: bool = True) -> Schema:
        with_in = self._open()
        if self._next() == "{":
            items = self._object()
        elif self._next() == "[":
            items = self._list()
        elif self._is_choice("]"):
            start = self.at
            items = self._choice(self._words(), start)
        elif (found := re.compile(r"\s*(\w+)\s*\]").match(self.text, self.at)) and (
            found[1] in TYPES or is_named
        ):
            items = self._simple(found[1], found.start(1))
            self.at = found.end(1)
        else:
            items = self._fields("]")
        self._close(with_in)
        return {"type": "array", "items": items}

    def _object(self) -> Schema:
        with_in = self._open()
        schema = self._fields("}")
        self._close(with_in)
        return schema

    def _open(self) -> int:
        """Read an opening bracket; return where it stands."""
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise self._mistake(f"at most {MOST_LEVELS} lists and objects in each other")
        self.at += 1
        self._skip("\n")
        return self.at - 1

    def _close(self, opened: int) -> None:
        self._skip("\n")
        bracket = next(mark for mark in reversed(self.text[: opened + 1]) if mark in _CLOSES)
        if self._next() != _CLOSES[bracket]:
            raise self._mistake(f"`{_CLOSES[bracket]}`, or a comma and the next field")
        self.levels -= 1
        self.at += 1
        self._skip("")

    def _words(self) -> str:
        """Read up to what ends a type: a separator, a hint, a bracket."""
        words = _TYPE.findall(self.text, self.at)[0]
        self.at += len(words)
        return str(words.rstrip())

    def _choice(self, words: str, start: int) -> Schema:
        mark, example = ("|", "small|medium|large") if "|" in words else ("<", "calm<annoyed<furious")
        if "|" in words and "<" in words:
            self.at = start + words.index("<")
            raise self._mistake("`|` between all choices, or `<` between all levels")
        place = start
        choices: list[str] = []
        for piece in words.split(mark):
            choice = " ".join(piece.split())
            if not choice:
                raise self._wrong(SchemaChoiceError, place, "a choice is empty", f"Write `{example}`.")
            if choice in choices:
                raise self._wrong(
                    SchemaChoiceError,
                    place,
                    f"the choice {choice!r} is there twice",
                    "Leave one of them out.",
                )
            choices.append(choice)
            place += len(piece) + 1
        return {"type": "string", "enum": choices}

    def _hint(self, schema: Schema, mark: str, closing: str) -> None:
        """Read a hint into the description, if there is one."""
        if self._next() != ":":
            return
        self.at += 1
        end = self._end_of_hint(mark, closing, whole_brackets=True)
        if end is None:
            end = self._end_of_hint(mark, closing, whole_brackets=False) or len(self.text)
        hint, self.at = self.text[self.at : end].strip(), end
        if hint:
            schema["description"] = hint
            self.has_hints = True

    def _end_of_hint(self, mark: str, closing: str, *, whole_brackets: bool) -> int | None:
        """Return where a hint ends: at the next separator or closing bracket that is not in brackets of its own."""
        depth = 0
        for place in range(self.at, len(self.text)):
            character = self.text[place]
            if character == "\n" and mark == "\n":
                return place if depth == 0 or not whole_brackets else None
            if not depth and character and character in (mark, closing):
                return place
            if whole_brackets:
                depth += (character in "[{") - (character in "]}" and depth > 0)
        return None if depth else len(self.text)

    def _has_lines(self, closing: str) -> bool:
        """Return whether fields are separated by line ends: one stands between them, in no inner bracket."""
        depth = 0
        has_line = False
        for place in range(self.at, len(self.text)):
            character = self.text[place]
            depth += (character in "[{") - (character in "]}")
            if depth < 0 and closing:
                return has_line and "\n" in self.text[self.at : place].strip()
            has_line |= character == "\n" and depth <= 0
        return has_line or (depth > 0 and not closing and "\n" in self.text)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip(self, lines: str) -> None:
        """Go past spaces, and past line ends if they are given."""
        while self.at < len(self.text) and (
            self.text[self.at] in lines or (self.text[self.at].isspace() and self.text[self.at] != "\n")
        ):
            self.at += 1

    @staticmethod
    def _between(mark: str, closing: str) -> str:
        separator = "a line end" if mark == "\n" else "a comma"
        end = f"`{closing}`" if closing else "the end"
        return f"{separator}, `:` and a hint, or {end}"

    def _mistake(self, expected: str) -> SchemaSyntaxError:
        found = repr(self._next()) if self._next() else "the text ends"
        what = f"expected {expected}, found {found}" if self._next() else f"expected {expected}, but {found}"
        error = self._wrong(SchemaSyntaxError, self.at, what, "")
        error.position, error.expected = self.at, expected
        return error

    def _wrong(self, kind: type[Mistake], place: int, what: str, next_step: str) -> Mistake:
        """Return an error whose message shows the line with a caret under the place."""
        before = self.text.rfind("\n", 0, place) + 1
        line = self.text[before:].partition("\n")[0]
        column = place - before
        first = max(0, column - _SHOWN // 2)
        shown = line[first : first + _SHOWN].replace("\t", " ")
        return kind(
            f"The schema has a mistake at character {place + 1}: {what}.\n"
            f"    {shown}\n    {' ' * (column - first)}^" + (f"\n{next_step}" if next_step else "")
        )
