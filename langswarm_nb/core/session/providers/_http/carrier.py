"""What carries one request to a service and its answer back: the promise, its errors, and what both carriers share.

Neither carrier repeats, redirects or keeps cookies: a request is one request on the wire.

On this machine each request has a connection of its own: they cost nothing here, and local servers close theirs
unannounced (llama.cpp after each stream), which a request on its way cannot be told from one that was processed.
"""

from __future__ import annotations

import os
import socket
import ssl
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import certifi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping


KEEPALIVE_S = 4.0
"""How long a connection waits for another request: less than the 5 s after which many servers close it."""


class TransportError(Exception):
    """A request failed on its way: a plain account, without the objects that hold its headers.

    Attributes
    ----------
    reason : str
        What happened, in a few words; may quote the server.
    was_sent : bool
        False when surely nothing of the request reached the server.
    timed_out : bool
        Whether connecting took too long.
    """

    def __init__(self, reason: str, *, was_sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent
        self.timed_out = timed_out


class Outgoing(NamedTuple):
    """A request as it goes out.

    ``headers`` is called at the last moment: tracebacks may show the variables of frames, so none of ours holds
    a header with a key.
    """

    method: str
    url: str
    content: bytes
    headers: Callable[[], Iterable[tuple[str, str]]]
    connect_timeout_s: float


class Incoming(Protocol):
    """An answer whose body is still to be read; reads raise the library's own errors, see `Carrier.describe`."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    next_chunk: Callable[[], Awaitable[bytes]]
    """Waits for the next bytes, as they came; empty at the end."""

    async def aclose(self) -> None:
        """Give the connection back; when the body was not read to its end, close it."""


class Carrier(Protocol):
    """A library with some connections."""

    room: int
    """How many requests it carries at a time."""
    errors: tuple[type[Exception], ...]
    """What its calls raise."""

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""

    def describe(self, error: Exception) -> TransportError:
        """Tell what one of `errors` means."""

    async def aclose(self) -> None:
        """Close all connections."""


def reason_of(error: BaseException) -> str:
    """Return what an error comes from, in a few words."""
    root = error
    for link in _causes(error):
        if isinstance(link, OSError) and (link.errno or isinstance(link, socket.gaierror)):
            root = link
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {root.verify_message}"
    if isinstance(root, socket.gaierror):
        return "no such host is known"
    if isinstance(root, OSError) and root.errno and not isinstance(root, ssl.SSLError):
        return os.strerror(root.errno).lower()
    return (root.strerror if isinstance(root, OSError) else None) or str(root) or type(root).__name__


@cache
def tls_context() -> ssl.SSLContext:
    """Return the one context for all connections: making one takes 20 ms."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # A group holds one error for each address of the host that was tried.
        group = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = group or error.__cause__ or error.__context__
