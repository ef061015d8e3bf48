"""Panels and the library, as walks use them: the actions of a panel without its page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from langswarm_nb.core.session import BaseSession, MessageStream, SessionNotFoundError
from langswarm_nb.core.session.conversation.notes import turns as count
from langswarm_nb.notebook.panel.actions import ACTIONS
from langswarm_nb.notebook.panel.rules import WorkspaceRules
from langswarm_nb.notebook.panel.tray import Tray
from langswarm_nb.notebook.workspace import Workspace
from tests.conversation.driver import (
    Action,
    AddSystem,
    Edit,
    Fork,
    GoTo,
    Hide,
    Regenerate,
    Restart,
    Send,
    Trim,
    Undo,
    Use,
)


class _Feed:
    async def refresh(self) -> None:
        """A page would be drawn."""


class _Panel:
    """What the actions need of a panel."""

    def __init__(
        self, workspace: Workspace, session: BaseSession, told: list[str], addresses: list[str]
    ) -> None:
        self.session, self.manager = session, session.manager
        self.rules = WorkspaceRules(workspace)
        self.feed, self.tray = _Feed(), Tray()
        self.told, self.addresses = told, addresses

    def is_new(self, key: str) -> bool:
        return True

    def begin_send(self) -> Callable[[str], None]:
        return self.told.append

    async def run(self, opening: Coroutine[Any, Any, MessageStream]) -> None:
        await self.read(await opening)

    async def read(self, stream: MessageStream) -> None:
        try:
            await stream.read()
        finally:
            if stream.reply is not None:
                self.addresses.append(stream.reply.address)
                self.told += stream.notes


async def act(
    workspace: Workspace, session: BaseSession, action: Action, told: list[str], addresses: list[str]
) -> None:
    """Do something in a session, without a cell; tell what is told, and where answers are."""
    panel = _Panel(workspace, session, told, addresses)

    async def do(name: str, **content: Any) -> None:
        await ACTIONS[name](panel, content)  # type: ignore[arg-type]  # it has what they need

    told.append(await _acted(session, action, do, panel))


async def _acted(session: BaseSession, action: Action, do: Any, panel: _Panel) -> str:  # noqa: C901, PLR0912 - one case for each
    match action:
        case Edit(turn, text, _):
            await do("edit", id=await _id_of(session, turn, question=True), text=text)
        case Regenerate(turn, _):
            await do("regenerate", id=await _id_of(session, turn))
        case Send(text, _, None, True):
            await do("send", text=text)
        case Send(text, _, system, history):
            await panel.read(session.stream_message(text, system=system, history=history))
        case AddSystem(text, "replace"):
            await do("system", text=text)
        case AddSystem(text, _):
            await session.add_system_message(text)
        case Trim(most):
            await session.update_settings(max_messages=most)
        case Hide(turn, undo):
            await do("hide", id=await _id_of(session, turn), hidden=not undo)
        case Use(version):
            number, _, of = version.partition(".")
            return await session.use(int(number), int(of) if of else None)
        case Undo(turns):
            return f"{count(await _undone(session, turns))} undone"
        case Fork(name, at):
            await session.fork(int(at) if at is not None and at.isdecimal() else at, name)
        case GoTo(name):
            await session.switch_branch(name)
        case Restart():
            await session.restart()
    return ""


async def _undone(session: BaseSession, turns: int) -> int:
    undone = await session.undo(turns)
    if not undone:
        raise SessionNotFoundError("nothing to undo")
    return undone


async def _id_of(session: BaseSession, turn: int, *, question: bool = False) -> str:
    """Return the id of what a reader clicks on: the question, or the last message of a turn on the path."""
    tree = await session.tree()
    here = tree.turn_on_path(turn)
    if here is None:
        raise SessionNotFoundError(f"turn {turn} is not shown")
    [message] = await session.pick_messages([here.question.seq if question else here.last.seq])
    return message.id
