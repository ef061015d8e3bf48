r"""A scripted server on raw sockets that does what servers, proxies and networks do wrong.

::

    async with FaultyServer() as server:
        server.script(Reply(429, headers={"retry-after": "0"}), Reply.events(b"data: …\\n\\n", cut_at=40))
        …                                   # requests get these replies in turn; the last one again and again
        assert len(server.requests) == 2
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self


@dataclass(frozen=True)
class SeenRequest:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """Number of the connection it came on, from 1."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Literal["length", "chunked", "close"] = "length"
    """How the end of the body is told; ``close``: by closing the connection."""
    cut_at: int | None = None
    """Bytes of the body that are sent; ``-1`` sends not even the status line, ``-2`` half of the headers."""
    then: Literal["keep", "close", "reset", "stall"] = "keep"
    """What follows the body, or the cut: a stalled connection stays open and silent."""
    piece: int | None = None
    """Size of the pieces in which the body is written; None writes it at once."""
    raw: bytes | None = None
    """What is sent in the place of all that, HTTP or not."""
    drip_s: float | None = None
    """Pause between the bytes of the headers and between the pieces of the body."""

    @classmethod
    def json(cls, body: object, status: int = 200, **how: Any) -> Reply:
        """Reply with JSON."""
        headers = {"content-type": "application/json", **how.pop("headers", {})}
        return cls(status, json.dumps(body).encode(), headers, **how)

    @classmethod
    def events(cls, body: bytes, **how: Any) -> Reply:
        """Reply with a stream of events."""
        headers = {"content-type": "text/event-stream", **how.pop("headers", {})}
        return cls(how.pop("status", 200), body, headers, **{"framing": "chunked", **how})

    def but(self, **changes: Any) -> Reply:
        """Return a copy with some things changed."""
        return replace(self, **changes)


MANY_PIECES = 20
Script = Reply | Callable[[SeenRequest], Reply]


class FaultyServer:
    """Listens on a free port of this machine while its ``async with`` block runs.

    Attributes
    ----------
    requests : list of SeenRequest
        What arrived, in order.
    gone : asyncio.Event
        Set when a client has closed a connection while the server still held it.
    arrived : asyncio.Event
        Set when a request is there.
    stalled : asyncio.Event
        Set when the server has begun to keep silent.
    dripped : asyncio.Event
        Set when it has written `MANY_PIECES` of its replies.
    """

    def __init__(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[SeenRequest] = []
        self.gone = asyncio.Event()
        self.arrived = asyncio.Event()
        self.stalled = asyncio.Event()
        self.dripped = asyncio.Event()
        self.connections = 0
        self._port = port
        self._pieces = 0
        self._scripts: list[Script] = [Reply(500)]
        self._handlers: set[asyncio.Task[None]] = set()

    def script(self, *replies: Script) -> None:
        """Give the next requests these replies, the last of them again and again."""
        self._scripts = list(replies)

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def all_closed(self) -> None:
        """Wait until the server has closed every connection it had."""
        await asyncio.gather(*self._handlers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone.set()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._handlers.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        while True:
            request = await _read_request(reader, connection)
            self.requests.append(request)
            self.arrived.set()
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            reply = script if isinstance(script, Reply) else script(request)
            await self._write(reply, writer)
            if reply.then == "stall":
                self.stalled.set()
                await reader.read()  # until the client closes
                self.gone.set()
                return
            if reply.then == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return
            if reply.then == "close" or reply.framing == "close":
                return

    async def _write(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        if reply.raw is not None:
            await self._send(reply.raw, writer)
            return
        headers = {"date": "Tue, 24 Nov 2026 12:00:00 GMT", **reply.headers}
        if reply.framing == "length":
            headers["content-length"] = str(len(reply.body))
        elif reply.framing == "chunked":
            headers["transfer-encoding"] = "chunked"
        head = f"HTTP/1.1 {reply.status} Said So\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
        head_bytes = f"{head}\r\n".encode("latin-1")
        if reply.cut_at is not None and reply.cut_at < 0:
            await self._send(head_bytes[: len(head_bytes) // 2] if reply.cut_at < -1 else b"", writer)
            return
        await self._send(head_bytes, writer, size=1 if reply.drip_s else None, pause_s=reply.drip_s)
        body = reply.body[: reply.cut_at]
        size = reply.piece or len(body) or 1
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            framed = b"%x\r\n%b\r\n" % (len(piece), piece) if reply.framing == "chunked" else piece
            await self._send(framed, writer, pause_s=reply.drip_s)
        if reply.framing == "chunked" and reply.cut_at is None and reply.then != "stall":
            await self._send(b"0\r\n\r\n", writer)

    async def _send(
        self,
        data: bytes,
        writer: asyncio.StreamWriter,
        *,
        size: int | None = None,
        pause_s: float | None = None,
    ) -> None:
        for start in range(0, len(data), size or len(data) or 1):
            writer.write(data[start : start + (size or len(data))])
            await writer.drain()
            self._pieces += 1
            if self._pieces == MANY_PIECES:
                self.dripped.set()
            if pause_s:
                await asyncio.sleep(pause_s)


async def _read_request(reader: asyncio.StreamReader, connection: int) -> SeenRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return SeenRequest(method, path, headers, body, connection)
