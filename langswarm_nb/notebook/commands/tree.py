"""Commands that move along the tree of a session: branches, versions, and moves between them; none deletes anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, SessionMessage
from langswarm_nb.core.session.conversation import notes
from langswarm_nb.core.session.conversation.moves import asked_last, version_at
from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.notebook.asking.send import ask_again
from langswarm_nb.notebook.showing.transcript import in_short
from langswarm_nb.notebook.workspace.copying import copy_here

from .command import Command, arg
from .results import Drawing, Listing
from .tree_drawing import draw_tree, moment, tree_table, tree_text, wide_tree_text

if TYPE_CHECKING:
    from langswarm_nb.notebook.asking.compare import Comparison
    from langswarm_nb.notebook.showing.reply import Reply
    from langswarm_nb.notebook.workspace import Workspace


async def _branches(workspace: Workspace) -> Listing:
    session = await workspace.current()
    tree = await session.tree()
    tips = [(tree.branch, tree.tip), *tree.others]
    ends = sorted(tip for _, tip in tips if tip is not None)
    by_seq = {message.seq: message for message in await session.pick_messages(ends)}
    rows = []
    for name, tip in sorted(tips):
        message = by_seq.get(tip)
        mark = "→" if name == tree.branch else ""
        rows.append(
            (
                mark,
                name,
                message and message.address,
                message and in_short(message),
                message and moment(message),
            )
        )
    return Listing(("", "branch", "turn", "ends with", "when"), rows)


async def _fork(workspace: Workspace, turn: str | None, name: str | None) -> str:
    if turn is not None and ":" in turn:
        return await _fork_session(workspace, turn)
    session = await workspace.current()
    if turn is not None and not _ADDRESS.fullmatch(turn):
        turn, name = None, turn
    at = int(turn) if turn is not None and turn.isdecimal() else turn
    workspace.ends_replay(session)
    return _here(session, await session.fork(at, name))


async def _fork_session(workspace: Workspace, name: str) -> str:
    """Take the conversation of another notebook over."""
    source = await workspace.get(name)
    session = await copy_here(workspace, source)
    workspace.go_to(session)
    turns = len((await session.tree()).turns)
    return f"{workspace.label_of(session)}, with {notes.turns(turns)} of {workspace.name_of(source)}"


async def _branch(workspace: Workspace, name: str | None) -> str:
    session = await workspace.current()
    if name is not None:
        workspace.ends_replay(session)
        await session.switch_branch(name)
    return _here(session, session.record.branch)


async def _tree(workspace: Workspace) -> Drawing | str:
    session = await workspace.current()
    tree = await session.tree()
    told = [node.seq for node in tree.nodes if node.role in ("user", "assistant")]
    lines = draw_tree(tree, {message.seq: message for message in await session.pick_messages(told)})
    return Drawing(tree_text(lines), wide_tree_text(lines), tree_table(lines)) if lines else tree_text(lines)


async def _undo(workspace: Workspace, n: int) -> str:
    session = await workspace.current()
    if n < 1:
        raise UsageError(f"%langswarm undo: N must be at least 1, not {n}.")
    workspace.ends_replay(session)
    undone = await session.undo(n)
    tree = await session.tree()
    return notes.undone(undone, tree.turns[-1].address if tree.turns else None)


async def _restart(workspace: Workspace) -> str:
    session = await workspace.current()
    workspace.ends_replay(session)
    turns = len((await session.tree()).turns)
    await session.restart()
    return notes.restarted(turns)


async def _versions(workspace: Workspace, turn: int | None) -> Listing:
    session = await workspace.current()
    tree = await session.tree()
    number = asked_last(tree) if turn is None else turn
    if number is None:
        return Listing(_VERSIONS, [], empty="Nothing has been asked yet.")
    version_at(tree, number, None)  # says which turns there are, when it is none
    ends = tree.versions(number)
    messages = {message.seq: message for message in await session.pick_messages(sorted(_told(tree, ends)))}
    return Listing(_VERSIONS, [_version_row(tree, messages, number, *item) for item in ends.items()])


_VERSIONS = ("", "version", "model", "status", "question", "answer", "when")


def _told(tree: Tree, ends: Mapping[int, Node]) -> set[int]:
    return {seq for end in ends.values() for seq in (end.seq, tree.question_of(end).seq)}


def _version_row(
    tree: Tree, messages: Mapping[int | None, SessionMessage], turn: int, version: int, end: Node
) -> tuple[Any, ...]:
    from langswarm_nb.render.tables import Code

    question, last = messages[tree.question_of(end).seq], messages[end.seq]
    facts = last.request
    return (
        "→" if last.is_active else "",
        Code(f"{turn}.{version}"),
        facts.model_id if facts else "",
        facts.status if facts else "no answer",
        in_short(question),
        in_short(last) if last.seq != question.seq else "",
        moment(last),
    )


def _retry(workspace: Workspace, model: str | None) -> Reply | Comparison:
    return ask_again(workspace, model=model)


async def _hide(workspace: Workspace, turn: int, *, undo: bool) -> str:
    session = await workspace.current()
    tree = await session.tree()
    here = tree.turn_on_path(turn)
    if here is None:
        turns = ", ".join(str(known.number) for known in tree.turns[-20:]) or "none yet"
        raise UsageError(f"There is no turn {turn} on this branch; its turns are {turns}.")
    await session.storage.set_hidden(session.key, turn, here.version, hidden=not undo)
    return f"{here.address} is {'sent again' if undo else 'kept, and no longer sent'}"


def _here(session: BaseSession, branch: str) -> str:
    tip = session.record.tip_seq
    return branch if tip is not None else f"{branch}, empty"


_ADDRESS = re.compile(r"\d+(\.\d+)?")


COMMANDS = (
    Command("branches", _branches, "list the branches of this session"),
    Command(
        "branch",
        _branch,
        "switch to another branch; without NAME, show this one",
        (arg("name", metavar="NAME", nargs="?", completes="branch"),),
    ),
    Command(
        "fork",
        _fork,
        "continue after an earlier turn on a new branch, or take over another notebook's conversation",
        (
            arg(
                "turn",
                metavar="TURN",
                nargs="?",
                help="number of the turn, or 7.2; the last by default; or HOME:NAME",
            ),
            arg("name", metavar="NAME", nargs="?", help="name of the branch"),
        ),
    ),
    Command("tree", _tree, "draw all turns of this session, with branches and versions"),
    Command(
        "versions",
        _versions,
        "list the versions of the last turn, or of TURN; `%langswarm use 7.1` goes to one",
        (arg("turn", metavar="TURN", nargs="?", type=int),),
    ),
    Command(
        "undo",
        _undo,
        "go back one turn, or N; what is undone is kept",
        (arg("n", metavar="N", nargs="?", type=int, default=1),),
    ),
    Command("restart", _restart, "start the conversation over; what was said is kept as earlier versions"),
    Command(
        "retry",
        _retry,
        "ask the last question again, with the same settings, as a new version of its turn",
        (arg("-m", "--model", metavar="MODEL", help="another model", completes="model"),),
    ),
    Command(
        "hide",
        _hide,
        "stop sending a turn to the model, and keep it",
        (
            arg("turn", metavar="TURN", type=int),
            arg("--undo", action="store_true", help="send it again"),
        ),
    ),
)
