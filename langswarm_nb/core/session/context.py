"""`SessionContext`: an ``async with`` around the work with one session."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, TypeVar

from . import checks
from .conversation.on_asyncio import check_loop
from .interfaces import ISession
from .session import BaseSession

__all__ = ["SessionContext", "session_context"]


S = TypeVar("S", bound=ISession)


class SessionContext(Generic[S]):
    """Yields the session; when the block ends, even by an exception, everything that happened in it is stored.

    A stream that the block left open is closed, and what had arrived of its reply is kept. An exception is passed on.
    The session can still be used; its manager is not closed.
    """

    def __init__(self, session: S) -> None:
        self._session: S = checks.instance("session", session, ISession)

    async def __aenter__(self) -> S:
        check_loop()
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._session, BaseSession):
            await self._session.settle()


def session_context(session: S) -> SessionContext[S]:
    """Return an ``async with`` helper for a session.

    Examples
    --------
    ::

        async with session_context(session) as chat:
            await chat.send_message("Hello!")
    """
    return SessionContext(session)
