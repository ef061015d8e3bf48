"""The reply as its caller sees it: an async iterator of deltas that ends in a message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .errors import SessionBusyError
from .events import Delta
from .messages import SessionMessage

if TYPE_CHECKING:
    from .turn import Turn


class MessageStream(AsyncIterator[Delta]):
    """The deltas of one reply; nothing is sent before the first is asked for.

    Leaving it early (`aclose`, the end of an ``async with``, a cancelled task) closes the connection at once;
    what had arrived is kept, marked ``stopped``.

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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gave_way = False
        self.reader: asyncio.Task[object] | None = None
        self.idle_since: float | None = time.monotonic()

    @property
    def question(self) -> SessionMessage | None:
        """The message as it was stored; None before it is."""
        return self._turn.question

    @property
    def reply(self) -> SessionMessage | None:
        """The reply as it was stored, whole or cut short; None before it is."""
        return self._turn.reply

    @property
    def partial(self) -> SessionMessage | None:
        """The reply as far as it has arrived, for who watches and does not read; None before it was asked for."""
        return self._turn.partial

    async def __anext__(self) -> Delta:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self.reader, self.idle_since = asyncio.current_task(), None
        try:
            return await self._deltas.__anext__()
        except StopAsyncIteration:
            if self._gave_way:
                raise SessionBusyError(
                    "This stream was left unread while another message was sent in its session, so it was closed; "
                    "what had arrived is kept. Read a stream to its end, or close it with `await stream.aclose()`."
                ) from None
            raise
        finally:
            self.idle_since = time.monotonic()

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
        """Stop: close the connection and keep what has arrived; may be called twice."""
        await self._deltas.aclose()

    async def give_way(self) -> None:
        """Stop for another send in the same session, from whatever loop it comes."""
        self._gave_way = True
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop():
            await self.aclose()
        elif loop.is_running():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.aclose(), loop))
        else:  # its loop stands still, so the iterator cannot be closed; its reply can be settled from here
            await self._turn.settle_abandoned(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
