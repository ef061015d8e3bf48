"""`Plan`: where a prompt goes and with what, found by reading alone, so that it can be shown before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from IPython.core.error import UsageError

from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    SessionMessage,
    SessionSettings,
    parse_model_id,
)
from langswarm_nb.core.session.settings import GENERATION_OPTIONS
from langswarm_nb.core.session.text import did_you_mean

if TYPE_CHECKING:
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.workspace import Workspace

    from .options import CellOptions

_TRAITS_THAT_ARE_SETTINGS = ("timeout_s", "retries", "max_context_tokens")
_FLAGS_THAT_ARE_SETTINGS = ("temperature", "max_tokens", "timeout_s", "retries")
_KEY_NAME = re.compile(
    r"api[-_]?key|authorization|secret|password|(access|auth|bearer)[-_]?token", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Branching:
    """A move to another branch before the prompt."""

    name: str | None
    at: int | None = None
    """Turn to fork at; None goes on with the branch that has the name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What sending a prompt will do."""

    opening: Literal["current", "named", "new"]
    session: BaseSession | None
    """None when it is made first."""
    session_name: str | None
    models: tuple[str, ...]
    """``provider:model`` of who answers."""
    changes: Mapping[str, Any]
    """Settings of this send alone."""
    base: SessionSettings
    """The session's settings."""
    branching: Branching | None = None
    before: tuple[SessionMessage, ...] = ()
    """The path up to the prompt, as it is sent."""
    earlier: SessionMessage | None = None
    """The question that the same cell asked before."""
    left_behind: int = 0
    """Turns that followed the earlier question and stay with it."""
    first_model: str | None = None
    """Model of a session that is made; None for that of the settings."""
    keeps_history: bool = True
    """False sends the system messages and the prompt alone."""
    hides: tuple[str, ...] = ()
    """Ids of system messages that the new one replaces."""
    new_system: str | None = None

    @property
    def makes_session(self) -> bool:
        """Whether the cell asked for a session that is not there yet."""
        return self.session is None and self.opening != "current"

    @property
    def system_messages(self) -> list[SessionMessage]:
        """The system messages of the path."""
        return [message for message in self.before if message.role is MessageRole.SYSTEM]

    def settings(self, model: str) -> SessionSettings:
        """Return what one model is asked with."""
        provider, name = parse_model_id(model)
        return self.base.updated(provider=provider, model=name, **self.changes)


async def make_plan(workspace: Workspace, options: CellOptions, cell: Cell) -> Plan:
    """Find out where a prompt goes; nothing is changed.

    Raises
    ------
    UsageError
        A branch, turn or file does not exist.
    SessionError
        A model or setting is not allowed, or the store cannot be read.
    """
    opening, session = await _session(workspace, options)
    base = workspace.new_settings() if session is None else session.settings
    default = "openai-compatible" if options.api_base is not None else None
    models = tuple(workspace.model_id(model, session=session, default=default) for model in options.models)
    changes = request_changes(workspace, options, base)
    branching, path = await _path(session, options)
    earlier = _earlier(workspace, options, cell, session, path)
    at = next((n for n, message in enumerate(path) if message is earlier), len(path))
    hides, new_system = _system_change(options, path[:at])
    before = [message for message in path[:at] if message.id not in hides]
    if new_system:
        before.append(_system_message(new_system))
    behind = {message.turn for message in path[at:] if message.turn is not None}
    return Plan(
        opening,
        session,
        options.session if options.new is None else options.new or None,
        models or (f"{base.provider}:{base.model}",),
        changes,
        base,
        branching=branching,
        before=tuple(before),
        earlier=earlier,
        left_behind=max(0, len(behind) - 1),
        # What is reached only with the flags of this cell is no model for the cells after it.
        first_model=None if options.api_base or options.api_key_name else models[0] if models else None,
        keeps_history=options.history,
        hides=hides,
        new_system=new_system,
    )


def request_changes(workspace: Workspace, options: CellOptions, base: SessionSettings) -> dict[str, Any]:
    """Return the settings of one send: flags before ``-o`` before the traits; nothing that was not set."""
    config = workspace.config
    changes = {name: getattr(config, name) for name in _TRAITS_THAT_ARE_SETTINGS}
    changes["trim"] = None if config.max_context_tokens is None else config.trim
    extra = dict(options.options)
    _check_no_key(extra)
    changes |= {name: extra.pop(name) for name in GENERATION_OPTIONS if name in extra}
    given = {name: getattr(options, name) for name in _FLAGS_THAT_ARE_SETTINGS}
    changes |= {name: value for name, value in given.items() if value is not None}
    changes["options"] = {**base.options, **extra} if extra else None
    changes["stream"] = False if options.stream is False else None
    return {name: value for name, value in changes.items() if value is not None}


def _check_no_key(names: Iterable[str]) -> None:
    """Options are stored and sent; a key among them would be in the store, and in the body of the request."""
    for name in names:
        if _KEY_NAME.search(name):
            raise UsageError(
                f"The option {name!r} would hold a key, and options are stored with the conversation. Name the "
                "variable that holds it with `--api-key-name ENV`, or give it with `%langswarm key PROVIDER`."
            )


async def _session(
    workspace: Workspace, options: CellOptions
) -> tuple[Literal["current", "named", "new"], BaseSession | None]:
    if options.new is not None:
        return "new", None
    if options.session is not None:
        return "named", await workspace.find(options.session)
    return "current", await workspace.peek()


async def _path(
    session: BaseSession | None, options: CellOptions
) -> tuple[Branching | None, list[SessionMessage]]:
    """Return the branch to go to, and the path there."""
    name, turn = options.branch, options.from_turn
    path = [] if session is None else await session.get_messages()
    if name is None and turn is None:
        return None, path
    branches = {"main": None} if session is None else await session.branches()
    if session is not None and name is not None and name in branches:
        if name == session.record.branch:
            return None, path
        tip = branches[name]
        everything = await session.get_messages(branch="all")
        ends = [message for message in everything if message.seq == tip]
        return Branching(name), await session.path_to(ends[0]) if ends else []
    if turn is None:
        raise UsageError(
            f"The session has no branch {name!r}, its branches are {', '.join(branches)}"
            f"{did_you_mean(str(name), branches) or '.'} `--branch {name} --from TURN` forks one."
        )
    last = max((n for n, message in enumerate(path, 1) if message.turn == turn), default=None)
    if last is None:
        turns = sorted({message.turn for message in path if message.turn is not None})
        known = f"its turns are {turns[0]} to {turns[-1]}" if turns else "it has none yet"
        raise UsageError(f"There is no turn {turn} to go on from; {known}.")
    return Branching(name, turn), path[:last]


def _earlier(
    workspace: Workspace,
    options: CellOptions,
    cell: Cell,
    session: BaseSession | None,
    path: Sequence[SessionMessage],
) -> SessionMessage | None:
    """Return the question that this cell asked before on the path; None adds a turn."""
    rerun = options.rerun or workspace.config.rerun
    if session is None or cell.cell_id is None or rerun == "append" or not options.history:
        return None
    if not workspace.is_first_of_run(cell.run, session.session_id):
        return None
    mine = (m for m in path if m.role is MessageRole.USER and m.cell_id == cell.cell_id)
    return next(mine, None)


def _system_change(
    options: CellOptions, path: Sequence[SessionMessage]
) -> tuple[tuple[str, ...], str | None]:
    """Return the system messages to hide and the text of the new one."""
    text = _system_text(options)
    ours = [m for m in path if m.role is MessageRole.SYSTEM and m.source == "magic" and not m.is_hidden]
    if text is None or [message.content for message in ours] == [text]:
        return (), None
    return tuple(message.id for message in ours), text if text.strip() else None


def _system_message(text: str) -> SessionMessage:
    return SessionMessage(role=MessageRole.SYSTEM, content=text, source="magic")


def _system_text(options: CellOptions) -> str | None:
    if options.system_file is None:
        return options.system
    try:
        return Path(options.system_file).expanduser().read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"--system-file {options.system_file!r} could not be read: {error}.") from error
