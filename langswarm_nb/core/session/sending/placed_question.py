"""`PlacedQuestion`: a question stored where it belongs, as soon as no other message of its session is answered.

One whose id the caller has chosen may be there already: then it is not stored again, and its answer is the reply. A
question counts as answered when a reply to it is whole; else it is asked again, by whoever holds the lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.conversation.placing import Place
from langswarm_nb.core.session.conversation.sent_context import Context
from langswarm_nb.core.session.errors import SessionExistsError, SessionLeasedError, shown
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.parts.blobs import taken_out

from .ask import Ask
from .finishing import finish_anyway, is_collected
from .lease import Lease, Wait

if TYPE_CHECKING:
    from langswarm_nb.core.session.session import BaseSession


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
    messages: Sequence[SessionMessage]
    """The same, with its words."""
    lease: Lease | None
    """Held until the answer is stored; None beside the path."""
    is_new: bool
    """Whether the question was stored just now."""
    answer: SessionMessage | None = None
    """What a question of old was answered; nothing is sent then."""


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
    except BaseException as error:
        if asked is not None and ask.facts.ask is not None:
            asked.memory.give_back(asked.cell, ask.facts.ask)
        # Who is cancelled while it is stored does not know whether it was.
        if lease is not None and not is_collected(error):
            await finish_anyway(lease.give_back)
        raise
    _remember(ask, placed)
    return placed


async def _store(
    session: BaseSession, ask: Ask, message: SessionMessage, lease: Lease | None
) -> PlacedQuestion:
    if lease is None:  # beside the path nothing depends on what others do
        return await _try_to_store(session, ask, message, None)
    wait = Wait(lease, ask.on_wait)
    # A repeat is one whatever has become of the path, and of what may be sent with it.
    known = await _same_question(session, message) if ask.is_named else None
    while True:
        try:
            if known is None:
                return await _try_to_store(session, ask, message, lease)
            return await _asked_before(session, ask, known, lease)
        except SessionExistsError:
            if not ask.is_named or known is not None:
                raise
            known = await _same_question(session, message)  # another has stored it meanwhile
            continue
        except SessionLeasedError:
            if not ask.waits:
                raise
        await wait.to_try_again()


async def _same_question(session: BaseSession, message: SessionMessage) -> SessionMessage | None:
    """Return the message that has the id of a question, and says the same; None when there is none.

    Raises
    ------
    SessionExistsError
        It says something else.
    """
    known = await session.get_message(message.id)
    if known is not None and (known.role, known.content, taken_out(known.parts)[0]) != (
        message.role,
        message.content,
        taken_out(message.parts)[0],
    ):
        raise SessionExistsError(
            f"There is a message {shown(message.id)} in session {shown(session.session_id)} already, and it says "
            "something else, so nothing was stored or sent. A message_id stands for one message: choose another one."
        )
    return known


async def _asked_before(
    session: BaseSession, ask: Ask, question: SessionMessage, lease: Lease
) -> PlacedQuestion:
    """Return a question that was stored before, with its answer; where there is none it is asked again.

    Raises
    ------
    SessionLeasedError
        A message is being answered, perhaps this one.
    """
    answer = await _answer_to(session, question, ask)
    if answer is None:
        await session.append([], lease=lease.holder)
        lease.is_claimed = True
        answer = await _answer_to(session, question, ask)  # it may have come before the lease was ours
    if answer is None:
        again = replace(ask, message=question, regenerates=True, expected_tip=None)
        return await _try_to_store(session, again, question, lease)
    if lease.is_claimed:
        await lease.give_back()
    place = Place(question.parent_seq, question.turn)
    return PlacedQuestion(place, session.record.branch, [question], Context(()), (), None, False, answer)


async def _answer_to(session: BaseSession, question: SessionMessage, ask: Ask) -> SessionMessage | None:
    """Return the first whole reply to a question; where a value is asked for, the first that holds it."""
    nodes = (await session.tree()).nodes[(question.seq or 0) + 1 :]
    answers = [node for node in nodes if node.parent == question.seq and node.role == "assistant"]
    whole = [node.seq for node in answers if node.status in (None, "ok")]
    if ask.schema is None:
        return (await session.pick_messages(whole[:1]))[0] if whole else None
    replies = await session.pick_messages(whole) if whole else []
    hashes = [None if reply.request is None else reply.request.schema_hash for reply in replies]
    return next((reply for reply, one in zip(replies, hashes, strict=True) if one == ask.schema.hash), None)


async def _try_to_store(
    session: BaseSession, ask: Ask, message: SessionMessage, lease: Lease | None
) -> PlacedQuestion:
    """Store it where it belongs in the tree as it is now."""
    holder = None if lease is None else lease.holder
    found, done = await session.ask(lambda tree: ask.decide(tree, message, holder))
    stored = done.stored
    messages = found.sent(done.read, stored)
    return PlacedQuestion(
        found.place, found.branch, stored or [message], found.context, messages, lease, bool(stored)
    )


def _remember(ask: Ask, placed: PlacedQuestion) -> None:
    question, asked = placed.chain[-1], ask.facts.asked
    if asked is None:
        return
    asked.memory.note((question.turn, question.version), asked.cell.cell_id)
    if ask.facts.joins is None:
        asked.memory.go_on(ask.facts.beside, placed.place.replayed)
