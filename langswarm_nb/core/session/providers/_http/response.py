"""`Response`: the body of one answer, read within limits of time and size."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderSessionError

from .deadline import LimitReached
from .wire_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .carrier import Carrier, Incoming
    from .deadline import Watch
    from .error_reports import Reporter
    from .pool import Pool

MAX_ANSWER_BYTES = 256 * 2**20
"""Longest answer, after decompression."""
_MAX_REFUSAL_BYTES = 2**18
_PIECE_BYTES = 2**18


class Response:
    """An answer whose headers are there.

    Attributes
    ----------
    status : int
    headers : Mapping of str to str
        Names in lower case; values as the server sent them, not masked.
    media_type : str
        ``text/event-stream``, … ; in lower case, without parameters.
    is_stream : bool
        Whether a break is an interrupted reply; the reader of the stream sets it.
    """

    def __init__(
        self, incoming: Incoming, carrier: Carrier, pool: Pool, watch: Watch, report: Reporter
    ) -> None:
        self.status = incoming.status
        self.headers = incoming.headers
        self.media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.is_stream = False
        self.report = report
        self._incoming = incoming
        self._carrier = carrier
        self._pool = pool
        self._watch = watch
        self._size = 0
        self._is_closed = False
        self._unpacker = _unpacker(self.headers.get("content-encoding", ""))
        self._next_chunk: Callable[[], Awaitable[bytes]] = incoming.next_chunk

    async def read(self) -> bytes:
        """Return the next bytes, unpacked; empty at the end.

        Raises
        ------
        ProviderSessionError
            The connection broke, or a limit was reached.
        """
        watch = self._watch
        failure: BaseException
        try:
            watch.enter()
            chunk = await (self._next_chunk() if self._unpacker is None else self._unpack(self._unpacker))
        except LimitReached as limit:
            failure = self.report.too_late(limit)
        except self._carrier.errors as error:
            failure = self.report.broken(self._carrier.describe(error), in_stream=self.is_stream)
        except _PackingError as error:
            failure = self._bad(str(error))
        except asyncio.CancelledError as error:
            failure = self.report.too_late(watch.reached) if watch.is_mine() else error
        else:
            watch.leave()
            self._size += len(chunk)
            if self._size <= MAX_ANSWER_BYTES:
                return chunk
            failure = self.too_long()
        watch.leave()
        # Raised here, not above: an error raised while another is handled keeps it, with the frames it went
        # through, and those hold the request's headers. For the same reason a cancel loses its frames.
        failure.__context__ = None
        raise failure.with_traceback(None)

    async def read_all(self) -> bytes:
        """Return the whole body; raises what `read` raises."""
        pieces = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)

    async def read_json(self) -> Any:
        """Return the whole body as JSON.

        Raises
        ------
        ProviderSessionError
            It is not JSON (a page of a proxy, nothing at all, cut off), or could not be read.
        """
        value, failure = self._json(await self.read_all())
        if failure is not None:
            raise failure
        return value

    async def read_refusal(self) -> Any:
        """Return the body of an error, as JSON or text, as far as it can be had."""
        pieces: list[bytes] = []
        try:
            while (piece := await self.read()) and sum(map(len, pieces)) < _MAX_REFUSAL_BYTES:
                pieces.append(piece)
        except ProviderSessionError:
            pass  # the status has said the main thing
        text = b"".join(pieces).decode("utf-8", "replace")
        try:
            return parse_json(text)
        except ValueError:
            return text

    async def drain(self, seconds: float = 0.05) -> None:
        """Read what is left, so that the connection can serve again; not worth a long wait or an error."""
        self._watch.hurry(seconds)
        try:
            while await self.read():
                pass
        except ProviderSessionError:
            pass

    def hurry(self, seconds: float) -> None:
        """Allow only so much more time, when all that matters has come."""
        self._watch.hurry(seconds)

    def too_long(self) -> ProviderSessionError:
        """Make the error for a body beyond the limit."""
        return self._bad(f"longer than {MAX_ANSWER_BYTES} bytes")

    def _bad(self, reason: str) -> ProviderSessionError:
        if self.is_stream:
            return self.report.interrupted(reason)
        return self.report.bad_answer(reason, status=self.status)

    async def aclose(self) -> None:
        """Give the connection back, or close it when something is left to read; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._watch.close()
        try:
            await self._incoming.aclose()
        finally:
            await self._pool.give_back(self._carrier)

    def _json(self, body: bytes) -> tuple[Any, ProviderSessionError | None]:
        # In a frame of its own: the one that raises holds no body, in which a server may echo a key.
        try:
            return parse_json(body.decode("utf-8-sig")), None
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        except ValueError as error:
            reason = str(error) if body.strip() else "it is empty"
        if body.lstrip()[:1] == b"<" or "html" in self.media_type:
            reason = "it is a web page"
        shown = body[:2000].decode("utf-8", "replace")
        return None, self.report.bad_answer(reason, status=self.status, body=shown)

    async def _unpack(self, unpacker: _Unpacker) -> bytes:
        while True:
            piece = unpacker.take()
            if piece:
                return piece
            chunk = await self._next_chunk()
            if not chunk:
                unpacker.end()
                return b""
            unpacker.put(chunk)


class _PackingError(Exception):
    """The body cannot be unpacked."""


class _Unpacker:
    """Unpacks gzip and deflate a bounded piece at a time: a few bytes may stand for gigabytes."""

    def __init__(self) -> None:
        self._packed = b""
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header

    def put(self, chunk: bytes) -> None:
        self._packed += chunk

    def take(self) -> bytes:
        while self._packed:
            if self._inflate.eof:  # the next member of several
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece = self._inflate.decompress(self._packed, _PIECE_BYTES)
            except zlib.error as error:
                raise _PackingError(f"its compression is broken ({error})") from None
            self._packed = self._inflate.unused_data or self._inflate.unconsumed_tail
            if piece:
                return piece
        return b""

    def end(self) -> None:
        if not self._inflate.eof:
            raise _PackingError("its compressed body was cut short")


class _NoUnpacker(_Unpacker):
    """Refuses a packing that was not asked for."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    def put(self, chunk: bytes) -> None:
        raise _PackingError(f"it is packed as {self._encoding[:40]!r}, which was not asked for")


def _unpacker(encoding: str) -> _Unpacker | None:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return None
    return _Unpacker() if encoding in {"gzip", "x-gzip", "deflate"} else _NoUnpacker(encoding)
