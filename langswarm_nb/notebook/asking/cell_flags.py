"""The flags of ``%%langswarm``: one parser, from which the help and the completion come too."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from IPython.core.error import UsageError

from langswarm_nb.core.session.errors import shown
from langswarm_nb.notebook.config import FORMATS

from .magic_parser import MagicParser


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
    _exclusive(
        parser,
        (
            "--schema",
            {
                "metavar": "WHAT",
                "help": "answer with a value: 'name, age int, tags [str]' ([…] around it: a list of those), "
                "{{Model}}, or a .json file",
                "completes": "schema",
            },
        ),
        (
            "--decide",
            {
                "metavar": "WHAT",
                "help": "answer questions with probabilities: 'spam bool: is it spam?, topic billing|bug, "
                "anger calm<annoyed<furious'; outside the conversation",
                "completes": "schema",
            },
        ),
    )
    add(
        "--repair",
        type=read_count,
        metavar="N",
        help="with --schema: how often to ask again for an answer that does not fit (once, unless the service "
        "holds its model to the schema)",
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


@cache
def line_parser() -> MagicParser:
    """Return the parser that all cells share."""
    return cell_parser()


"""Returns the one that reads lines: making it takes longer than reading many."""


def _exclusive(parser: MagicParser, *flags: tuple[Any, ...]) -> None:
    group = parser.add_mutually_exclusive_group()
    for *names, settings in flags:
        completes = settings.pop("completes", None)
        action = group.add_argument(*names, **settings)
        if completes is not None:
            parser.completes[action.dest] = completes


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


def read_count(text: str) -> int:
    """Return how often.

    Raises
    ------
    UsageError
        It is not a count.
    """
    if not text.isdecimal():
        raise UsageError(f"--repair {shown(text)} is not a count. Write 0 for never, 1 for once.")
    return int(text)
