"""Readers of streams with no I/O: bytes in, events out; server-sent events and JSON lines.

Any split of the bytes gives the same events, and each byte is looked at a fixed number of times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

MAX_EVENT_BYTES = 16 * 2**20
"""Longest line or event; an image in base64 fits."""

_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event: its ``data`` lines joined, and its name; empty when the server gave none."""

    data: str
    name: str = ""


class StreamFormatError(ValueError):
    """The bytes are no text, or a line or event is longer than `MAX_EVENT_BYTES`."""


class Decoder(Protocol):
    """Turns the bytes of a stream into events."""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take bytes and return the events that are complete with them."""

    def close(self) -> list[ServerSentEvent]:
        """Take the end of the stream and return what it completes; it may be a torn event."""


class LineSplitter:
    """Cuts bytes into lines; only LF, CRLF and CR end a line."""

    __slots__ = ("_after_cr", "_is_first", "_limit", "_pieces", "_size")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []  # of the line that is not yet complete; joined once
        self._size = 0
        self._after_cr = False
        self._is_first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that are complete with ``chunk``."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[:1] == b"\n":  # the second half of a CRLF
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk[-1:] == b"\r"
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if self._size + len(chunk) > self._limit:
            first = self._size + len(lines[0] if lines else rest)
            _check_size("a line", max(first, *map(len, lines), len(rest)), self._limit)
        if lines and self._pieces:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces, self._size = [], 0
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
        if self._is_first and lines:
            self._is_first = False
            lines[0] = lines[0].removeprefix(_BOM)
        return lines

    def close(self) -> list[bytes]:
        """Return the last line when it has no end."""
        rest, self._pieces = b"".join(self._pieces), []
        return [rest.removeprefix(_BOM) if self._is_first else rest] if rest else []


class _LineDecoder(ABC):
    """What both decoders do: the events before a bad line are returned first, and the failure comes after them."""

    __slots__ = ("_failure", "_limit", "_splitter")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._splitter = LineSplitter(limit)
        self._limit = limit
        self._failure: StreamFormatError | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take bytes and return the events that are complete with them.

        Raises
        ------
        StreamFormatError
            An event is too long or is no UTF-8. The events before it are returned first, so this may come with
            the next call.
        """
        if self._failure is not None:
            raise self._failure
        events: list[ServerSentEvent] = []
        try:
            self._take(chunk, events)
        except StreamFormatError as failure:
            self._failure = failure
            if not events:
                raise
        return events

    def close(self) -> list[ServerSentEvent]:
        """Take the end of the stream and return what it completes; it may be a torn event.

        Raises
        ------
        StreamFormatError
            As in `feed`.
        """
        if self._failure is not None:
            raise self._failure
        events: list[ServerSentEvent] = []
        self._read([*self._splitter.close(), b""], events)
        return events

    def _take(self, chunk: bytes, events: list[ServerSentEvent]) -> None:
        self._read(self._splitter.feed(chunk), events)

    @abstractmethod
    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        """Add to ``events`` what the lines complete."""


class SSEDecoder(_LineDecoder):
    """Reads ``text/event-stream``."""

    __slots__ = ("_data", "_name", "_size")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        super().__init__(limit)
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0  # of the reads since the last whole event

    def _take(self, chunk: bytes, events: list[ServerSentEvent]) -> None:
        self._read(self._splitter.feed(chunk), events)
        self._size = self._size + len(chunk) if self._data and not events else 0
        _check_size("an event", self._size, self._limit)

    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        for line in lines:
            if line[:6] == b"data: ":
                self._data.append(line[6:])
            elif not line:
                if self._data:
                    events.append(self._event())
                self._name = ""
            else:
                self._read_field(line)

    def _read_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        # All else is a comment (no field before the colon), `id`, `retry`, or of a later day.

    def _event(self) -> ServerSentEvent:
        if len(self._data) == 1:
            data = self._data[0]
        else:
            data = b"\n".join(self._data)
            _check_size("an event", len(data), self._limit)
        self._data = []
        return ServerSentEvent(_text(data), self._name)


class JSONLinesDecoder(_LineDecoder):
    """Reads newline-delimited JSON: each line that is not blank is an event without a name."""

    __slots__ = ()

    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        for line in lines:
            if line.strip():
                events.append(ServerSentEvent(_text(line)))  # noqa: PERF401 - keeps those before a bad one


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise StreamFormatError(f"{what} is longer than {limit} bytes")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise StreamFormatError(f"bytes that are no UTF-8: {error.reason} at byte {error.start}") from None
