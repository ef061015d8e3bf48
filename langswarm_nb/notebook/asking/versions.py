"""The versions of a turn: the answers that running a cell again, asking again, or comparing have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langswarm_nb.core.session import BaseSession, MessageRole, SessionMessage

ASIDE = {"aside": True}
"""Metadata of a question that was sent without the conversation, and so is no version of any turn."""


@dataclass(frozen=True, slots=True)
class Version:
    """One answer to a turn, or its question when no answer was stored."""

    number: int
    """1, 2, … in the order in which they came."""
    question: SessionMessage
    reply: SessionMessage | None

    @property
    def last(self) -> SessionMessage:
        """The message that ends the turn in this version."""
        return self.reply or self.question

    @property
    def is_active(self) -> bool:
        """Whether the conversation goes on from here."""
        return self.last.is_active


async def versions_of(session: BaseSession, question: SessionMessage) -> list[Version]:
    """Return all versions of the turn that a question belongs to."""
    return versions_among(await session.get_messages(branch="all"), question)


def versions_among(messages: Sequence[SessionMessage], question: SessionMessage) -> list[Version]:
    """Return the versions of a turn among all messages of its session."""
    replies: dict[int | None, list[SessionMessage]] = {}
    for message in messages:
        if message.role is MessageRole.ASSISTANT:
            replies.setdefault(message.parent_seq, []).append(message)
    comparison = _comparison(replies.get(question.seq, []))
    pairs: list[tuple[SessionMessage, SessionMessage | None]] = []
    for other in messages:
        answers = replies.get(other.seq, [])
        is_compared = _comparison(answers) == comparison
        if is_compared and (comparison is not None or _same_turn(other, question)):
            pairs += [(other, answer) for answer in answers] or [(other, None)]
    if comparison is None:
        pairs.sort(key=lambda pair: (pair[1] or pair[0]).seq or 0)
    return [Version(number, asked, reply) for number, (asked, reply) in enumerate(pairs, 1)]


async def last_question(session: BaseSession) -> SessionMessage | None:
    """Return the question that was asked last, on whatever branch; None when there is none."""
    messages = await session.get_messages(branch="all")
    asked = (m for m in reversed(messages) if m.role is MessageRole.USER and not m.metadata.get("aside"))
    return next(asked, None)


def _same_turn(other: SessionMessage, question: SessionMessage) -> bool:
    if other.seq == question.seq:
        return True
    return (
        other.role is MessageRole.USER
        and other.parent_seq == question.parent_seq
        and _same_origin(other, question)
        and bool(other.metadata.get("aside")) == bool(question.metadata.get("aside"))
    )


def _same_origin(other: SessionMessage, question: SessionMessage) -> bool:
    """Tell whether one question took the place of the other; else they are branches at the same place."""
    if question.cell_id is not None or other.cell_id is not None:
        return other.cell_id == question.cell_id
    # Without cells a fork cannot be told from an edit, except that cells of a terminal edit nothing.
    return question.source != "magic" and other.source == question.source


def _comparison(replies: Sequence[SessionMessage]) -> str | None:
    return next((reply.request.compare_id for reply in replies if reply.request), None)
