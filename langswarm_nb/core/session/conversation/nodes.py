"""`Node` and `TreeRows`: the shape of a session without its words, as a storage reads it in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from langswarm_nb.core.session.messages import SessionMessage


class Node(NamedTuple):
    """One message in the tree."""

    seq: int
    parent: int | None
    turn: int | None
    version: int
    role: str
    active: int
    """Whether it is on the active path."""
    cell_id: str | None
    ask: int | None
    """Which ask of one run of its cell it was."""
    scope: str | None
    beside: str | None
    status: str | None
    """How its request ended; None when it answers none."""
    compare_id: str | None
    says: int
    """2 with what `chars` counts, 1 with other parts alone, 0 with nothing."""
    chars: int
    """Length of its text; of a question also, for what it carries, that of a text which costs as much."""


class Stamp(NamedTuple):
    """Which state of a tree somebody knows; a storage then gives what is new since."""

    messages: int = 0
    """How many there are."""
    moves: int = 0
    """How often messages changed that were there already."""
    last_id: str | None = None
    """Id of the last of them: in another copy of the store another one may stand there."""

    @classmethod
    def of_nothing(cls) -> Stamp:
        """Return the stamp of who knows nothing yet."""
        return cls()


class TreeRows(NamedTuple):
    """What a storage says about a session's tree."""

    nodes: Sequence[tuple[object, ...]]
    """In the order of the fields of `Node`, by seq from `since` on."""
    tip: int | None
    branch: str
    others: Sequence[tuple[str, int | None]]
    """The other branches with their tips, the one left last first."""
    former: Sequence[tuple[str, int]]
    """Branches with ends of paths that they left, the one left last last."""
    hidden: Sequence[tuple[str, int, int]]
    """Branch, turn and version of what is not sent there."""
    next_turn: int
    since: int = 0
    """`seq` of the first of `nodes`: those before it are as the caller knows them."""
    stamp: Stamp = Stamp()
    """The state that all this is of."""


def node_of(message: SessionMessage, seq: int, parent: int | None) -> Node:
    """Return a message as it stands in the tree."""
    facts = message.request
    chars = chars_of_message(message)
    return Node(
        seq=seq,
        parent=parent,
        turn=message.turn,
        version=message.version,
        role=message.role.value,
        active=int(message.is_active),
        cell_id=message.cell_id,
        ask=message.ask,
        scope=message.scope,
        beside=message.beside,
        status=None if facts is None else facts.status,
        compare_id=None if facts is None else facts.compare_id,
        says=2 if chars else 1 if message.parts else 0,
        chars=chars,
    )


def chars_of_message(message: SessionMessage) -> int:
    """Return `Node.chars` of a message."""
    parts = () if message.role.value == "assistant" else message.parts  # few replies' pictures are sent again
    if not parts:
        return len(message.content)
    from langswarm_nb.core.session.parts.tokens import chars_of  # few messages carry something

    return chars_of(message.content, parts)
