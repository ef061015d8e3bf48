"""`Question`: what is to be decided about a text; made from whatever describes it by `questions_of`.

A decision is an answer to a question of one of three kinds: whether a statement is true (``predicate``), which of some
values fits (``choice``), and how much of something there is, on levels from the lowest to the highest (``score``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, get_args, get_origin
from unicodedata import category

from langswarm_nb.core.session.errors import SessionTypeError, shown

from .schema_errors import (
    SchemaChoiceError,
    SchemaDuplicateNameError,
    SchemaNameError,
    SchemaSyntaxError,
    SchemaTypeUnknownError,
    check_utf8,
)

QuestionKind = Literal["predicate", "choice", "score"]
Chosen: TypeAlias = "str | bool"
"""What can be chosen; ``True`` is not ``"true"``."""

_MARKS = {"choice": "|", "score": "<"}
_ASKED: Mapping[str, str] = {
    "predicate": "The input is rightly called: {}.",
    "choice": "The {} of the input.",
    "score": "The {} of the input, from the lowest level to the highest.",
}
"""How it is asked where nobody has said how."""


class Option(NamedTuple):
    """What a question can be answered with."""

    value: Chosen
    description: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to be decided.

    Parameters
    ----------
    name : str
        How the answer is called: an identifier, since it becomes a column.
    kind : {"predicate", "choice", "score"}
        Whether a statement is true, which value fits, or how much there is of something.
    instructions : str, optional
        The statement, or what is to be chosen or rated; by default made from the name.
    options : tuple of Option, optional
        What can be chosen, or the levels from the lowest to the highest, at least two; none for a predicate.

    Raises
    ------
    SchemaNameError
        The name is not an identifier.
    SchemaChoiceError
        There are fewer than two options, one is empty, or one is there twice.
    SessionTypeError
        A part of it has the wrong type.
    SchemaDefinitionError
        UTF-8 cannot hold a text of it: it has a lone surrogate.
    """

    name: str
    kind: QuestionKind
    instructions: str = ""
    options: tuple[Option, ...] = ()

    def __post_init__(self) -> None:
        name: object = self.name
        if not isinstance(name, str) or not name.isidentifier():
            raise SchemaNameError(
                f"{shown(name)} cannot be the name of a question: use letters, digits and `_`, "
                "with no digit first."
            )
        if not isinstance(self.instructions, str):
            raise SessionTypeError.of("instructions", self.instructions, "text (str)")
        for text in (self.instructions, *(str(part) for option in self.options for part in option)):
            check_utf8(f"The question {self.name!r}", text)
        if not self.instructions.strip():
            words = _ASKED[self.kind].format(self.name.replace("_", " "))
            object.__setattr__(self, "instructions", words)
        _check_options(self)

    @property
    def labels(self) -> tuple[Chosen, ...]:
        """What can be chosen, or the levels, in their order."""
        return tuple(option.value for option in self.options)


class Levels(tuple[Option, ...]):
    """Levels from the lowest to the highest; made by `levels`."""

    __slots__ = ()


def levels(*labels: str | tuple[str, str] | Mapping[str, str]) -> Levels:
    """Return the levels of a score, from the lowest to the highest.

    Parameters
    ----------
    *labels : str, pair of str, or mapping
        A label each, or a label and what it means; a mapping has all of them.

    Raises
    ------
    SessionTypeError
        A label is not text.

    Examples
    --------
    >>> levels("calm", ("annoyed", "complains, but stays polite"), "furious")
    """
    return Levels(_options("levels", labels))


def questions_of(given: object) -> tuple[Question, ...]:
    """Return the questions that something describes.

    Parameters
    ----------
    given : mapping, str, Question or list of Question
        Name -> what is asked: ``bool``, a list of choices, a mapping of choices to their meanings, `levels`,
        ``Literal[…]``, an ``Enum``, any of these in ``Annotated[…, "instructions"]``, or a text. A text is ``bool``,
        ``a|b|c`` or ``a<b<c``, with instructions after a ``:``; any other text is a statement that may be true. All
        in one text: ``"spam bool: advertises, topic billing|bug, anger calm<annoyed<furious"``.

    Returns
    -------
    tuple of Question
        In their order, at least one.

    Raises
    ------
    SchemaDefinitionError
        A question cannot be asked: its name, its choices, its type or the text is wrong.
    SessionTypeError
        It describes no questions.
    """
    found = tuple(_questions(given))
    if not found:
        raise SchemaChoiceError('There is nothing to decide. Name a question: {"spam": bool}.')
    for name, times in Counter(question.name for question in found).items():
        if times > 1:
            raise SchemaDuplicateNameError(
                f"The question {name!r} is there {times} times; give each another name."
            )
    return found


def _questions(given: object) -> Iterator[Question]:
    if isinstance(given, Question):
        yield given
    elif isinstance(given, str):
        yield from _of_line(given)
    elif isinstance(given, Mapping):
        for name, what in given.items():
            yield _question(name, what)
    elif isinstance(given, (list, tuple)) and all(isinstance(each, Question) for each in given):
        yield from given
    else:
        words = 'a dict of names to what is asked, such as {"spam": bool}, or a text'
        raise SessionTypeError.of("questions", given, words)


def _question(name: Any, what: Any, instructions: str = "") -> Question:
    if isinstance(what, Question):
        return Question(name, what.kind, what.instructions, what.options)
    if get_origin(what) is Annotated:
        inner, *notes = get_args(what)
        return _question(name, inner, next((note for note in notes if isinstance(note, str)), instructions))
    if isinstance(what, str):
        return _of_text(name, what)
    if what is bool:
        return Question(name, "predicate", instructions)
    if isinstance(what, Levels):
        return Question(name, "score", instructions, tuple(what))
    return Question(name, "choice", instructions, _choices(name, what))


def _choices(name: Any, what: Any) -> tuple[Option, ...]:
    if get_origin(what) is Literal:
        return _options("choices", get_args(what))
    if isinstance(what, type) and issubclass(what, Enum):
        return _options("choices", [member.value for member in what])
    if isinstance(what, Mapping):
        return _options("choices", [what])
    if isinstance(what, (list, tuple)):
        return _options("choices", what)
    kind = what.__name__ if isinstance(what, type) else NoneType.__name__ if what is None else shown(what)
    raise SchemaTypeUnknownError(
        f"The question {shown(name)} cannot be asked as {kind}: use bool, a list of choices, "
        "`levels(…)` or a text."
    )


def _options(parameter: str, given: Iterable[Any]) -> tuple[Option, ...]:
    pairs: list[Any] = []
    for each in given:
        pairs += each.items() if isinstance(each, Mapping) else [each]
    return tuple(_option(parameter, each) for each in pairs)


def _option(parameter: str, given: Any) -> Option:
    value, description = given if isinstance(given, tuple) and len(given) == 2 else (given, "")  # noqa: PLR2004
    description = "" if description is None else description
    if not isinstance(description, str):
        raise SessionTypeError.of(parameter, given, "a label with its description (text)")
    if not isinstance(value, (str, bool)):
        raise SessionTypeError.of(parameter, value, "text (str) or bool for each")
    return Option(value.strip() if isinstance(value, str) else value, description.strip())


def _check_options(question: Question) -> None:
    if question.kind == "predicate":
        if question.options:
            raise SchemaChoiceError(f"The question {question.name!r} is true or false: it has no options.")
        return
    what = "levels" if question.kind == "score" else "choices"
    if len(question.options) < 2:  # noqa: PLR2004 - else there is nothing to decide
        raise SchemaChoiceError(
            f"The question {question.name!r} needs at least 2 {what}, and has {len(question.options)}."
        )
    if question.kind == "score" and any(not isinstance(value, str) for value in question.labels):
        raise SessionTypeError.of("levels", question.labels, "text (str) for each")
    counts = Counter((type(value), value) for value in question.labels)
    for (_, value), times in counts.items():
        if value == "":
            raise SchemaChoiceError(f"The question {question.name!r} has an empty text among its {what}.")
        if any(category(char) == "Cc" for char in str(value)):
            raise SchemaChoiceError(
                f"The question {question.name!r} has a control character in {shown(value)}, among its {what}."
            )
        if times > 1:
            raise SchemaChoiceError(
                f"The question {question.name!r} has {shown(value)} {times} times among its {what}."
            )


def _of_text(name: Any, text: str) -> Question:
    """Return the question that a text is, without its name: its kind, or a statement."""
    kind, _, instructions = (piece.strip() for piece in text.partition(":"))
    if kind == "bool":
        return Question(name, "predicate", instructions)
    for of, mark in _MARKS.items():
        if mark in kind:
            options = tuple(Option(label.strip()) for label in kind.split(mark))
            return Question(name, of, instructions, options)  # type: ignore[arg-type] # its key
    return Question(name, "predicate", text.strip())


_NAMED = re.compile(r"\s*(?P<name>\w+)\s*(?P<kind>[^:]*)(?::(?P<hint>.*))?", re.DOTALL)


def _of_line(text: str) -> Iterator[Question]:
    """Yield the questions of a text with their names: ``spam bool: a hint, topic a|b``; only a name is a bool.

    Where the text has several lines, each of them is a question, and a hint may have commas.
    """
    place = 0
    mark = "\n" if "\n" in text.strip() else ","
    for piece in text.split(mark):
        if piece.strip() or mark == ",":
            yield _of_piece(text, place, piece)
        place += len(piece) + 1


def _of_piece(text: str, place: int, piece: str) -> Question:
    found = _NAMED.fullmatch(piece)
    if found is None:
        raise _syntax(text, place + len(piece) - len(piece.lstrip()), "the name of a question")
    kind = found["kind"].strip()
    if kind and kind != "bool" and not any(mark in kind for mark in _MARKS.values()):
        raise _syntax(text, place + found.start("kind"), "bool, choices `a|b` or levels `a<b`")
    return _of_text(found["name"], f"{kind or 'bool'}:{found['hint'] or ''}")


def _syntax(text: str, position: int, expected: str) -> SchemaSyntaxError:
    error = SchemaSyntaxError(
        f"The text of the questions has a mistake at character {position + 1}, before "
        f"{shown(text[position : position + 20])}: expected {expected}."
    )
    error.position, error.expected = position, expected
    return error
