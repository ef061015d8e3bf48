"""Pages made from what they describe: the flags of a cell, the commands, the settings, the panel's buttons."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from langswarm_nb.notebook.asking.cell_flags import cell_parser
from langswarm_nb.notebook.commands import COMMANDS
from langswarm_nb.notebook.config import ENVIRONMENT_PREFIX, NotebookConfig

if TYPE_CHECKING:
    from langswarm_nb.notebook.asking.magic_parser import MagicParser
    from langswarm_nb.notebook.commands.command import Command

PANEL = Path(__file__).resolve().parents[2] / "langswarm_nb" / "notebook" / "panel" / "static"
_BUTTON = re.compile(
    r'(?:icon|text)Button\((?:typed \? `[^`]*` : )?(?:"\w+", )?"([^"]+)"'  # a button, with the name of its icon
    r'|\blabel: "([^"]+)", run'  # an entry of the menu
    r'|chooser\("(\w+)"'  # a list to choose from
    r'|busy \? "([A-Z]\w+)" : "([A-Z]\w+)"'  # a button that does two things
)


def cell_page() -> str:
    """Return the page on ``%%langswarm``."""
    parser = cell_parser()
    usage = parser.format_usage().strip()
    return _page(
        "# The cell",
        "What you can write on the first line of a cell; the lines below it are the prompt.",
        f"```text\n{usage}\n```",
        _prose(parser.description or ""),
        *_tables(parser),
        "In Python code, `langswarm_nb.ask` takes the same options, named like the flags: "
        "[its page](../api/langswarm_nb.md) lists them. "
        "[Prompts](../guide/prompts.md) shows them at work.",
    )


def commands_page() -> str:
    """Return the page on ``%langswarm``."""
    rows = [(f"[`{command.name}`](#{command.name})", _prose(command.help)) for command in COMMANDS.values()]
    parts = [
        "# Commands",
        (
            "Write `%langswarm COMMAND` on its own line; `%langswarm` alone is `status`, and "
            "`%langswarm help COMMAND` shows the same help in the notebook."
        ),
        table(("command", "what it does"), rows),
    ]
    subject = ""
    for command in COMMANDS.values():
        if (now := _subject(command)) != subject:
            subject = now
            parts.append(f"## {subject}")
        parts += _command_parts(command)
    return _page(*parts)


def settings_page() -> str:
    """Return the page on ``%config LangSwarmMagics``."""
    rows = [
        (
            f"`{name}`",
            f"`{ENVIRONMENT_PREFIX}{name.upper()}`",
            f"`{trait.default_value!r}`",
            _prose(trait.help),
        )
        for name, trait in sorted(NotebookConfig.class_traits(config=True).items())
    ]
    return _page(
        "# Settings",
        "Change a setting in a notebook with `%config LangSwarmMagics.NAME = …`, or in the environment before the "
        "kernel starts; the flags of a cell override both. `%langswarm config` lists the current values.",
        table(("setting", "environment", "default", "what it is"), rows),
        "## For the whole process",
        table(
            ("variable", "what it is"),
            [
                (
                    "`LANGSWARM_HTTP`",
                    "Which library sends requests: `httpx` or `aiohttp`; by default whichever is installed.",
                ),
                ("`LANGSWARM_PROGRESS`", "How progress is shown: `auto`, `html`, `text` or `off`."),
                (
                    "`LANGSWARM_USER`",
                    "The user whose sessions are used; by default the user of the hub or of the machine.",
                ),
                ("`LANGSWARM_ALLOW_HTTP`", "`1` allows sending a key over plain `http` to another machine."),
            ],
        ),
        "Keys and addresses of services use the variables of their own tools: see [Providers](../providers.md).",
    )


def panel_page() -> str:
    """Return the page on the elements of the panel."""
    parts = [
        "# The panel",
        (
            "Open it with `%langswarm chat` or `langswarm_nb.chat()`; this page lists its elements by where they are. "
            "[The chat panel](../guide/panel.md) shows them at work."
        ),
    ]
    for file in sorted(PANEL.glob("*.js")):
        text = file.read_text("utf-8")
        names = list(
            dict.fromkeys(name for found in _BUTTON.finditer(text) for name in found.groups() if name)
        )
        if names:
            place = text.splitlines()[0].removeprefix("// ")
            parts += [f"## {_heading(file.stem)}", _prose(place), "\n".join(f"- {name}" for name in names)]
    parts += ["## Keys", table(("key", "where", "what it does"), KEYS)]
    return _page(*parts)


KEYS = (
    ("Enter", "composer", "send; with Shift a new line"),
    ("↑", "empty composer", "bring back your last message"),
    ("Esc", "anywhere in the panel", "stop the answer; close a form, a list or a menu"),
    ("↑ ↓", "transcript", "move from message to message"),
    ("← →", "buttons of a message", "move from button to button"),
    ("Home, End", "menu", "go to the first or last entry"),
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _command_parts(command: Command) -> list[str]:
    return [
        f"### {command.name}",
        _prose(f"{command.help[:1].upper()}{command.help[1:]}."),
        f"```text\n{command.parser.format_usage().strip()}\n```",
        *_tables(command.parser),
    ]


def _tables(parser: MagicParser) -> list[str]:
    rows = [
        (f"`{_written(action)}`", _prose(action.help or _choices(action)))
        for action in parser.actions
        if action.help is not argparse.SUPPRESS
    ]
    return [table(("argument", "what it means"), rows)] if any(told for _, told in rows) else []


def _written(action: argparse.Action) -> str:
    """Return an argument as the user writes it."""
    values = action.metavar or action.dest.upper()
    value = "" if action.nargs == 0 else values if isinstance(values, str) else " ".join(values)
    if action.nargs == "?":
        value = f"[{value}]"
    return " ".join([", ".join(action.option_strings), value]).strip()


def _choices(action: argparse.Action) -> str:
    return f"one of {', '.join(map(str, action.choices))}" if action.choices else ""


def _subject(command: Command) -> str:
    """Return what a command is about: what the file in which it stands says."""
    doc = inspect.getdoc(import_module(command.run.__module__)) or ""
    if command.name == "help":
        return _subject(COMMANDS["status"])
    words = re.split(r"[:;.]", doc, maxsplit=1)[0].replace(", and that ", ", and ")
    return re.sub(r"^The command that |^Commands that |^Commands ", "", words).capitalize()


def _heading(stem: str) -> str:
    return stem.replace("_", " ").capitalize()


def _prose(text: str) -> str:
    """Return a text of the program as Markdown: what is not in code is escaped."""
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(
        piece if n % 2 else re.sub(r"([<>*_\\|])", r"\\\1", piece) for n, piece in enumerate(pieces)
    )


def _cell(value: str) -> str:
    """Return a value that no reader of tables cuts: code with a bar in it is spelt as HTML."""
    spelt = re.sub(r"`([^`]*\|[^`]*)`", lambda found: f"<code>{escape(found[1])}</code>", value)
    return re.sub(r"(?<!\\)\|", "&#124;", spelt)


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
