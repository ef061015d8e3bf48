"""`PlacedQuestion`: a question stored where it belongs, as soon as no other message of its session is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.conversation.beside_the_loop import decided
from langswarm_nb.core.session.conversation.placing import Place
from langswarm_nb.core.session.conversation.sent_context import Context
from langswarm_nb.core.session.errors import SessionLeasedError
from langswarm_nb.core.session.messages import SessionMessage

from .ask import Ask
from .finishing import finish_anyway
from .lease import Lease, wait_a_little

if TYPE_CHECKING:
    from langswarm_nb.core.session.session import BaseSession

_TELL_AFTER = 3
"""So many looks at a session that another holds are quicker than what a reader notices."""


class PlacedQuestion(NamedTuple):
    """A question in its place."""

    place: Place
    branch: str
    """On which it was stored: others may be the current one by the time of the answer."""
    chain: list[SessionMessage]
    """What was stored: the question, after the system text that came with it; a question of old when it is answered
    again."""
    context: Context
    """What is sent with it."""
    lease: Lease | None
    """Held until the answer is stored; None beside the path."""


async def place_question(
    session: BaseSession, ask: Ask, message: SessionMessage, reply_id: str
) -> PlacedQuestion:
    """Store the question of a resolved ask, and count it as one that its cell asked.

    Raises
    ------
    ContextLengthError
        What is sent with it would be too long; nothing was stored.
    SessionError
        It could not be stored.
    """
    asked = None if ask.facts.joins is not None else ask.facts.asked
    if asked is not None:
        ask = replace(ask, facts=replace(ask.facts, ask=asked.memory.take(asked.cell)))
    lease = None if ask.is_beside else Lease(session.storage, session.key, reply_id)
    try:
        placed = await _store(session, ask, message, lease)
    except BaseException:
        if asked is not None and ask.facts.ask is not None:
            asked.memory.give_back(asked.cell, ask.facts.ask)
        if lease is not None:  # who is cancelled while it is stored does not know whether it was
            await finish_anyway(lease.give_back)
        raise
    _remember(ask, placed)
    return placed


async def _store(
    session: BaseSession, ask: Ask, message: SessionMessage, lease: Lease | None
) -> PlacedQuestion:
    attempt = 0
    while True:
        try:
            return await _try_to_store(session, ask, message, lease)
        except SessionLeasedError:
            if attempt == _TELL_AFTER and ask.on_wait is not None:
                ask.on_wait("waiting: another message of this session is being answered")
            await wait_a_little(attempt)
            attempt += 1


async def _try_to_store(
    session: BaseSession, ask: Ask, message: SessionMessage, lease: Lease | None
) -> PlacedQuestion:
    """Store it where it belongs in the tree as it is now."""
    tree = await session.tree()
    place, chain, expected, context = await decided(tree.nodes, lambda: ask.decide(tree, message))
    held: dict[str, Any] = (
        {} if lease is None else {"lease": lease.holder, "expects": (tree.branch, tree.tip)}
    )
    stored = await session.append(
        chain,
        parent=place.parent,
        turn=place.turn,
        activate=lease is not None,
        branch=place.branch,
        hides=place.hides,
        **held,
    )
    # Others may have stored something first, so the numbers can differ from those that were planned.
    seqs = {seq: kept.seq or 0 for seq, kept in zip(expected, stored, strict=True)}
    context = context._replace(seqs=tuple(seqs.get(seq, seq) for seq in context.seqs))
    return PlacedQuestion(place, place.branch or tree.branch, stored or [message], context, lease)


def _remember(ask: Ask, placed: PlacedQuestion) -> None:
    question, asked = placed.chain[-1], ask.facts.asked
    if asked is None:
        return
    asked.memory.note((question.turn, question.version), asked.cell.cell_id)
    if ask.facts.joins is None:
        asked.memory.go_on(ask.facts.beside, placed.place.replayed)
