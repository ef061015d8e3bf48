"""What people type for the asks and commands of a walk."""

from __future__ import annotations

from collections.abc import Callable

from tests.conversation.driver import (
    Ask,
    Command,
    Fork,
    GoTo,
    Hide,
    New,
    PutAway,
    Rename,
    Restart,
    Retry,
    SetModel,
    Switch,
    Undo,
    Use,
)

PRICED = "log:one"


def cell_line(ask: Ask, model: Callable[[str], str]) -> str:
    """Return the first line of a cell, without the magic; ``model`` says what the product calls one."""
    models = list(ask.models)
    words: list[str] = []
    match ask.refused:
        case "budget":
            models = models or [PRICED]  # that of the session may cost nothing
            words += ["--budget", "0"]
        case "model":
            words += ["-m", "nobody:knows"]
        case "typo":
            words += ["--temprature", "1"]
    for name in models:
        words += ["-m", model(name)]
    for flag, value in (("-s", ask.system), ("-S", ask.session), ("-b", ask.branch), ("--from", ask.after)):
        if value is not None:
            words += [flag, f'"{value}"']
    for flag, is_set in (
        ("--stay", ask.stay and ask.session is not None),
        ("--no-history", not ask.history),
        ("--append", ask.rerun == "append"),
        ("--replace", ask.rerun == "replace"),
        ("--dry-run", ask.dry_run),
    ):
        words += [flag] if is_set else []
    return " ".join(words)


def command_line(command: Command, model: Callable[[str], str]) -> str:  # noqa: C901, PLR0911 - one for each command
    """Return what stands after ``%langswarm``."""
    match command:
        case Use(version):
            return f"use {version}"
        case Undo(turns):
            return f"undo {turns}"
        case Hide(turn, undo):
            return f"hide {turn}{' --undo' if undo else ''}"
        case Fork(name, at):
            return f"fork {name}" if at is None else f"fork {at} {name}"
        case GoTo(name):
            return f"branch {name}"
        case Restart():
            return "restart"
        case Retry(_, other):
            return f"retry -m {model(other)}" if other else "retry"
        case SetModel(name):
            return f"use {model(name)}"
        case New(name) | Switch(name) | Rename(name):
            return f'{type(command).__name__.lower()} "{name}"'
        case PutAway(name, how):
            return f'{how} "{name}"{" --yes" if how == "delete" else ""}'
