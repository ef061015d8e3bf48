"""Commands on the tree of a session: branches, versions, and moves between them; none deletes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, MessageRole, SessionMessage
from langswarm_nb.notebook.asking.send import ask_again
from langswarm_nb.notebook.asking.versions import last_question, versions_of

from .command import Command, arg
from .results import Listing
from .tree_drawing import draw_tree

if TYPE_CHECKING:
    from langswarm_nb.notebook.showing.reply import Reply
    from langswarm_nb.notebook.workspace import Workspace


async def _branches(workspace: Workspace) -> Listing:
    session = await workspace.current()
    await session.refresh()
    by_seq = {message.seq: message for message in await session.get_messages(branch="all")}
    rows = []
    for name, tip in (await session.branches()).items():
        message = by_seq.get(tip)
        mark = "→" if name == session.record.branch else ""
        rows.append((mark, name, None if message is None else message.turn, message and message.content))
    return Listing(("", "branch", "turn", "ends with"), rows)


async def _fork(workspace: Workspace, turn: str | None, name: str | None) -> str:
    session = await workspace.current()
    if turn is not None and not turn.isdecimal():
        turn, name = None, turn
    return _here(session, await session.fork(None if turn is None else int(turn), name))


async def _branch(workspace: Workspace, name: str | None) -> str:
    session = await workspace.current()
    if name is not None:
        await session.switch_branch(name)
    return _here(session, session.record.branch)


async def _tree(workspace: Workspace) -> str:
    session = await workspace.current()
    await session.refresh()
    messages = await session.get_messages(branch="all")
    return draw_tree(messages, await session.branches(), session.record.branch)


async def _undo(workspace: Workspace, n: int) -> str:
    session = await workspace.current()
    if n < 1:
        raise UsageError(f"%langswarm undo: N must be at least 1, not {n}.")
    undone = await session.undo(n)
    path = await session.get_messages(role=MessageRole.USER)
    left = (
        f"the last turn is {session.record.branch}#{path[-1].turn}" if path else "the conversation is empty"
    )
    return f"{undone} turn{'' if undone == 1 else 's'} undone and kept; {left}"


async def _versions(workspace: Workspace, turn: int | None) -> Listing:
    session = await workspace.current()
    question = await last_question(session) if turn is None else await _question(session, turn)
    found = [] if question is None else await versions_of(session, question)
    rows = []
    for version in found:
        reply, facts = version.reply, version.reply and version.reply.request
        rows.append(
            (
                "→" if version.is_active else "",
                f"v{version.number}",
                facts.model_id if facts else "",
                facts.status if facts else "no answer",
                version.question.content,
                reply.content if reply else "",
            )
        )
    return Listing(
        ("", "version", "model", "status", "question", "answer"), rows, empty="Nothing was asked yet."
    )


def _retry(workspace: Workspace, model: str | None) -> Reply:
    return ask_again(workspace, model=model)


async def _hide(workspace: Workspace, turn: int, *, undo: bool) -> str:
    session = await workspace.current()
    messages = [message for message in await session.get_messages() if message.turn == turn]
    if not messages:
        await _question(session, turn)
    for message in messages:
        await session.hide(message.id, hidden=not undo)
    return f"turn {turn} is {'sent again' if undo else 'kept, and no longer sent'}"


async def _question(session: BaseSession, turn: int) -> SessionMessage:
    questions = await session.get_messages(role=MessageRole.USER)
    found = next((message for message in questions if message.turn == turn), None)
    if found is None:
        turns = ", ".join(str(message.turn) for message in questions[-20:]) or "none yet"
        raise UsageError(f"There is no turn {turn} on this branch; its turns are {turns}.")
    return found


def _here(session: BaseSession, branch: str) -> str:
    tip = session.record.tip_seq
    return branch if tip is not None else f"{branch}, empty"


COMMANDS = (
    Command("branches", _branches, "list the branches of this session"),
    Command(
        "branch",
        _branch,
        "go on with another branch; without NAME, tell this one",
        (arg("name", metavar="NAME", nargs="?", completes="branch"),),
    ),
    Command(
        "fork",
        _fork,
        "go on after an earlier turn, on a new branch",
        (
            arg("turn", metavar="TURN", nargs="?", help="number of the turn; the last by default"),
            arg("name", metavar="NAME", nargs="?", help="name of the branch"),
        ),
    ),
    Command("tree", _tree, "draw all turns of this session, with branches and versions"),
    Command(
        "versions",
        _versions,
        "list the versions of the turn asked last, or of TURN; %langswarm use v1 goes to one",
        (arg("turn", metavar="TURN", nargs="?", type=int),),
    ),
    Command(
        "undo",
        _undo,
        "go back by N turns, which are kept",
        (arg("n", metavar="N", nargs="?", type=int, default=1),),
    ),
    Command(
        "retry",
        _retry,
        "answer the last question once more, as a new version",
        (arg("-m", "--model", metavar="MODEL", help="another model", completes="model"),),
    ),
    Command(
        "hide",
        _hide,
        "keep a turn, but send it no more",
        (
            arg("turn", metavar="TURN", type=int),
            arg("--undo", action="store_true", help="send it again"),
        ),
    ),
)
