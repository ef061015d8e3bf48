"""What carries one request to a service and its answer back: the promise, its errors, and what both carriers share.

Neither carrier repeats, redirects or keeps cookies: a request is one request on the wire.

On this machine each request has a connection of its own: they cost nothing here, and local servers close theirs
unannounced (llama.cpp after each stream), which a request on its way cannot be told from one that was processed.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

from langswarm_nb.core.session.errors import next_step
from langswarm_nb.core.session.text import unquoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from langswarm_nb.core.session.errors import NextStep

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
    step : NextStep or None
        What can be done about it, where more than the network can be at fault.
    """

    def __init__(
        self, reason: str, *, was_sent: bool, timed_out: bool = False, step: NextStep | None = None
    ) -> None:
        super().__init__(reason)
        self.step = step
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
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {root.verify_message}"
    if isinstance(root, socket.gaierror):
        return "no such host is known"
    if _is_no_tls(root):
        return "the server there does not speak TLS"
    if isinstance(root, OSError) and root.errno and not isinstance(root, ssl.SSLError):
        return os.strerror(root.errno).lower()
    words = (root.strerror if isinstance(root, OSError) else None) or str(root) or type(root).__name__
    return "the server there speaks TLS" if _TLS_BYTES.search(words) else words


def step_of(error: BaseException) -> NextStep | None:
    """Return what can be done about an error, where it is not the network."""
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return next_step("trust")
    if _is_no_tls(root):
        return next_step("write_http")
    return next_step("write_https") if _TLS_BYTES.search(str(root)) else None


def _root(error: BaseException) -> BaseException:
    root = error
    for link in _causes(error):
        if isinstance(link, OSError) and (link.errno or isinstance(link, socket.gaierror)):
            root = link
    return root


_NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
}
_TLS_BYTES = re.compile(r"\\+x1[56]\\+x03|^illegal request line$")
"""How TLS begins, in the words of a library that looked for HTTP; h11 says only that it is not text."""


def _is_no_tls(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason in _NO_TLS


class Trust(NamedTuple):
    """Which certificates the environment names right now."""

    file: str = ""
    folder: str = ""

    @classmethod
    def now(cls) -> Trust:
        """Return what is set now: a notebook sets variables between two cells."""
        return cls(*(unquoted(os.environ.get(name, "")) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))


def tls_context() -> ssl.SSLContext:
    """Return the context for all connections under the variables of now.

    Raises
    ------
    TransportError
        A variable names a file or a folder that cannot be read.
    """
    return _context(Trust.now())


@cache
def _context(trust: Trust) -> ssl.SSLContext:
    # One for all: making one takes 20 ms.
    if trust == Trust():
        import certifi  # 4 ms, for who speaks TLS

        if find_spec("truststore") is None:
            return ssl.create_default_context(cafile=certifi.where())
        from truststore import SSLContext

        context: ssl.SSLContext = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certifi.where())
        return context
    try:
        if trust.folder:
            os.scandir(trust.folder).close()
        return ssl.create_default_context(cafile=trust.file or None, capath=trust.folder or None)
    except OSError as error:
        variable = "SSL_CERT_FILE" if trust.file else "SSL_CERT_DIR"
        reason = os.strerror(error.errno).lower() if error.errno else "it contains no certificate"
        reason = "it contains no certificate" if isinstance(error, ssl.SSLError) else reason
    raise TransportError(
        f"{variable} names {trust.file or trust.folder!r}, which cannot be used: {reason}",
        was_sent=False,
        step=next_step("set_certificates", variable=variable),
    )


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # A group holds one error for each address of the host that was tried.
        group = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = group or error.__cause__ or error.__context__
