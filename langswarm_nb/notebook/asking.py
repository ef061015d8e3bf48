"""Where a prompt goes: its session, its branch, the turn it is a version of, and the settings it is sent with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session import (
    BaseSession,
    MessageRole,
    SessionMessage,
    parse_model_id,
)

from .cells import Cell
from .exchange import Opened, TellRetry
from .keys import provider_ready
from .versions import ASIDE

if TYPE_CHECKING:
    from .interpolate import Prompt
    from .options import CellOptions
    from .workspace import Workspace

GENERATION_FLAGS = ("temperature", "max_tokens", "timeout_s", "retries")
SETTINGS_BY_OPTION = ("temperature", "max_tokens", "top_p", "stop", "seed", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt goes."""

    session: BaseSession
    earlier: SessionMessage | None = None
    """The question that the same cell asked before."""
    is_version: bool = False
    """Whether the prompt hangs where ``earlier`` does; else after the tip."""
    left_behind: int = 0
    """Turns that followed the earlier question and stay with it."""


async def open_question(
    workspace: Workspace, prompt: Prompt, options: CellOptions, cell: Cell, tell_retry: TellRetry
) -> Opened:
    """Prepare everything for a prompt and return its stream; nothing is sent yet."""
    place = await find_place(workspace, options, cell)
    session, earlier = place.session, place.earlier
    model = workspace.model_id(options.models[0], session=session) if options.models else None
    provider_ready(workspace.manager, session.provider if model is None else parse_model_id(model)[0])
    stream = session.stream_message(
        prompt.text,
        model=model,
        version_of=earlier.id if earlier and place.is_version else None,
        history=options.history,
        metadata=None if options.history else ASIDE,
        source="magic",
        cell_id=cell.cell_id,
        on_retry=tell_retry,
        **request_changes(workspace, options, session),
    )
    behind = place.left_behind
    return Opened(
        session,
        stream,
        name="" if options.session is None else workspace.name_of(session),
        note=f"{behind} later turns stay with v{earlier.version}" if earlier and behind else "",
        replaces=earlier if (options.rerun or workspace.config.rerun) == "replace" else None,
    )


async def find_place(workspace: Workspace, options: CellOptions, cell: Cell) -> Place:
    """Find or make the session of a prompt and prepare its branch, system prompt and version."""
    session = await _session(workspace, options)
    await _go_to_branch(session, options)
    path = await session.get_messages()
    earlier = _earlier(workspace, options, cell, session, path)
    at = len(path) if earlier is None else path.index(earlier)
    has_new_system = await _set_system(session, options, path[:at], earlier)
    behind = len({message.turn for message in path[at:] if message.turn is not None}) - 1
    return Place(
        session, earlier, is_version=not has_new_system, left_behind=max(0, behind) if earlier else 0
    )


def request_changes(workspace: Workspace, options: CellOptions, session: BaseSession) -> dict[str, Any]:
    """Return the settings of one send: flags before ``-o`` before the traits; nothing that was not set."""
    config = workspace.config
    changes: dict[str, Any] = {
        name: getattr(config, name) for name in ("timeout_s", "retries", "max_context_tokens")
    }
    changes["trim"] = config.trim if config.max_context_tokens is not None else None
    extra = dict(options.options)
    changes |= {name: extra.pop(name) for name in SETTINGS_BY_OPTION if name in extra}
    changes |= {
        name: getattr(options, name) for name in GENERATION_FLAGS if getattr(options, name) is not None
    }
    if extra:
        changes["options"] = {**session.settings.options, **extra}
    if options.stream is False:
        changes["stream"] = False
    return {name: value for name, value in changes.items() if value is not None}


async def _session(workspace: Workspace, options: CellOptions) -> BaseSession:
    if options.new is not None:
        return await workspace.start(options.new or None)
    if options.session is not None:
        return await workspace.open(options.session)
    return await workspace.current()


async def _go_to_branch(session: BaseSession, options: CellOptions) -> None:
    name, turn = options.branch, options.from_turn
    if name is None and turn is None:
        return
    branches = await session.branches()
    if name in branches:
        if name != session.record.branch:
            await session.switch_branch(name)
    elif turn is not None:
        await session.fork(turn, name)
    else:
        raise UsageError(
            f"The session has no branch {name!r}, its branches are {', '.join(branches)}. "
            f"Fork one with `--branch {name} --from TURN`."
        )


def _earlier(
    workspace: Workspace,
    options: CellOptions,
    cell: Cell,
    session: BaseSession,
    path: Sequence[SessionMessage],
) -> SessionMessage | None:
    """Return the question that this cell asked before on the active path; None adds a turn."""
    first_of_run = workspace.is_first_of_run(cell.run, session.session_id)
    rerun = options.rerun or workspace.config.rerun
    if cell.cell_id is None or rerun == "append" or not options.history or not first_of_run:
        return None
    mine = (m for m in path if m.role is MessageRole.USER and m.cell_id == cell.cell_id)
    return next(mine, None)


async def _set_system(
    session: BaseSession, options: CellOptions, path: Sequence[SessionMessage], earlier: SessionMessage | None
) -> bool:
    """Make the text the system prompt from here on, and tell whether a message was added for it.

    The one before is kept and no longer sent.
    """
    text = _system_text(options)
    if text is None:
        return False
    ours = [m for m in path if m.role is MessageRole.SYSTEM and m.source == "magic" and not m.is_hidden]
    if [m.content for m in ours] == [text]:
        return False
    for message in ours:
        await session.hide(message.id)
    if not text.strip():
        return False
    prompt = SessionMessage(role=MessageRole.SYSTEM, content=text, source="magic")
    await session.append(prompt, parent="tip" if earlier is None else earlier.parent_seq)
    return True


def _system_text(options: CellOptions) -> str | None:
    if options.system_file is None:
        return options.system
    try:
        return Path(options.system_file).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--system-file {options.system_file!r} could not be read: {error}.") from error
