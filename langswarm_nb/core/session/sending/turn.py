"""`Turn`: one send, from its question to its reply: the path that the API, the magics and the panel all drive."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.conversation import notes
from langswarm_nb.core.session.conversation.placing import Place
from langswarm_nb.core.session.errors import (
    SessionError,
    SessionMiddlewareError,
    SessionNotFoundError,
    SessionTypeError,
    SessionValueError,
    shown,
)
from langswarm_nb.core.session.messages import SessionMessage, estimate_tokens
from langswarm_nb.core.session.provider_events import Delta, ProviderRequest, RetryNotice
from langswarm_nb.core.session.settings import SessionSettings

from .ask import Ask, resolved
from .checkpoint import Checkpoint
from .context_window import messages_to_send
from .finishing import finish_anyway, is_collected
from .fitting import Fitting
from .late_replies import LateReply, hand_over
from .lease import Lease
from .making_requests import make_request
from .placed_question import PlacedQuestion, place_question
from .provider_end import Closing, as_session_error
from .reply_builder import ReplyBuilder
from .turnstile import inside

if TYPE_CHECKING:
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.session import BaseSession

    from .stream import MessageStream

logger: logging.Logger = logging.getLogger(__name__)


class Turn:
    """One question with the reply to it, from the first middleware to the last hook."""

    def __init__(self, session: BaseSession, ask: Ask) -> None:
        self._session, self._ask = session, ask
        self._builder: ReplyBuilder | None = None
        self._begun: tuple[IProviderSession, ReplyBuilder] | None = None
        self._placed: PlacedQuestion | None = None
        self._store_tried = False
        self._stream: MessageStream | None = None
        self._fitting: Fitting | None = None
        self.over: Future[None] = Future()
        """Done when all is stored."""
        self.input_tokens: int = 0
        """About how many tokens that was."""
        self.reply: SessionMessage | None = None
        self.unstored: SessionMessage | None = None
        """The reply that arrived and could not be stored."""
        self._not_stored = ""

    @property
    def settings(self) -> SessionSettings:
        """What it is asked with."""
        return self._ask.settings

    @property
    def _lease(self) -> Lease | None:
        return None if self._placed is None else self._placed.lease

    @property
    def place(self) -> Place | None:
        """Where the question went; None before it is stored."""
        return None if self._placed is None else self._placed.place

    @property
    def question(self) -> SessionMessage | None:
        """The message that is answered, as it is stored; None before it is."""
        return None if self._placed is None else self._placed.chain[-1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to show the reader about where it went and what was sent."""
        told = [] if self._fitting is None else [self._fitting.note]
        if self._placed is not None:
            left_out = self._placed.context.left_out
            told = [self._placed.place.note, notes.left_out(left_out) if left_out else "", *told]
        reply = self.reply
        if reply is not None and not self._ask.is_beside and not reply.is_active:
            told.append(notes.elsewhere(reply.address))
        if reply is None and self.unstored is not None:
            told.append(self._not_stored)
        if reply is not None and reply.request is not None:
            told.append(str(reply.request.details.get("warning", "")))
        return tuple(note for note in told if note)

    @property
    def partial(self) -> SessionMessage | None:
        """The reply as it is now; None before it was asked for."""
        if self.reply is not None or self._builder is None:
            return self.reply
        return self.unstored or self._builder.message("stopped")

    async def run(self, stream: MessageStream) -> AsyncGenerator[Delta, None]:
        """Yield the deltas of the reply; however the generator ends, what arrived is stored by then.

        It is the only async generator of the flow: a loop that shuts down closes all of them at once, so nested
        ones would be closed from two sides.
        """
        with self._passing(stream):
            await self._resolve()
            if not self._ask.is_beside:  # else nothing it does depends on what others do
                await self._session.turnstile.enter(stream, waits=self._ask.waits)
            if self._begun is None:
                self._begun = await self._begin()
            if self.reply is not None:  # asked before, and answered
                yield Delta(self.reply.content)
                return
            provider, builder = self._begun
            checkpoint = Checkpoint(lambda: self._save_partial(builder))
            try:
                self._hold_lease(stream)
                request = await self._request(builder)
                async with Closing(provider.stream(request)) as events:
                    async for event in events:
                        delta = builder.take(event)
                        if delta is not None:
                            checkpoint.due()
                            self._check_there(checkpoint)
                            yield delta
                for delta in builder.rest():
                    yield delta
                builder.check_whole()
            except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt) as stop:
                await self._end_early(stop, stream, builder, checkpoint)
                raise
            except Exception as error:
                ours = as_session_error(error, provider.name, self._ask.settings.model, builder)
                ours.question = self.question
                await finish_anyway(lambda: self._failed(ours, builder, checkpoint))
                if ours is error:
                    raise
                raise ours from error
            await finish_anyway(lambda: self._succeeded(builder, checkpoint))

    @contextmanager
    def _passing(self, stream: MessageStream) -> Iterator[None]:
        """Count the send as under way; one that is collected before its end stays so, until the next send or close."""
        self._stream = stream
        self._session.streams.add(stream)
        is_over = True
        try:
            yield
        except GeneratorExit as stop:
            is_over = not is_collected(stop, stream.loop)
            raise
        finally:
            if is_over:
                self._leave()

    def _hold_lease(self, stream: MessageStream) -> None:
        if self._lease is not None:
            self._lease.hold(stream)

    async def settle_abandoned(self) -> None:
        """Store the reply of a send whose event loop stands still; called from another loop."""
        if self._builder is not None and self.reply is None:
            await self._store_reply(self._builder.message("stopped"))
        self._leave()

    def _leave(self) -> None:
        """Let the next send through: all of this one is stored, or nothing will be."""
        if self._lease is not None:
            self._lease.let_go()
        if self._stream is not None:
            self._session.streams.discard(self._stream)
            self._session.turnstile.leave(self._stream)
        with suppress(InvalidStateError):  # done before
            self.over.set_result(None)

    async def begin(self) -> None:
        """Store the question of an ask beside the path, ahead of reading: several are stored in order."""
        await self._resolve()
        self._begun = await self._begin()

    async def _resolve(self) -> None:
        """Find the messages that the ask names."""
        if self._begun is None:
            self._ask = await resolved(self._ask, self._session)

    async def _begin(self) -> tuple[IProviderSession, ReplyBuilder]:
        ask, settings = self._ask, self._ask.settings
        self._session.manager.check_open()  # raises before anything is stored, as the next does
        provider = ask.provider_session or self._session.provider_session(settings.provider)
        self._fitting = fitting = Fitting(provider, ask, self._session.manager)
        message = ask.message
        if not ask.regenerates:
            changed = await self._run_middleware("process_outgoing_message", await fitting.settled(message))
            message = await fitting.settled(changed)  # an address may have been added
        await fitting.check(message)
        self._builder = builder = ReplyBuilder(
            provider.name,
            settings.model,
            message,
            streamed=settings.stream,
            params={**settings.request_options, **({"tools": list(ask.tools)} if ask.tools else {})},
            compare_id=ask.compare_id,
        )
        self._placed = placed = await place_question(self._session, ask, message, builder.id)
        self.reply = placed.answer
        try:
            if placed.is_new:
                await self._run_hooks_inside("on_message_sent", placed.chain[-1])
        except BaseException as error:  # cancelled: nobody waits for an answer that will not come
            if placed.lease is not None and not is_collected(error):
                await finish_anyway(placed.lease.give_back)
            raise
        return provider, builder

    def _check_there(self, checkpoint: Checkpoint) -> None:
        """Raise when it was found out that the session no longer exists."""
        lost = checkpoint.lost or (self._lease and self._lease.lost)
        if lost:
            raise SessionNotFoundError(
                f"Session {shown(self._session.session_id)} was deleted while a message of it was being answered, so "
                "the answer was ended. What had arrived of it is on this error, as `error.reply`."
            ) from lost

    async def _run_middleware(self, step: str, message: SessionMessage) -> SessionMessage:
        with self._inside():
            return await self._session.run_middleware(step, message)

    async def _run_hooks_inside(self, event: str, *about: object) -> None:
        with self._inside():
            await self._session.run_hooks(event, *about)

    def _inside(self) -> AbstractContextManager[None]:
        return nullcontext() if self._stream is None else inside(self._stream)

    async def _request(self, builder: ReplyBuilder) -> ProviderRequest:
        placed, fitting = self._placed, self._fitting
        if placed is None or fitting is None:
            raise AssertionError("a request is made after its question was stored")
        messages = await fitting.fitted(placed.messages, self._session)
        builder.take(fitting.told)
        self._placed, self.input_tokens = placed._replace(messages=()), estimate_tokens(messages)
        ask, session = self._ask, self._session
        if ask.is_native:
            seen = await session.native.plan(messages, ask.settings)
        else:
            seen = {"messages": messages_to_send(messages)}
        if ask.on_send is not None:
            ask.on_send()
        return make_request(ask, builder, session.user_id, self._on_retry, **seen)

    async def _on_retry(self, notice: RetryNotice) -> None:
        if self._builder is not None:
            self._builder.wait(notice)
        await self._run_hooks_inside("on_retry", notice)
        if self._ask.on_retry is not None and inspect.isawaitable(told := self._ask.on_retry(notice)):
            await told

    async def _save_partial(self, builder: ReplyBuilder) -> None:
        question = self.question
        if question is not None and question.seq is not None and self.reply is None:
            await self._session.save_partial(
                builder.message("stopped"), reply_to=question.seq, question_id=question.id
            )

    async def _succeeded(self, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        message = builder.message("ok")
        try:
            reply = await self._store_changed(message)
        except SessionError as error:
            error.question = self.question
            if isinstance(error, SessionMiddlewareError):
                await self._keep_reply(message, error)  # it was paid for: as it came
            self._leave()
            await self._session.run_hooks("on_error", error)
            raise
        await self._settle_native(builder, reply)
        if self._placed is not None and self._placed.place.replaces:
            await self._session.hide_versions(self._placed.place.replaces, branch=self._placed.branch)
        self._leave()
        await self._session.run_hooks("on_message_received", reply)

    async def _settle_native(self, builder: ReplyBuilder, reply: SessionMessage | None) -> None:
        """Note what the provider holds now; a send beside the path leaves its conversation as it was."""
        if not self._ask.is_beside:
            placed = self._placed
            seqs = None
            if placed is not None and reply is not None and reply.seq is not None:
                seqs = (*placed.context.seqs, reply.seq)
            await self._session.native.settle(self._ask.settings, builder.info.native_id, seqs)

    async def _end_early(
        self, stop: BaseException, stream: MessageStream, builder: ReplyBuilder, checkpoint: Checkpoint
    ) -> None:
        if not is_collected(stop, stream.loop):
            await finish_anyway(lambda: self._stopped(builder, checkpoint))

    async def _stopped(self, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        # The stop that the user asked for goes through; the storage's error would hide it.
        try:
            reply = await self._store_reply(builder.message("stopped"))
            await self._settle_native(builder, None)
        except SessionError as error:
            logger.warning("A reply was stopped, and what had arrived could not be stored. %s", error)
            return
        self._leave()
        await self._session.run_hooks("on_message_received", reply)

    async def _failed(self, error: SessionError, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        is_stored = await self._keep_reply(builder.message("error", error), error)
        if is_stored and getattr(error, "maybe_processed", True):
            await self._settle_native(builder, None)
        self._leave()
        await self._session.run_hooks("on_error", error)

    async def _store_changed(self, message: SessionMessage) -> SessionMessage:
        """Store the reply as the middleware leave it."""
        changed = await self._run_middleware("process_incoming_message", message)
        try:
            return await self._store_reply(changed)
        except (SessionValueError, SessionTypeError) as error:
            raise SessionMiddlewareError(
                f"A middleware returned a reply that cannot be kept, so it is kept as it came: {error}"
            ) from error

    async def _keep_reply(self, message: SessionMessage, why: SessionError) -> bool:
        """Store what arrived of a reply that failed; False when it cannot be stored, and the failure carries it."""
        try:
            await self._store_reply(message)
        except SessionError as error:
            why.reply = self.unstored
            why.add_note(str(error))
            return False
        return True

    async def _store_reply(self, message: SessionMessage) -> SessionMessage:
        """Append the reply once, also when a first try was cancelled and may have been stored all the same."""
        message = replace(message, beside=self._ask.facts.beside)
        try:
            self.reply = stored = await self._stored(message)
        except (SessionValueError, SessionTypeError):  # what a middleware made of it
            raise
        except SessionError as error:
            self._hold(message, error)
            if self._lease is not None:
                await self._lease.give_back()
            raise
        return stored

    async def _stored(self, message: SessionMessage) -> SessionMessage:
        session, question = self._session, self.question
        stored = await session.get_message(message.id) if self._store_tried else None
        self._store_tried = True
        if stored is None:
            [stored] = await session.append(
                [message],
                reply_to=None if question is None else question.seq,
                question_id=None if question is None else question.id,
                activate=not self._ask.is_beside,
            )
        return stored

    def _hold(self, message: SessionMessage, error: SessionError) -> None:
        """Keep a reply that was paid for and could not be stored: here, on the error, and until it can be stored."""
        question = self.question
        if question is None:
            raise AssertionError("a reply is stored after its question")
        self.unstored = reply = replace(
            message, turn=question.turn, version=question.version, parent_seq=question.seq
        )
        is_gone = isinstance(error, SessionNotFoundError)
        self._not_stored = notes.HAS_NO_PLACE if is_gone else notes.NOT_STORED
        hand_over(reply, error, LateReply(self._session, reply, question.id))
        if not self._ask.is_beside:
            self._session.native.lose_track(
                self._ask.settings, None if self._builder is None else self._builder.info.native_id
            )
