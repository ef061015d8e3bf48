"""Readers of bodies with no I/O: bytes in, events out; server-sent events, lines of JSON, and JSON in one piece.

Any split of the bytes gives the same events, and each byte is looked at a fixed number of times.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

MAX_EVENT_BYTES = 16 * 2**20
"""Longest line or event; an image in base64 fits."""

DONE = "[DONE]"
"""What some services write behind a reply."""
_BOM = b"\xef\xbb\xbf"
_MAX_BODY_BYTES = 2**40  # who reads the connection has a limit of its own for answers in one piece
_JSON = json.JSONDecoder()
_VALUE = re.compile(r"\s*[{\[]")


class ServerSentEvent(NamedTuple):
    """One event: its ``data`` lines joined, and its name; empty when the server gave none."""

    data: str
    name: str = ""
    is_all: bool = False
    """Whether it is not an event of a stream, but the whole answer in one piece."""


class StreamFormatError(ValueError):
    """The bytes are not text, or a line or event is longer than `MAX_EVENT_BYTES`."""


class Decoder(Protocol):
    """Turns the bytes of a stream into events."""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take bytes and return the events that are complete with them."""

    def close(self) -> list[ServerSentEvent]:
        """Take the end of the stream and return what it completes; it may be a torn event."""


class LineSplitter:
    """Cuts bytes into lines; only LF, CRLF and CR end a line."""

    __slots__ = ("_after_cr", "_is_first", "_pieces", "_size", "limit")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.limit = limit
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
        if self._size + len(chunk) > self.limit:
            first = self._size + len(lines[0] if lines else rest)
            _check_size("a line", max(first, *map(len, lines), len(rest)), self.limit)
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
            An event is too long or is not UTF-8. The events before it are returned first, so this may come with
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
        if self._size:
            _check_size("an event", self._size, self._limit)

    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        data = self._data
        for line in lines:
            if line[:6] == b"data: ":
                data.append(line[6:])
            elif line:
                self._read_field(line)
            else:
                if data:
                    whole = data[0] if len(data) == 1 else self._joined()
                    data.clear()
                    if whole:  # an event without data is none
                        events.append(ServerSentEvent(_text(whole), self._name))
                self._name = ""

    def _read_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        # All else is a comment (no field before the colon), `id`, `retry`, or of a later day.

    def _joined(self) -> bytes:
        data = b"\n".join(self._data)
        _check_size("an event", len(data), self._limit)
        return data


class JSONLinesDecoder(_LineDecoder):
    """Reads newline-delimited JSON: each line that is not blank is an event without a name."""

    __slots__ = ()

    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        for line in lines:
            if line.strip():
                events.append(ServerSentEvent(_text(line)))  # noqa: PERF401 - keeps those before a bad one


class JSONDecoder(_LineDecoder):
    """Reads a body of JSON: values line by line, or one answer however it is broken into lines.

    The first value is held back until it is known whether it is all, unless ``is_stream`` says that it is not.
    What stands behind an answer in one piece, such as the end mark of a stream, comes as events after it.
    """

    __slots__ = ("_body", "_held", "_is_lines", "is_stream")

    def __init__(self, *, is_stream: bool = False, limit: int = MAX_EVENT_BYTES) -> None:
        super().__init__(limit)
        self._splitter = LineSplitter(_MAX_BODY_BYTES)  # an answer in one piece may be one line
        self.is_stream = is_stream
        self._is_lines: bool | None = None  # until the first line has shown it
        self._held: bytes | None = None
        self._body: list[bytes] = []

    def close(self) -> list[ServerSentEvent]:
        """Take the end of the body and return what it completes; raises what `feed` raises."""
        events = super().close()
        if self._held is not None:
            events.append(ServerSentEvent(_text(self._held), is_all=True))
        elif self._body:
            events += _values(
                _text(b"\n".join(self._body)), is_torn_line=self.is_stream and len(self._body) == 1
            )
        return events

    def _read(self, lines: list[bytes], events: list[ServerSentEvent]) -> None:
        for line in lines:
            if not line.strip():
                continue
            if self._is_lines is None:
                self._begin(line, events)
            elif self._is_lines:
                self._go_on(line, events)
            else:
                self._body.append(line)

    def _begin(self, line: bytes, events: list[ServerSentEvent]) -> None:
        self._is_lines = _is_object(line)
        if not self._is_lines:
            self._body.append(line)
            return
        self._splitter.limit = self._limit
        if self.is_stream:
            events.append(ServerSentEvent(_text(line)))
        else:
            self._held = line

    def _go_on(self, line: bytes, events: list[ServerSentEvent]) -> None:
        mark = line.strip().removeprefix(b"data:").strip()
        is_done = mark == DONE.encode()
        if self._held is not None:
            events.append(ServerSentEvent(_text(self._held), is_all=is_done))
            self._held = None
        events.append(ServerSentEvent(DONE if is_done else _text(line)))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _values(text: str, *, is_torn_line: bool) -> list[ServerSentEvent]:
    """Return the values of a body that is not JSON line by line, each as an event; a single one is the whole answer."""
    values: list[str] = []
    at = 0
    try:
        while found := _VALUE.match(text, at):
            at = _JSON.raw_decode(text, found.end() - 1)[1]
            values.append(text[found.end() - 1 : at])
    except (ValueError, RecursionError):
        pass
    if not values:  # who reads it finds out why
        return [ServerSentEvent(text, is_all=not is_torn_line)]
    rest = text[at:].strip().removeprefix("data:").strip()
    events = [ServerSentEvent(value, is_all=len(values) == 1) for value in values]
    return [*events, ServerSentEvent(rest)] if rest else events


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise StreamFormatError(f"{what} is longer than {limit} bytes")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise StreamFormatError(f"bytes that are not UTF-8: {error.reason} at byte {error.start}") from None
