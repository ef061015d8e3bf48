"""The reply as its caller sees it: an async iterator of deltas that ends in a message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langswarm_nb.core.session.closing import Reading, is_over
from langswarm_nb.core.session.conversation.on_asyncio import check_loop
from langswarm_nb.core.session.conversation.placing import Place
from langswarm_nb.core.session.errors import SessionBusyError, SessionError
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.provider_events import Delta

from .turnstile import ABANDONED_AFTER_S, refuse_inside

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema

    from .turn import Turn


class MessageStream(AsyncIterator[Delta]):
    """The deltas of one reply; nothing is sent until the first is asked for.

    Leaving it early (``break``, ``return`` or an exception in the loop, `aclose`, the end of an ``async with``, a
    cancelled task) closes the connection at once; what had arrived is kept, marked ``stopped``, and the stream
    yields nothing more. `aclose` waits until that is done, and may be called from any task, thread or event loop: for
    whoever reads the stream meanwhile, it ends.

    Examples
    --------
    ::

        stream = session.stream_message("Tell me more")
        async for delta in stream:
            print(delta.text, end="")
        print(stream.reply.usage)
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._deltas: AsyncGenerator[Delta, None] = turn.run(self)
        self._end: SessionError | None = None
        """What to raise for its reader at the end, when it was ended by others."""
        self._left: asyncio.Future[None] | None = None
        """Done when the reader that was told to stop has left; None while none was."""
        self.is_left: bool = False
        self._is_closing = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.reader: asyncio.Task[object] | None = None
        self.idle_since: float | None = time.monotonic()

    @property
    def question(self) -> SessionMessage | None:
        """The message as it was stored; None until then."""
        return self._turn.question

    @property
    def provider(self) -> str:
        """Name of the provider that answers."""
        return self._turn.settings.provider

    @property
    def model(self) -> str:
        """Name of the model that answers, without its provider."""
        return self._turn.settings.model

    @property
    def place(self) -> Place | None:
        """Where the message went; None before it is stored."""
        return self._turn.place

    @property
    def notes(self) -> tuple[str, ...]:
        """What to show the user about where the message went and what was sent with it."""
        return self._turn.notes

    @property
    def attempt(self) -> int:
        """Which attempt at the answer this is, from 1.

        When it goes up, the answer so far did not fit its schema, and what was shown of it is void: the deltas that
        follow begin a new one.
        """
        return self._turn.attempt

    @property
    def attempts(self) -> tuple[SessionMessage, ...]:
        """The answers before this attempt, as they were stored: none of them fits the schema."""
        return self._turn.attempts

    @property
    def schema(self) -> AnswerSchema | None:
        """What the answer has to be; None for words."""
        return self._turn.ask.schema

    @property
    def value(self) -> Any:
        """The answer as a value of the schema, an instance of the type if one was given; None until it is checked."""
        schema, reply = self.schema, self.reply
        if schema is None or reply is None or reply.request is None or reply.request.data_json is None:
            return None
        return schema.value_of(reply.data)

    @property
    def input_tokens(self) -> int:
        """About how many tokens were sent, in all attempts; 0 until something was."""
        return self._turn.input_tokens

    async def begin(self) -> None:
        """Store the message of a send beside the path without sending it, so that several are stored in order."""
        await self._turn.begin()

    @property
    def reply(self) -> SessionMessage | None:
        """The reply as it was stored, whole or cut short; None until then."""
        return self._turn.reply

    @property
    def unstored(self) -> SessionMessage | None:
        """The reply that arrived but could not be stored; None when there is none."""
        return self._turn.unstored if self._turn.reply is None else None

    @property
    def partial(self) -> SessionMessage | None:
        """The reply so far, for code that watches without reading; None until the reply was asked for."""
        return self._turn.partial

    @property
    def is_waiting(self) -> bool:
        """Whether it may have more to give, while nobody reads it and nobody has undertaken to end it."""
        return not self._is_closing and self.idle_since is not None and not is_over(self._deltas)

    def __aiter__(self) -> Reading[Delta]:
        return Reading(self)

    async def __anext__(self) -> Delta:
        check_loop()
        if self.is_left:
            await self.aclose()
            raise StopAsyncIteration
        task = asyncio.current_task()
        if self.idle_since is None:
            raise SessionBusyError(
                "Two tasks tried to read one stream at once. Read it in one, and pass the deltas on, "
                "or look at `stream.partial`."
            )
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        cancels = task.cancelling() if task else 0
        self.reader, self.idle_since = task, None
        try:
            return await self._deltas.__anext__()
        except StopAsyncIteration:
            raise self._end or StopAsyncIteration from None
        except asyncio.CancelledError:
            if self._left is None or task is None or task.uncancel() > cancels:
                raise
            raise self._end or StopAsyncIteration from None
        finally:
            self.idle_since = time.monotonic()
            if self._left is not None and not self._left.done():
                self._left.set_result(None)

    async def read(self) -> SessionMessage:
        """Read to the end and return the reply.

        Raises
        ------
        SessionError
            The send failed; what had arrived is kept.
        """
        async for _ in self:
            pass
        if self._turn.reply is None:
            raise SessionBusyError("This stream was closed before anything was sent. Send the message again.")
        return self._turn.reply

    async def aclose(self) -> None:
        """Stop: close the connection and keep what has arrived; may be called twice.

        Raises
        ------
        SessionBusyError
            A hook or middleware of this same send called it; nothing was stopped.
        """
        check_loop()
        refuse_inside(self)
        self._is_closing = True
        loop = self.loop
        if loop is None or loop is asyncio.get_running_loop():
            await self._close()
        elif not (loop.is_running() and await self._close_on(loop)):
            # Its loop stands still, so the iterator cannot be closed; its reply can be settled from here.
            await self._turn.settle_abandoned()

    async def end(self, why: SessionError) -> None:
        """Stop as `aclose` does, and give the reason to whoever reads the stream."""
        self._end = why
        await self.aclose()

    async def give_way(self) -> None:
        """Stop, to let another send in the same session go ahead."""
        await self.end(
            SessionBusyError(
                "This stream was left unread while another message was sent in its session, so it was closed; "
                "what had arrived is kept. Read a stream to its end, or close it with `await stream.aclose()`."
            )
        )

    async def _close_on(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Stop on the loop where it is read; False when that loop ends, and does not get to it."""
        closing = self._close()
        try:
            asyncio.run_coroutine_threadsafe(closing, loop)
        except RuntimeError:  # it was just closed
            closing.close()
            return False
        return await self._is_over()

    async def _is_over(self) -> bool:
        """Wait for the end of the send; False when it does not come in time."""
        over = asyncio.wrap_future(self._turn.over)
        await asyncio.wait([over], timeout=ABANDONED_AFTER_S)
        return over.done()

    async def _close(self) -> None:
        if self.idle_since is None and self.reader is not None:
            if self._left is None:
                self._left = asyncio.get_running_loop().create_future()
                self.reader.cancel()
            await asyncio.wait([self._left])
        try:
            await self._deltas.aclose()
        except RuntimeError:  # the loop, which shuts down, is just closing it
            await self._is_over()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
