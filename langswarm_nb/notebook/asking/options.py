"""The options of `%%langswarm`: one parser, from which the help and the completion come too."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

from IPython.core.error import UsageError

from langswarm_nb.core.session.errors import shown
from langswarm_nb.notebook.config import FORMATS, Format

from .magic_parser import MagicParser

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


def read_address(text: str) -> str:
    """Return ``TURN`` or ``TURN.VERSION``.

    Raises
    ------
    UsageError
        It is neither.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text) is None:
        raise UsageError(f"{shown(text)} is neither the number of a turn nor TURN.VERSION, such as 7 or 7.2.")
    return text


def read_dollars(text: str) -> float:
    """Return an amount of money.

    Raises
    ------
    UsageError
        It is none: no number, negative, infinite.
    """
    try:
        amount = float(text.removeprefix("$"))
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise UsageError(f"{shown(text)} is not an amount in US dollars. Write it as 0.50.")
    return amount


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


def cell_parser() -> MagicParser:
    """Return the parser of the first line; a new one each time, so that nobody can change it."""
    parser = MagicParser(
        "%%langswarm",
        usage="%%langswarm [MODEL] [NAME <<] [options]\nPROMPT",
        description=(
            "Send PROMPT to a model and stream the answer; `%%langswarm` is the first line of its cell. "
            "`NAME <<` puts the Reply into a variable and shows nothing, `NAME = <<` shows it as well. "
            "{{name.attribute[0]:.2f}} in the prompt is replaced by the value of your variable; \\{{ stays as it is."
        ),
    )
    parser.add_argument("MODEL", nargs="?", help="provider:model, or an alias", completes="model")
    add = parser.add_argument
    add(
        "-m",
        "--model",
        action="append",
        metavar="ID",
        help="the same; repeat it, or write a,b, to compare models",
        completes="model",
    )
    add(
        "-s",
        "--system",
        metavar="TEXT",
        help="system prompt from here on; empty removes it",
    )
    add("--system-file", metavar="FILE", help="the same, from a text file")
    add(
        "-S",
        "--session",
        metavar="NAME",
        help="session for this cell, made if it is new; HOME:NAME is one of another notebook",
        completes="session",
    )
    add("--stay", action="store_true", help="with -S: stay in that session")
    add("--new", nargs="?", const="", metavar="NAME", help="start a session and stay in it")
    add(
        "-b",
        "--branch",
        metavar="NAME",
        help="continue this branch; with --from, the name of the new one",
        completes="branch",
    )
    add(
        "--from",
        dest="from_turn",
        type=read_address,
        metavar="TURN",
        help="fork: continue after turn 7, or after its version 7.2",
    )
    add("-f", "--format", choices=FORMATS, metavar="FORMAT", help=f"how to show it: {', '.join(FORMATS)}")
    _exclusive(
        parser,
        (
            "-x",
            "--extract",
            {
                "dest": "extract",
                "action": "store_const",
                "const": "first",
                "help": "only the first code block",
            },
        ),
        (
            "--xl",
            {"dest": "extract", "action": "store_const", "const": "last", "help": "only the last code block"},
        ),
    )
    add("-t", "--temperature", type=float, metavar="F", help="sampling temperature; not sent unless set")
    add("--max-tokens", type=int, metavar="N", help="longest reply, in tokens; not sent unless set")
    add(
        "-o",
        "--option",
        nargs=2,
        action="append",
        metavar=("K", "V"),
        help="any other option of the provider; V may be JSON",
    )
    add(
        "-a",
        "--attachment",
        dest="attachments",
        action="append",
        metavar="WHAT",
        help="attach PATH, https://…, {{figure}}, Out[5], or cell: the output of the previous cell",
        completes="attachment",
    )
    add("--detail", choices=("low", "high"), help="how closely to look at images, if the model supports that")
    add(
        "-T",
        "--tool",
        dest="tools",
        action="append",
        metavar="NAME",
        help="let the model use this tool of its service, such as web_search",
        completes="tool",
    )
    add(
        "--no-history",
        dest="history",
        action="store_false",
        help="send this prompt alone, outside the conversation",
    )
    _exclusive(
        parser,
        (
            "--append",
            {
                "dest": "rerun",
                "action": "store_const",
                "const": "append",
                "help": "when the cell runs again, add a turn",
            },
        ),
        (
            "--replace",
            {
                "dest": "rerun",
                "action": "store_const",
                "const": "replace",
                "help": "when the cell runs again, hide the old version",
            },
        ),
    )
    add(
        "--no-stream",
        dest="stream",
        action="store_false",
        default=None,
        help="show the reply only when it is complete",
    )
    add("-q", "--quiet", action="store_true", help="show nothing; the cell still returns the Reply")
    add("-u", "--usage", action="store_true", help="show everything known about the request")
    add("--raw", action="store_true", help="send {{ … }} as it is written")
    add("--timeout", dest="timeout_s", type=float, metavar="S", help="time limit of the call, in seconds")
    add("--retries", type=int, metavar="N", help="how often to try again, where that is safe")
    add("--dry-run", action="store_true", help="show what would be sent, its tokens and price; send nothing")
    add(
        "--budget",
        dest="budget_usd",
        type=read_dollars,
        metavar="USD",
        help="refuse to send if it could cost more",
    )
    add("--api-base", metavar="URL", help="address of the service, for this cell")
    add("--api-key-name", metavar="ENV", help="NAME of the environment variable that holds its key")
    return parser


line_parser = cache(cell_parser)
"""Returns the one that reads lines: making it takes longer than reading many."""


def _exclusive(parser: MagicParser, *flags: tuple[Any, ...]) -> None:
    group = parser.add_mutually_exclusive_group()
    for *names, settings in flags:
        group.add_argument(*names, **settings)


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


def _check_positional(word: str | None) -> None:
    if word is not None and word.startswith(("{", "<")):
        raise UsageError(f"{word!r} is not a model. Write the prompt below the first line.")
