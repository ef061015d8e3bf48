"""The options of `%%langswarm`: what the first line of a cell asks for."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from IPython.core.error import UsageError

from langswarm_nb.core.session.errors import shown

from .cell_flags import line_parser

if TYPE_CHECKING:
    from langswarm_nb.notebook.config import Format

_WORD = re.compile(r"""(?:\{\{[^{}\n]*\}\}|[^ \t\r\n'"]|'[^']*'|"[^"]*")+""")
_QUOTED = re.compile(r"(?P<field>\{\{[^{}\n]*\}\})|(?P<quote>['\"])(?P<text>.*?)(?P=quote)", re.DOTALL)
"""A field keeps its quotes: ``{{df["a"]}}``."""
_QUOTE = re.compile("['\"]")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """What the first line of a cell asks for; None and empty mean: not asked for."""

    models: tuple[str, ...] = ()
    name: str | None = None
    """Variable that takes the reply."""
    shows: bool = True
    """False with ``NAME <<`` and ``--quiet``."""
    system: str | None = None
    system_file: str | None = None
    session: str | None = None
    stay: bool = False
    """Whether the session stays the current one."""
    new: str | None = None
    """Name of the session to start; empty for one that is made up."""
    branch: str | None = None
    from_turn: str | None = None
    """``TURN`` or ``TURN.VERSION``."""
    format: Format | None = None
    extract: Literal["first", "last"] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[object, ...] = ()
    """Words of the line, or what Python hands over."""
    detail: Literal["low", "high"] | None = None
    tools: tuple[str, ...] = ()
    """Names of tools of the service."""
    schema: object = None
    """What the answer has to be: a word of the line, or what Python hands over."""
    repair: int | None = None
    """How often to ask again for an answer that does not fit."""
    decide: object = None
    """Questions to answer with probabilities: a word of the line, or what Python hands over."""
    history: bool = True
    rerun: Literal["append", "replace"] | None = None
    stream: bool | None = None
    usage: bool = False
    raw: bool = False
    dry_run: bool = False
    timeout_s: float | None = None
    retries: int | None = None
    budget_usd: float | None = None
    api_base: str | None = None
    api_key_name: str | None = None

    @property
    def place(self) -> int | str | None:
        """Where to fork, as `MessageTree.seq_at` takes it."""
        turn = self.from_turn
        return int(turn) if turn is not None and turn.isdecimal() else turn

    @property
    def compares(self) -> bool:
        """Whether several models answer side by side."""
        return len(self.models) > 1


@lru_cache(maxsize=256)
def parse_cell_line(line: str) -> CellOptions:
    """Read the first line of a cell; most cells have the same as others, or run again.

    Raises
    ------
    UsageError
        Names what is wrong, with the nearest flag.
    """
    words, name, shows = _without_name(_quoted_words(line))
    found = vars(line_parser().parse_line([_unquoted(word) for word in words]))
    positional, flagged = found.pop("MODEL"), found.pop("model") or []
    models = [model for word in [positional, *flagged] if word for model in word.split(",") if model]
    _check_positional(positional)
    _check_list(positional, found)
    quiet = found.pop("quiet")
    found |= {name: tuple(found[name] or ()) for name in ("attachments", "tools")}
    options = {key: _option(key, value) for key, value in found.pop("option") or []}
    return CellOptions(
        models=tuple(models),
        name=name,
        shows=shows and not quiet,
        options=MappingProxyType(options),  # cells share it
        **found,
    )


def split_line(line: str) -> list[str]:
    r"""Split a line into words: quotes group, and a backslash is a backslash, as in ``C:\data``.

    Raises
    ------
    UsageError
        A quote is not closed.
    """
    return [_unquoted(word) for word in _quoted_words(line)]


def _quoted_words(line: str) -> list[str]:
    """Return the words of a line with their quotes, which tell text from syntax."""
    if _QUOTE.search(_WORD.sub("", line)):
        raise UsageError(
            f"A quote is not closed in {line.strip()!r}. Close it, or put text with an apostrophe "
            'into double quotes: -s "Don\'t guess".'
        )
    return _WORD.findall(line)


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda found: found["field"] or found["text"], word)


def word(text: str) -> str:
    """Return how a text is written as one word of a line."""
    return f'"{text}"' if any(char.isspace() for char in text) else text


def read_value(text: str) -> Any:
    """Return the JSON value that a word of the line stands for; text when it is none.

    Raises
    ------
    UsageError
        It looks like an object or a list and is none.
    """
    try:
        return json.loads(text, parse_constant=str)
    except ValueError as error:
        if text[:1] in "{[" and text:
            raise UsageError(
                f"-o: {shown(text)} is not JSON ({error}). Put it into single quotes, so that its own are kept: "
                """-o metadata '{"team": "a"}'."""
            ) from error
        return text


def _option(name: str, text: str) -> Any:
    value = read_value(text)
    if name == "stop" and isinstance(value, str):  # a line end cannot be typed on one line
        return value.replace("\\n", "\n").replace("\\t", "\t")
    return value


def check_name(name: str) -> str:
    """Return the name of a variable.

    Raises
    ------
    UsageError
        It cannot be one.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot be a variable. Write `%%langswarm NAME <<` with a Python name.")
    return name


def _without_name(words: Sequence[str]) -> tuple[list[str], str | None, bool]:
    """Take ``NAME <<`` or ``NAME = <<`` out of the words, also when written without spaces; in quotes it is text."""
    at = next((n for n, word in enumerate(words) if word.endswith("<<") and not _QUOTE.search(word)), None)
    if at is None:
        return list(words), None, True
    head, tail = list(words[:at]), list(words[at + 1 :])
    left = words[at].removesuffix("<<")
    shows = False
    if left in ("", "=") and head:
        shows = left == "="
        left = head.pop()
    if left == "=" and head:
        shows, left = True, head.pop()
    elif left.endswith("="):
        shows, left = True, left.removesuffix("=")
    return [*head, *tail], check_name(left), shows


def _check_list(positional: str | None, found: Mapping[str, Any]) -> None:
    """Refuse ``--schema name, age``, which would ask the model ``age`` for a name."""
    for flag in ("schema", "decide"):
        given = found[flag]
        if positional is not None and isinstance(given, str) and given.endswith(","):
            raise UsageError(
                f"--{flag} {given} ends in a comma, and {positional!r} would be the model: put all of it into quotes, "
                f'--{flag} "{given} {positional}".'
            )


def _check_positional(word: str | None) -> None:
    if word is not None and word.startswith(("{", "<")):
        raise UsageError(f"{word!r} is not a model. Write the prompt below the first line.")
