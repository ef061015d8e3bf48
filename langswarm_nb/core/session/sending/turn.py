"""`Turn`: one send, from its question to its reply: middleware, storage, hooks, provider, storage, hooks.

Every view drives this path: the API, the magics, the panel.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from langswarm_nb.core.session.errors import (
    ProviderSessionError,
    SessionError,
    SessionMiddlewareError,
    SessionNotFoundError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    StreamInterruptedError,
    shown,
)
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import Delta, ProviderEvent, ProviderRequest, RetryNotice
from langswarm_nb.core.session.settings import SessionBackend, SessionSettings

from .checkpoint import Checkpoint
from .context_window import messages_to_send
from .reply_builder import ReplyBuilder
from .turnstile import inside

if TYPE_CHECKING:
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.session import BaseSession

    from .stream import MessageStream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one send asks for."""

    message: SessionMessage
    """The question; one that is stored already when ``regenerates``."""
    settings: SessionSettings
    """The session's, with the changes of this send."""
    parent: int | Literal["tip"] | None = "tip"
    version_of: str | None = None
    """Id of the message that this one is a new version of."""
    regenerates: bool = False
    history: bool = True
    """False sends the system messages and the question alone, and leaves the active path as it is."""
    activate: bool = True
    compare_id: str | None = None
    provider_session: IProviderSession | None = None
    """What to send through; None for the manager's."""
    on_retry: Callable[[RetryNotice], Awaitable[None] | None] | None = None

    @property
    def is_beside(self) -> bool:
        """Whether the active path stays as it is."""
        return not self.regenerates and not (self.activate and self.history)


class Turn:
    """One question with the reply to it, from the first middleware to the last hook."""

    def __init__(self, session: BaseSession, ask: Ask) -> None:
        self._session, self._ask = session, ask
        self._builder: ReplyBuilder | None = None
        self._store_tried = False
        self._stream: MessageStream | None = None
        self.over: Future[None] = Future()
        """Done when all is stored."""
        self.question: SessionMessage | None = None
        self.reply: SessionMessage | None = None

    @property
    def partial(self) -> SessionMessage | None:
        """The reply as it is now; None before it was asked for."""
        if self.reply is not None or self._builder is None:
            return self.reply
        return self._builder.message("stopped")

    async def run(self, stream: MessageStream) -> AsyncGenerator[Delta, None]:
        """Yield the deltas of the reply; however the generator ends, what arrived is stored by then.

        It is the only async generator of the flow: a loop that shuts down closes all of them at once, so nested
        ones would be closed from two sides.
        """
        self._stream = stream
        self._session.streams.add(stream)
        try:
            if not self._ask.is_beside:  # else nothing it does depends on what others do
                await self._session.turnstile.enter(stream)
            provider, question, builder = await self._begin()
            checkpoint = Checkpoint(lambda: self._save_partial(question, builder))
            try:
                request = await self._request(question)
                async with _Closing(provider.stream(request)) as events:
                    async for event in events:
                        delta = builder.take(event)
                        if delta is not None:
                            checkpoint.due()
                            yield delta
                for delta in builder.rest():
                    yield delta
                _check_whole(provider.name, builder)
            except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
                await finish_anyway(lambda: self._stopped(builder, checkpoint))
                raise
            except Exception as error:
                ours = _as_session_error(error, provider.name, self._ask.settings.model, builder)
                await finish_anyway(lambda: self._failed(ours, builder, checkpoint))
                if ours is error:
                    raise
                raise ours from error
            await finish_anyway(lambda: self._succeeded(builder, checkpoint))
        finally:
            self._leave()

    async def settle_abandoned(self) -> None:
        """Store the reply of a send whose event loop stands still; called from another loop."""
        if self._builder is not None and self.reply is None:
            await self._store_reply(self._builder.message("stopped"))
        self._leave()

    def _leave(self) -> None:
        """Let the next send through: all of this one is stored, or nothing will be."""
        if self._stream is not None:
            self._session.streams.discard(self._stream)
            self._session.turnstile.leave(self._stream)
        with suppress(InvalidStateError):  # done before
            self.over.set_result(None)

    async def _begin(self) -> tuple[IProviderSession, SessionMessage, ReplyBuilder]:
        ask, settings = self._ask, self._ask.settings
        # Both raise before anything is stored.
        self._session.manager.check_open()
        provider = ask.provider_session or self._session.provider_session(settings.provider)
        self.question = question = await self._store_question()
        self._builder = builder = ReplyBuilder(
            provider.name,
            settings.model,
            question,
            streamed=settings.stream,
            params=settings.request_options,
            compare_id=ask.compare_id,
        )
        return provider, question, builder

    async def _store_question(self) -> SessionMessage:
        session, ask = self._session, self._ask
        if ask.regenerates:
            await session.set_tip(ask.message.seq)
            return ask.message
        message = await self._run_middleware("process_outgoing_message", ask.message)
        parent = await self._parent()
        activate = ask.activate and ask.history
        stored = await session.append(message, parent=parent, activate=activate)
        await self._run_hooks_inside("on_message_sent", stored)
        return stored

    async def _run_middleware(self, step: str, message: SessionMessage) -> SessionMessage:
        with self._inside():
            return await self._session.run_middleware(step, message)

    async def _run_hooks_inside(self, event: str, *about: object) -> None:
        with self._inside():
            await self._session.run_hooks(event, *about)

    def _inside(self) -> AbstractContextManager[None]:
        return nullcontext() if self._stream is None else inside(self._stream)

    async def _parent(self) -> int | Literal["tip"] | None:
        session, ask = self._session, self._ask
        if ask.version_of is not None:
            message = await session.get_message(ask.version_of)
            if message is None:
                raise SessionNotFoundError(
                    f"No message {shown(ask.version_of)} in session {session.session_id!r}, so it can have no new "
                    "version. List the ids with `await session.get_messages(branch='all')`."
                )
            return message.parent_seq
        if ask.parent == "tip" and not (ask.activate and ask.history):
            return (await session.refresh()).tip_seq
        return ask.parent

    async def _request(self, question: SessionMessage) -> ProviderRequest:
        ask, settings = self._ask, self._ask.settings
        path = await self._path(question)
        base: dict[str, Any] = {
            "model": settings.model,
            "options": settings.request_options,
            "stream": settings.stream,
            "timeout_s": settings.timeout_s,
            "retries": settings.retries,
            "idempotency_key": self._builder.id if self._builder else None,
            "user_id": self._session.user_id,
            "on_retry": self._on_retry,
        }
        if settings.backend is SessionBackend.PROVIDER_NATIVE and ask.history and ask.activate:
            return ProviderRequest(**base, **await self._session.native.plan(path, settings))
        return ProviderRequest(**base, messages=messages_to_send(path, settings))

    async def _path(self, question: SessionMessage) -> list[SessionMessage]:
        session, ask = self._session, self._ask
        if ask.history:
            return await session.path_to(question)
        return [*await session.get_messages(role=MessageRole.SYSTEM), question]

    async def _on_retry(self, notice: RetryNotice) -> None:
        if self._builder is not None:
            self._builder.wait(notice)
        await self._run_hooks_inside("on_retry", notice)
        if self._ask.on_retry is not None and inspect.isawaitable(told := self._ask.on_retry(notice)):
            await told

    async def _save_partial(self, question: SessionMessage, builder: ReplyBuilder) -> None:
        if question.seq is not None and self.reply is None:
            await self._session.save_partial(builder.message("stopped"), reply_to=question.seq)

    async def _succeeded(self, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        message = builder.message("ok")
        try:
            reply = await self._store_changed(message)
        except SessionMiddlewareError as error:
            await self._store_reply(message)  # it was paid for: kept as it came
            self._leave()
            await self._session.run_hooks("on_error", error)
            raise
        await self._session.native.settle(self._ask.settings, builder.info.native_id, reply.seq)
        self._leave()
        await self._session.run_hooks("on_message_received", reply)

    async def _stopped(self, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        try:
            reply = await self._store_reply(builder.message("stopped"))
            await self._session.native.settle(self._ask.settings, builder.info.native_id, None)
            self._leave()
            await self._session.run_hooks("on_message_received", reply)
        except SessionError:
            # The stop that the user asked for goes through; the storage's error would hide it.
            logger.exception("The part of a stopped reply could not be stored; its last checkpoint is kept.")

    async def _failed(self, error: SessionError, builder: ReplyBuilder, checkpoint: Checkpoint) -> None:
        await checkpoint.stop()
        await self._store_reply(builder.message("error", error))
        if getattr(error, "maybe_processed", True):
            await self._session.native.settle(self._ask.settings, builder.info.native_id, None)
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

    async def _store_reply(self, message: SessionMessage) -> SessionMessage:
        """Append the reply once, also when a first try was cancelled and may have been stored all the same."""
        session = self._session
        stored = await session.get_message(message.id) if self._store_tried else None
        self._store_tried = True
        if stored is None:
            try:
                stored = await session.append(message, reply_to=self.question.seq if self.question else None)
            except SessionStorageError as error:
                error.reply = message  # it was paid for
                raise
        self.reply = stored
        return stored


async def finish_anyway(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Await ``work()`` to its end although the awaiting task is cancelled meanwhile; the cancellation follows then.

    A loop that shuts down cancels every task, the work's own too: it is then done once more, here.
    """
    task = asyncio.get_running_loop().create_task(work())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - raised below by result()
            break
    if task.cancelled():
        await work()
    else:
        task.result()
    if cancelled is not None:
        raise cancelled


class _Closing:
    """Closes a provider's iterator at the end of the block; one that is no generator has nothing to close."""

    def __init__(self, events: AsyncIterator[ProviderEvent]) -> None:
        self._events = events

    async def __aenter__(self) -> AsyncIterator[ProviderEvent]:
        return self._events

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close = getattr(self._events, "aclose", None)
        if close is None or getattr(
            self._events, "ag_running", False
        ):  # a loop that shuts down closes it itself
            return
        try:
            await close()
        except Exception:
            # What arrived is not less true because the connection could not be closed in good order.
            logger.debug("Closing the stream of a provider failed.", exc_info=True)


def _as_session_error(error: Exception, provider: str, model: str, builder: ReplyBuilder) -> SessionError:
    """Return the error as one of ours, with the part that had arrived."""
    if isinstance(error, ProviderSessionError):
        error.partial_text = error.partial_text or builder.text
        error.provider, error.model = error.provider or provider, error.model or model
        return error
    if isinstance(error, SessionError):
        return error
    return ProviderSessionError(
        f"Provider {provider!r} failed with {type(error).__name__}: {shown(str(error))}. "
        "That is an error inside the provider, not an answer of the service; its traceback is chained.",
        provider=provider,
        model=model,
        maybe_processed=True,
        partial_text=builder.text,
    )


def _check_whole(provider: str, builder: ReplyBuilder) -> None:
    if builder.is_whole:
        return
    raise StreamInterruptedError(
        f"The reply of {provider!r} ended without an end mark, so it may be cut short; "
        f"the {len(builder.text)} characters that came are kept. Send again, or regenerate the reply.",
        provider=provider,
        maybe_processed=True,
        partial_text=builder.text,
    )
