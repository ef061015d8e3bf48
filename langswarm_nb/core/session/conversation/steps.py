"""`Step`: what a decision about a session asks of its storage, and `Done`: what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    from langswarm_nb.core.session.messages import SessionMessage


class ChainPlace(TypedDict, total=False):
    """Where a chain of messages goes; `ISessionStorage.append_messages` says what each means."""

    parent: int | Literal["tip"] | None
    reply_to: int | None
    question_id: str | None
    turn: int | None
    activate: bool
    branch: str | None
    hides: Sequence[tuple[int, int]]
    lease: str | None
    expected_tip: str | None
    once: bool


class Step(NamedTuple):
    """What is to be done in a session, decided by how it is."""

    messages: Sequence[SessionMessage] = ()
    """What is to be stored, as a chain."""
    place: ChainPlace = ChainPlace()
    """Where."""
    reads: Sequence[int] = ()
    """Ascending `seq` of messages that are to be read, of those that were there."""


class Done(NamedTuple):
    """What was stored, as `ISessionStorage.append_messages` returns it, and what was read."""

    stored: list[SessionMessage]
    read: list[SessionMessage]
