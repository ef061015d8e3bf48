"""`Turn`: one send, from its question to its reply: the path that the API, the magics and the panel all drive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from langswarm_nb.core.session.conversation import notes
from langswarm_nb.core.session.conversation.placing import Place
from langswarm_nb.core.session.errors import (
    SessionError,
    SessionMiddlewareError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.provider_events import Delta
from langswarm_nb.core.session.settings import SessionSettings

from .ask import Ask, resolved
from .finishing import finish_anyway, is_collected
from .fitting import Fitting
from .lease import Lease
from .placed_question import PlacedQuestion, place_question
from .provider_end import Closing, as_session_error
from .reply_builder import ReplyBuilder
from .round import Asked, Round
from .turnstile import inside

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.schema_errors import AnswerError
    from langswarm_nb.core.session.session import BaseSession

    from .stream import MessageStream

logger: logging.Logger = logging.getLogger(__name__)


class Turn:
    """One question with the replies to it, from the first middleware to the last hook."""

    def __init__(self, session: BaseSession, ask: Ask) -> None:
        self._session, self._ask = session, ask
        self._placed: PlacedQuestion | None = None
        self._round: Round | None = None
        """The last one that was begun."""
        self._is_open = False
        """Whether its reply is still on its way."""
        self._stream: MessageStream | None = None
        self._fitting: Fitting | None = None
        self.over: Future[None] = Future()
        """Done when all is stored."""

    @property
    def settings(self) -> SessionSettings:
        """What it is asked with."""
        return self._ask.settings

    @property
    def ask(self) -> Ask:
        """What it asks for."""
        return self._ask

    @property
    def attempt(self) -> int:
        """Which of its answers is on its way, or is the last: more than 1 when one did not fit its schema."""
        return 1 if self._round is None else self._round.number

    @property
    def attempts(self) -> tuple[SessionMessage, ...]:
        """The answers before it, as they are stored."""
        return () if self._round is None else self._round.void

    @property
    def input_tokens(self) -> int:
        """About how many tokens were sent, in all attempts; 0 until something was."""
        return 0 if self._round is None else self._round.input_tokens

    @property
    def reply(self) -> SessionMessage | None:
        """The reply as it is stored."""
        if self._round is None:
            return None if self._placed is None else self._placed.answer
        return self._round.reply

    @property
    def unstored(self) -> SessionMessage | None:
        """The reply that arrived and could not be stored."""
        return None if self._round is None else self._round.unstored

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
        if reply is None and self._round is not None:
            told.append(self._round.why_not_stored)
        if reply is not None and reply.request is not None:
            told.append(str(reply.request.details.get("warning", "")))
        return tuple(note for note in told if note)

    @property
    def partial(self) -> SessionMessage | None:
        """The reply as it is now; None before it was asked for."""
        return self.reply if self._round is None else self._round.partial

    async def run(self, stream: MessageStream) -> AsyncGenerator[Delta, None]:
        """Yield the deltas of the reply; however the generator ends, what arrived is stored by then.

        It is the only async generator of the flow: a loop that shuts down closes all of them at once, so nested
        ones would be closed from two sides.
        """
        with self._passing(stream):
            await self._enter(stream)
            if self._round is None and self.reply is not None:  # asked before, and answered
                yield Delta(self.reply.content)
                return
            try:
                self._hold_lease(stream)
                while self._is_open:
                    current = self._now
                    builder, checkpoint = current.builder, current.checkpoint
                    request = await current.request()
                    async with Closing(current.provider.stream(request)) as events:
                        async for event in events:
                            delta = builder.take(event)
                            if delta is not None:
                                checkpoint.due()
                                current.check_there()
                                yield delta
                    for delta in builder.rest():
                        yield delta
                    builder.check_whole()
                    await finish_anyway(self._completed)
            except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt) as stop:
                await self._end_early(stop, stream)
                raise
            except Exception as error:
                await self._fail(error)
                raise

    async def _enter(self, stream: MessageStream) -> None:
        """Wait for the turn to come, and store its question."""
        await self._resolve()
        if not self._ask.is_beside:  # else nothing it does depends on what others do
            await self._session.turnstile.enter(stream, waits=self._ask.waits)
        if self._placed is None:
            await self._begin()

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
        if self._round is not None and self._round.reply is None:
            await self._round.store(self._round.builder.message("stopped"))
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
        await self._begin()

    async def _resolve(self) -> None:
        """Find the messages that the ask names."""
        if self._placed is None:
            self._ask = await resolved(self._ask, self._session)

    async def _begin(self) -> None:
        ask, settings = self._ask, self._ask.settings
        self._session.manager.check_open()  # raises before anything is stored, as the next does
        provider = ask.provider_session or self._session.provider_session(settings.provider)
        self._fitting = fitting = Fitting(provider, ask, self._session.manager)
        message = ask.message
        if not ask.regenerates:
            changed = await self._run_middleware("process_outgoing_message", await fitting.settled(message))
            message = await fitting.settled(changed)  # an address may have been added
        await fitting.check(message)
        builder = ReplyBuilder(
            provider.name,
            settings.model,
            message,
            streamed=settings.stream,
            params={**settings.request_options, **({"tools": list(ask.tools)} if ask.tools else {})},
            compare_id=ask.compare_id,
            definition=None if fitting.answering is None else fitting.answering.definition,
        )
        placed = await place_question(self._session, ask, message, builder.id)
        self._placed = placed._replace(messages=())
        if placed.answer is None:
            asked = Asked(self._session, ask, provider, fitting, self._placed, self._inside)
            self._round, self._is_open = Round(asked, builder, placed.messages), True
        try:
            if placed.is_new:
                with self._inside():
                    await self._session.run_hooks("on_message_sent", placed.chain[-1])
        except BaseException as error:  # cancelled: nobody waits for an answer that will not come
            if placed.lease is not None and not is_collected(error):
                await finish_anyway(placed.lease.give_back)
            raise

    async def _run_middleware(self, step: str, message: SessionMessage) -> SessionMessage:
        with self._inside():
            return await self._session.run_middleware(step, message)

    def _inside(self) -> AbstractContextManager[None]:
        return nullcontext() if self._stream is None else inside(self._stream)

    @property
    def _now(self) -> Round:
        """The round whose reply is on its way, or has just come."""
        if self._round is None:
            raise AssertionError("a reply comes after its question was stored")
        return self._round

    async def _completed(self) -> None:
        """Store a reply that has come to its end; one that does not fit what was asked for is asked for once more."""
        current, self._is_open = self._now, False
        await current.checkpoint.stop()
        message = current.builder.message("ok")
        wrong: AnswerError | None = None
        try:
            changed = await self._run_middleware("process_incoming_message", message)
            if current.answering is not None:
                changed, wrong = current.answering.judged(changed, self._who)
                if wrong is not None and await self._asks_once_more(changed, wrong):
                    return
            reply = await self._store_changed(changed)
        except SessionError as error:
            error.question = self.question
            if isinstance(error, SessionMiddlewareError):
                await self._keep_reply(message, error)  # it was paid for: as it came
            await self._end("on_error", error)
            raise
        await current.settle_native(reply)
        if wrong is not None:
            wrong.reply, wrong.question = reply, self.question
            await self._end("on_error", wrong)
            raise wrong
        if self._placed is not None and self._placed.place.replaces:
            await self._session.hide_versions(self._placed.place.replaces, branch=self._placed.branch)
        await self._end("on_message_received", reply)

    async def _asks_once_more(self, reply: SessionMessage, wrong: AnswerError) -> bool:
        """Store a reply that does not fit, and begin the round that asks once more; False when none may follow."""
        current = self._now
        answering = current.answering
        if answering is None or not answering.may_ask_again(wrong, current.number):
            return False
        following = current.once_more(answering.once_more(reply, wrong))
        try:
            if await current.store_void(reply, following) is None:
                return False
        except (SessionValueError, SessionTypeError) as error:
            raise _cannot_be_kept(error) from error
        self._round, self._is_open = following, True
        return True

    async def _stopped(self) -> None:
        current, self._is_open = self._now, False
        await current.checkpoint.stop()
        # The stop that the user asked for goes through; the storage's error would hide it.
        try:
            reply = await current.store(current.builder.message("stopped"))
            await current.settle_native(None)
        except SessionError as error:
            logger.warning("A reply was stopped, and what had arrived could not be stored. %s", error)
            return
        await self._end("on_message_received", reply)

    async def _end_early(self, stop: BaseException, stream: MessageStream) -> None:
        if self._is_open and not is_collected(stop, stream.loop):
            await finish_anyway(self._stopped)

    async def _fail(self, error: Exception) -> None:
        """Keep what arrived of a reply that failed; an error that is not one of ours becomes one, and is raised."""
        if not self._is_open:  # the reply came, and what went wrong with it was told
            return
        current = self._now
        ours = as_session_error(error, current.provider.name, self.settings.model, current.builder)
        ours.question = self.question
        await finish_anyway(lambda: self._failed(ours))
        if ours is not error:
            raise ours from error

    async def _failed(self, error: SessionError) -> None:
        current, self._is_open = self._now, False
        await current.checkpoint.stop()
        is_stored = await self._keep_reply(current.builder.message("error", error), error)
        if is_stored and getattr(error, "maybe_processed", True):
            await current.settle_native(None)
        await self._end("on_error", error)

    async def _end(self, event: str, about: object) -> None:
        """Let the next send through, and call the hooks: for answers that did not fit first."""
        self._leave()
        for attempt in self.attempts:
            await self._session.run_hooks("on_message_received", attempt)
        await self._session.run_hooks(event, about)

    async def _store_changed(self, reply: SessionMessage) -> SessionMessage:
        """Store the reply as the middleware left it."""
        try:
            return await self._now.store(reply)
        except (SessionValueError, SessionTypeError) as error:
            raise _cannot_be_kept(error) from error

    async def _keep_reply(self, message: SessionMessage, why: SessionError) -> bool:
        """Store what arrived of a reply that failed; False when it cannot be stored, and the failure carries it."""
        try:
            await self._now.store(message)
        except SessionError as error:
            why.reply = self._now.unstored
            why.add_note(str(error))
            return False
        return True

    @property
    def _who(self) -> str:
        return f"{self.settings.provider}:{self.settings.model}"


def _cannot_be_kept(error: SessionError) -> SessionMiddlewareError:
    return SessionMiddlewareError(
        f"A middleware returned a reply that cannot be kept, so it is kept as it came: {error}"
    )
