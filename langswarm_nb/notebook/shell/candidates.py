"""What Tab offers: commands, flags, models, sessions, branches, and variables inside ``{{``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langswarm_nb.notebook.asking.magic_parser import MagicParser
from langswarm_nb.notebook.asking.options import cell_parser
from langswarm_nb.notebook.commands import COMMANDS

_LINE = re.compile(r"\s*%langswarm\s+(?P<rest>[^\n]*)$")
_CELL_LINE = re.compile(r"\s*%%langswarm[ \t]+(?P<rest>[^\n]*)$")
_FIELD = re.compile(r"(?<!\\)\{\{\s*(?P<expression>[\w.]*)$")
_SESSION_COMMANDS = frozenset({"switch", "show", "delete", "archive"})


@dataclass(frozen=True, slots=True)
class Found:
    """What is being typed, and what it may become."""

    fragment: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where names come from; each is asked only when it is needed."""

    models: Callable[[], Iterable[str]]
    sessions: Callable[[], Iterable[str]]
    branches: Callable[[], Iterable[str]]
    providers: Callable[[], Iterable[str]]
    names: Mapping[str, Any]
    """The user's variables."""


def complete(text: str, sources: Sources) -> Found | None:
    """Return what fits the text before the cursor; None when it is nothing of ours."""
    if match := _CELL_LINE.match(text):
        return _arguments(cell_parser(), match["rest"], sources, positional="MODEL")
    if text.lstrip().startswith("%%langswarm"):
        return _field(text, sources.names)
    if match := _LINE.match(text.rpartition("\n")[2]):
        return _command(match["rest"], sources)
    return None


def _command(rest: str, sources: Sources) -> Found | None:
    name, space, arguments = rest.partition(" ")
    if not space:
        return _fitting(name, COMMANDS)
    if name == "help":
        return _fitting(arguments, COMMANDS)
    if name not in COMMANDS:
        return None
    command = COMMANDS[name]
    if command.text:
        return _field(arguments, sources.names)
    positional = next((a.metavar for a in command.parser.positionals if isinstance(a.metavar, str)), "")
    if name in _SESSION_COMMANDS:
        positional = "SESSION"
    elif name == "branch":
        positional = "BRANCH"
    return _arguments(command.parser, arguments, sources, positional=positional)


def _arguments(parser: MagicParser, rest: str, sources: Sources, *, positional: str) -> Found | None:
    *before, word = re.split(r"\s+", rest)
    if word.startswith("-"):
        return _fitting(word, parser.flags)
    action = parser.action(before[-1]) if before else None
    if action is not None and action.nargs != 0:
        return _values(action, word, sources)
    choices = [choice for a in parser.positionals for choice in a.choices or ()]
    return _fitting(word, choices) if choices else _kind(positional, word, sources)


def _values(action: argparse.Action, word: str, sources: Sources) -> Found | None:
    if action.choices:
        return _fitting(word, action.choices)
    kinds = {"model": "MODEL", "session": "SESSION", "branch": "BRANCH"}
    return _kind(kinds.get(action.dest, ""), word, sources)


def _kind(kind: str, word: str, sources: Sources) -> Found | None:
    by_kind = {
        "MODEL": sources.models,
        "SESSION": sources.sessions,
        "BRANCH": sources.branches,
        "PROVIDER": sources.providers,
    }
    source = by_kind.get(kind)
    return None if source is None else _fitting(word, source())


def _field(text: str, names: Mapping[str, Any]) -> Found | None:
    match = _FIELD.search(text)
    if match is None:
        return None
    *owners, word = match["expression"].split(".")
    if not owners:
        return _fitting(word, (name for name in names if not name.startswith("_")))
    if owners[0] not in names:
        return Found(word, ())
    value = names[owners[0]]
    for attribute in owners[1:]:
        value = getattr(value, attribute, None)
    return _fitting(word, (name for name in dir(value) if not name.startswith("_")))


def _fitting(word: str, known: Iterable[str]) -> Found:
    fits: Sequence[str] = sorted({str(name) for name in known if str(name).startswith(word)})
    return Found(word, tuple(fits))
