"""What can be wrong with a schema, or with an answer to one: the tree under `SchemaError`.

::

    SchemaError (a SessionError)
    ├── SchemaDefinitionError (also ValueError)   the schema itself; nothing was stored or sent
    │   ├── SchemaSyntaxError                     a one-line schema has a mistake: `position`, `expected`
    │   ├── SchemaTypeUnknownError                a type that JSON cannot say, or that nobody knows
    │   ├── SchemaNameError                       a name that is none
    │   │   └── SchemaDuplicateNameError          one that is there twice
    │   ├── SchemaChoiceError                     a choice of nothing
    │   ├── SchemaRecursionError                  it contains itself without an end
    │   └── SchemaUnfulfillableError              no value can fit it
    ├── SchemaRouteError                          the model cannot be asked for it; nothing was stored or sent
    └── AnswerError                               the answer that came: its `text` and its `reply` are kept
        ├── AnswerTruncatedError                  cut at a limit
        ├── AnswerRefusedError                    the model refused
        └── AnswerInvalidError                    it does not fit the schema: `problems` say where and why
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langswarm_nb.core.session.errors import SessionError

_MOST_SHOWN = 5


class SchemaError(SessionError):
    """A structured answer cannot be asked for, or is not what was asked for."""


class SchemaDefinitionError(SchemaError, ValueError):
    """A schema that cannot be used; nothing was stored or sent."""


class SchemaSyntaxError(SchemaDefinitionError):
    """A one-line schema has a mistake.

    Attributes
    ----------
    position : int
        Index of the character at which it was found.
    expected : str
        What could stand there.
    """

    position: int = 0
    expected: str = ""


class SchemaTypeUnknownError(SchemaDefinitionError):
    """A type that is not known, or that JSON cannot express."""


class SchemaNameError(SchemaDefinitionError):
    """A name that cannot be one."""


class SchemaDuplicateNameError(SchemaNameError):
    """A name that occurs twice."""


class SchemaChoiceError(SchemaDefinitionError):
    """A choice without anything to choose from."""


class SchemaRecursionError(SchemaDefinitionError):
    """A schema that contains itself where that has no end, or where a service cannot take it."""


class SchemaUnfulfillableError(SchemaDefinitionError):
    """A schema that no value fits."""


class SchemaRouteError(SchemaError):
    """The model cannot be asked for an answer of this schema; nothing was stored or sent."""


def check_utf8(what: str, text: str) -> None:
    """Check that text of a schema, or of a question, can be written as UTF-8.

    Raises
    ------
    SchemaDefinitionError
        It has half of a character, which no UTF-8 text can hold.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SchemaDefinitionError(
            f"{what} holds a lone surrogate (U+{ord(text[error.start]):04X}), which no UTF-8 text can hold. "
            "Replace it, e.g. with text.encode('utf-8', 'replace').decode()."
        ) from None


def no_decisions(provider: str, model: str) -> SchemaRouteError:
    """Return the error for a model that tells no probabilities."""
    return SchemaRouteError(
        f"{provider}:{model} answers no questions with probabilities. Ask for values with `schema=`, or choose a "
        "model that decides."
    )


class AnswerError(SchemaError):
    """An answer came, and it is not what was asked for; it is kept.

    Attributes
    ----------
    text : str
        What came.
    problems : tuple of str
        What is wrong with it, each as ``$.path: reason``.
    usage, info : Usage and ReplyInfo, optional
        What it took, with the attempts before it, where no stored reply tells it: of a `Decider`'s answer.
    """

    text: str = ""
    problems: tuple[str, ...] = ()
    usage: Any = None
    info: Any = None

    @property
    def errors(self) -> tuple[str, ...]:
        """The same as `problems`."""
        return self.problems


class AnswerTruncatedError(AnswerError):
    """The answer was cut at a limit before it was whole."""


class AnswerRefusedError(AnswerError):
    """The model refused to answer."""


class AnswerInvalidError(AnswerError):
    """The answer does not fit its schema."""

    @classmethod
    def of(cls, problems: Sequence[str], text: str = "") -> AnswerInvalidError:
        """Return the error about problems of an answer, each as ``$.path: reason``."""
        more = len(problems) - _MOST_SHOWN
        shown = [*problems[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        error = cls("The answer does not fit its schema: " + "; ".join(shown))
        error.problems, error.text = tuple(problems), text
        return error
