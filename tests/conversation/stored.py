"""What a product has stored of a session, as walks see it: rows, branches, facts."""

from __future__ import annotations

import re
from collections.abc import Callable

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionStatus
from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.tree import Tree
from tests.conversation.driver import Branches, Row, SessionFacts

_WHEN = re.compile(r"\d{4}-\d\d-\d\d,? \d\d:\d\d(:\d\d)?(-\d+)*")
_NUMBERED = re.compile(r"\(\{when\}\)(-\d+)+")
_FORMER = re.compile(r" \(until .*\)$")


def without_time(label: str) -> str:
    """Return a label with ``{when}`` for the day and time in it."""
    return _NUMBERED.sub("({when})", _WHEN.sub("{when}", label))


async def shown_of(session: BaseSession) -> tuple[list[Row], Branches]:
    """Return all versions of all turns, and the branches with the addresses on their paths."""
    tree = await session.tree()
    messages = {
        message.seq: message
        for message in await session.get_messages(branch="all")
        if message.seq is not None
    }
    rows = [
        _row(tree, turn, number, last, messages)
        for turn in range(tree.next_turn)
        for number, last in tree.versions(turn).items()
    ]
    return rows, _branches(tree)


def _row(tree: Tree, turn: int, number: int, last: Node, messages: dict[int, SessionMessage]) -> Row:
    question = messages[tree.question_of(last).seq]
    shown = messages[last.seq]
    return Row(
        f"{turn}.{number}",
        question.content,
        shown.content if last.role == "assistant" else "",
        last.status or "open",  # type: ignore[arg-type]  # one of these words
        shown.is_active,
        shown.is_hidden,
        shown.beside is not None,
    )


def _branches(tree: Tree) -> Branches:
    tips = dict([(tree.branch, tree.tip), *tree.others])
    return Branches(
        tree.branch,
        {name: tuple(turn.address for turn in tree.turns_to(tip)) for name, tip in tips.items()},
    )


def facts_of(session: BaseSession, model: Callable[[str], str], home: Callable[[str], str]) -> SessionFacts:
    """Return what a list shows of a session; ``model`` and ``home`` say what walks call them."""
    record = session.record
    return SessionFacts(
        without_time(record.title or ""),
        home(_FORMER.sub("", record.home)) if record.home else "",
        session.status is SessionStatus.ARCHIVED,
        model(f"{session.provider}:{session.model}"),
    )
