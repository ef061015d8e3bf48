"""`Round`: one request of a turn and the reply to it: what is asked, what has arrived, where it is stored.

A turn has one round, and one more for each answer that is asked for once more. The lease of the question goes from one
to the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from langswarm_nb.core.session.conversation import notes
from langswarm_nb.core.session.errors import (
    SessionError,
    SessionLeasedError,
    SessionNotFoundError,
    SessionTypeError,
    SessionValueError,
    shown,
)
from langswarm_nb.core.session.interfaces import ChainPlace
from langswarm_nb.core.session.messages import SessionMessage, estimate_tokens
from langswarm_nb.core.session.provider_events import ProviderRequest, RetryNotice

from .checkpoint import Checkpoint
from .context_window import messages_to_send
from .late_replies import LateReply, hand_over
from .reply_builder import ReplyBuilder

if TYPE_CHECKING:
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.session import BaseSession

    from .answering import Answering
    from .ask import Ask
    from .fitting import Fitting
    from .lease import Lease
    from .placed_question import PlacedQuestion


class Asked(NamedTuple):
    """What all rounds of a turn have in common."""

    session: BaseSession
    ask: Ask
    provider: IProviderSession
    fitting: Fitting
    placed: PlacedQuestion
    inside: Callable[[], AbstractContextManager[None]]
    """Marks what its block awaits as a part of the turn."""


class Round:
    """One request and its reply.

    Parameters
    ----------
    asked : Asked
        What is asked.
    builder : ReplyBuilder
        Takes in the reply.
    messages : sequence of SessionMessage
        What is sent.
    before : Round, optional
        The round before it, which has made the messages such as the model takes.
    """

    def __init__(
        self,
        asked: Asked,
        builder: ReplyBuilder,
        messages: Sequence[SessionMessage],
        before: Round | None = None,
    ) -> None:
        self._asked = asked
        self.builder: ReplyBuilder = builder
        self.provider: IProviderSession = asked.provider
        self.answering: Answering | None = asked.fitting.answering
        """How it asks for a value; None when it asks for words."""
        self.question: SessionMessage = asked.placed.chain[-1]
        self.lease: Lease | None = asked.placed.lease
        self.checkpoint: Checkpoint = Checkpoint(self._save_partial)
        self.number: int = 1 if before is None else before.number + 1
        """Which of its turn it is, from 1."""
        self.void: tuple[SessionMessage, ...] = ()
        """The answers of the rounds before it, as they are stored: none of them was what was asked for."""
        self._messages = messages
        self._is_fitted = before is not None
        self.started: float | None = None if before is None else before.started
        """When the first round began, by the monotonic clock: the time limit is that of all rounds."""
        self.input_tokens: int = 0 if before is None else before.input_tokens
        """About how many tokens were sent, by the rounds before it too."""
        self._store_tried = False
        self.reply: SessionMessage | None = None
        """As it is stored."""
        self.unstored: SessionMessage | None = None
        """The reply that arrived and could not be stored."""
        self.why_not_stored: str = ""
        if self.answering is not None:
            builder.take(self.answering.told(self.number))

    @property
    def partial(self) -> SessionMessage:
        """The reply as it is now."""
        return self.reply or self.unstored or self.builder.message("stopped")

    def once_more(self, more: Sequence[SessionMessage]) -> Round:
        """Return the round that asks the same once more, with some messages behind; those are not stored."""
        return Round(self._asked, self.builder.anew(), [*self._messages, *more], self)

    async def request(self) -> ProviderRequest:
        """Return what is sent."""
        session, ask, _, fitting, _, _ = self._asked
        settings, answering = ask.settings, self.answering
        messages = self._messages
        if not self._is_fitted:
            messages = await fitting.fitted(messages, session)
        if fitting.note:
            self.builder.take(fitting.told)
        self._messages = ()
        if answering is not None:
            if answering.repair:  # they may be needed once more
                self._messages = messages
            messages = answering.with_words(messages)
        self.input_tokens += estimate_tokens(messages)
        base: dict[str, Any] = {
            "model": settings.model,
            "options": settings.request_options,
            "tools": ask.tools,
            "schema": None if answering is None else answering.asked,
            "stream": settings.stream,
            "timeout_s": settings.timeout_s,
            "retries": settings.retries,
            "idempotency_key": self.builder.id,
            "user_id": session.user_id,
            "keep_raw": settings.keep_raw,
            "on_retry": self._on_retry,
            "on_answer": self.builder.hold,
        }
        if self.started is not None:
            base["started"] = self.started
        if ask.is_native:
            what = await session.native.plan(messages, settings, goes_on=self._is_the_path)
        else:
            what = {"messages": messages_to_send(messages)}
        if ask.on_send is not None and self.number == 1:
            ask.on_send()
        request = ProviderRequest(**base, **what)
        self.started = request.started
        return request

    @property
    def _is_the_path(self) -> bool:
        """Whether the provider gets nothing that is not on the path."""
        return self.number == 1 and (self.answering is None or not self.answering.words)

    def check_there(self) -> None:
        """Raise when it was found out that the session is no longer there."""
        lost = self.checkpoint.lost or (self.lease and self.lease.lost)
        if lost:
            raise SessionNotFoundError(
                f"Session {shown(self._asked.session.session_id)} was deleted while a message of it was being "
                "answered, so the answer was ended. What had arrived of it is on this error, as `error.reply`."
            ) from lost

    async def store(self, message: SessionMessage) -> SessionMessage:
        """Store the reply under its question; the path continues with it, unless it stands beside."""
        place: ChainPlace = {"activate": not self._asked.ask.is_beside}
        if self.void:
            place["hides"] = self._hidden
        return await self._store(message, place)

    @property
    def _hidden(self) -> list[tuple[int, int]]:
        """Turn and version of the answers that are none: what stands beside the path needs no mark."""
        if self._asked.ask.is_beside:
            return []
        return [(one.turn, one.version) for one in self.void if one.turn is not None]

    async def store_void(self, message: SessionMessage, following: Round) -> SessionMessage | None:
        """Store a reply that is none, beside the path, and hand the lease on to the round that follows.

        None is returned when the lease was lost meanwhile, with nothing stored: then none should follow.
        """
        place: ChainPlace = {"activate": False}
        if self.lease is not None:
            place["lease"] = following.builder.id
        try:
            stored = await self._store(message, place)
        except SessionLeasedError:
            return None
        if self.lease is not None:
            self.lease.holder = following.builder.id
        following.void = (*self.void, stored)
        if not self._asked.ask.is_beside:  # what the provider holds ends in it
            self._asked.session.native.lose_track(self._asked.ask.settings, self.builder.info.native_id)
        return stored

    async def settle_native(self, reply: SessionMessage | None) -> None:
        """Note what the provider holds now; a send beside the path leaves its conversation as it was."""
        session, ask, _, _, placed, _ = self._asked
        if ask.is_beside:
            return
        seqs = None
        if reply is not None and reply.seq is not None and self._is_the_path:
            seqs = (*placed.context.seqs, reply.seq)
        await session.native.settle(ask.settings, self.builder.info.native_id, seqs)

    async def _on_retry(self, notice: RetryNotice) -> None:
        session, ask = self._asked.session, self._asked.ask
        self.builder.wait(notice)
        with self._asked.inside():
            await session.run_hooks("on_retry", notice)
        if ask.on_retry is not None and inspect.isawaitable(told := ask.on_retry(notice)):
            await told

    async def _save_partial(self) -> None:
        question = self.question
        if question.seq is not None and self.reply is None:
            await self._asked.session.save_partial(
                self.builder.message("stopped"), reply_to=question.seq, question_id=question.id
            )

    async def _store(self, message: SessionMessage, place: ChainPlace) -> SessionMessage:
        """Append the reply once, also when a first try was cancelled and may have been stored all the same."""
        message = replace(message, beside=self._asked.ask.facts.beside)
        try:
            self.reply = stored = await self._stored(message, place)
        except (SessionValueError, SessionTypeError, SessionLeasedError):  # it can be stored in another way
            raise
        except SessionError as error:
            self._hold(message, error)
            if self.lease is not None:
                await self.lease.give_back()
            raise
        return stored

    async def _stored(self, message: SessionMessage, place: ChainPlace) -> SessionMessage:
        session, question = self._asked.session, self.question
        stored = await session.get_message(message.id) if self._store_tried else None
        self._store_tried = True
        if stored is None:
            at: ChainPlace = {"reply_to": question.seq, "question_id": question.id, **place}
            [stored] = await session.append([message], **at)
        return stored

    def _hold(self, message: SessionMessage, error: SessionError) -> None:
        """Keep a reply that was paid for and could not be stored: here, on the error, and until it can be stored."""
        session, ask, question = self._asked.session, self._asked.ask, self.question
        self.unstored = reply = replace(
            message, turn=question.turn, version=question.version, parent_seq=question.seq
        )
        is_gone = isinstance(error, SessionNotFoundError)
        self.why_not_stored = notes.HAS_NO_PLACE if is_gone else notes.NOT_STORED
        hand_over(reply, error, LateReply(session, reply, question.id, self._hidden))
        if not ask.is_beside:
            session.native.lose_track(ask.settings, self.builder.info.native_id)
