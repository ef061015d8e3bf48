"""Answers handed to a provider session in exactly the pieces a test wants, without a network.

Sockets join and split what is written to them; this carrier does not. It stands where httpx or aiohttp would.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.providers._http.carrier import Outgoing, TransportError


class Replay:
    """Answers every request with the same pieces.

    Parameters
    ----------
    pieces
        The body.
    breaks
        Whether the connection then breaks, instead of the body ending.
    """

    room = 1000
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(
        self,
        pieces: Iterable[bytes],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        breaks: bool = False,
    ) -> None:
        self.pieces = list(pieces)
        self.status = status
        self.headers = headers or {"content-type": "text/event-stream"}
        self.breaks = breaks
        self.sent: list[Outgoing] = []
        self.closed = 0

    def into(self, provider: Any) -> None:
        """Put the replay in the place of a provider session's connections."""
        provider.http._transports = self

    async def send(self, outgoing: Outgoing) -> _Recorded:
        """Answer a request."""
        self.sent.append(outgoing)
        return _Recorded(self)

    def describe(self, error: Exception) -> TransportError:
        """Tell what the break means."""
        return TransportError(str(error), was_sent=True)

    async def pool(self) -> Replay:
        """Be the pool as well."""
        return self

    def take(self) -> Replay:
        """Be the carrier."""
        return self

    async def give_back(self, carrier: object) -> None:
        """Count the uses that ended."""
        self.closed += 1

    async def aclose(self) -> None:
        """Nothing is open."""


class InTurn(Replay):
    """Answers each request with a body of its own; the last answers all that follow.

    Parameters
    ----------
    *answers
        Bodies, or a status with its body.
    """

    def __init__(self, *answers: bytes | tuple[int, bytes]) -> None:
        super().__init__([])
        self._answers = [one if isinstance(one, tuple) else (200, one) for one in answers]

    async def send(self, outgoing: Outgoing) -> _Recorded:
        """Answer a request."""
        self.status, body = self._answers[min(len(self.sent), len(self._answers) - 1)]
        kind = "application/json" if body[:1] in {b"{", b"["} else "text/event-stream"
        self.pieces, self.headers = [body], {"content-type": kind}
        return await super().send(outgoing)


class _Recorded:
    def __init__(self, replay: Replay) -> None:
        self.status = replay.status
        self.headers: Mapping[str, str] = replay.headers
        self._pieces = iter(replay.pieces)
        self._breaks = replay.breaks
        self.next_chunk: Callable[[], Awaitable[bytes]] = self._next

    async def _next(self) -> bytes:
        for piece in self._pieces:
            return piece
        if self._breaks:
            raise ConnectionResetError("the recorded connection broke")
        return b""

    async def aclose(self) -> None:
        pass


def cut(body: bytes, size: int) -> Sequence[bytes]:
    """Return a body in pieces of ``size`` bytes."""
    return [body[start : start + size] for start in range(0, len(body), size)]
