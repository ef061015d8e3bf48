"""The system text that the next question of a path goes with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.core.session.conversation.nodes import node_of
from langswarm_nb.core.session.conversation.sent_context import system_now


def system_text(path: Sequence[SessionMessage]) -> str:
    """Return that text; empty where there is none."""
    roles = [message.role for message in path]
    about = [path[n] for n in _about_system(roles)]
    nodes = [node_of(message, message.seq or 0, message.parent_seq) for message in about]
    hidden = {(message.turn, message.version) for message in about if message.is_hidden}
    held = {node.seq for node in system_now(nodes, hidden)}
    return "\n\n".join(message.content for message in about if message.seq in held)


def _about_system(roles: Sequence[MessageRole]) -> Iterator[int]:
    """Yield the places of the turns that system messages belong to, and of the last turn; the others decide nothing."""
    if MessageRole.SYSTEM not in roles:
        return
    last = max((n for n, role in enumerate(roles) if role is MessageRole.USER), default=0)
    questions = 2  # asked since the last system message
    passed: int | None = (
        None  # the last question that was not yielded: a system message may stand in its turn
    )
    for n, role in enumerate(roles):
        if role is MessageRole.SYSTEM:
            if passed is not None:
                yield passed
            questions, passed = 0, None
        elif role is MessageRole.USER:
            questions += 1
            passed = n
        if questions < 2 or n >= last:  # noqa: PLR2004
            passed = None
            yield n
