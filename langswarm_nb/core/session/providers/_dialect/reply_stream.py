"""`stream_reply`: drives one reply from the request to its end, whatever the provider's dialect.

A dialect is a `ReplyReader`: it turns the JSON of events (or of a whole answer) into our events, and knows nothing
of HTTP, keys or time. This module gives it the events, sees to it that a reply without its end mark never passes
for a whole one, and cleans all text that goes on.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.provider_events import Delta, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._http.fault_bodies import fault_inside, read_fault
from langswarm_nb.core.session.providers._http.faults import MALFORMED, ReportedError
from langswarm_nb.core.session.providers._http.wire_json import parse_json

from .answer_reader import AnswerReader
from .cleaning import Cleaner
from .reply_reader import HoldingReader
from .sse import DONE, JSONDecoder, JSONLinesDecoder, SSEDecoder, StreamFormatError
from .wire import COST, cost_in_headers, rate_limits, told_headers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest
    from langswarm_nb.core.session.providers._http.client import HttpClient
    from langswarm_nb.core.session.providers._http.response import Response

    from .reply_reader import ReplyReader
    from .sse import Decoder, ServerSentEvent

_log = logging.getLogger(__name__)
_HEAD_BYTES = 4096
_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before a body: blanks, and a mark of its byte order."""
_LAST_WAIT_S = 5.0
"""Longest wait for what may follow the end mark: usage."""


def stream_reply(
    http: HttpClient,
    path: str,
    body: Any,
    request: ProviderRequest,
    reader: ReplyReader,
    *,
    decoder: Decoder | None = None,
    is_in_words: Callable[[], bool] = lambda: False,
    **how: Any,
) -> EventStream[ProviderEvent]:
    """Return the reply's events; the request is posted when the first is asked for.

    Parameters
    ----------
    decoder
        Reads the bytes of a stream; server-sent events by default.
    is_in_words
        As for `AnswerReader`.
    **how
        As in `HttpClient.open`: ``query``, ``headers``, ``once``.

    Raises
    ------
    ProviderSessionError
        While reading: see `HttpClient.open`; `StreamInterruptedError` when the stream ended without its end mark.
    """
    if request.schema is not None:
        reader = AnswerReader(reader, request.schema, is_in_words)
    return EventStream(_reply_events(http, path, body, request, reader, decoder or SSEDecoder(), **how))


async def _reply_events(
    http: HttpClient,
    path: str,
    body: Any,
    request: ProviderRequest,
    reader: ReplyReader,
    decoder: Decoder,
    **how: Any,
) -> AsyncGenerator[ProviderEvent, None]:
    async with http.open("POST", path, body, request=request, **how) as answer:
        clean = Cleaner(http, keeps_raw=request.keep_raw)
        if isinstance(reader, HoldingReader):
            request.on_answer(partial(_held, reader, clean))
        info = clean.info(
            ReplyInfo(
                request_id=answer.report.request_id,
                cost_usd=cost_in_headers(answer.headers),
                details=rate_limits(answer.headers),
            )
        )
        if info != ReplyInfo():
            yield info
        for kept in clean.raw("headers", told_headers(answer.headers)):
            yield kept
        pieces = _Pieces(answer, reader, clean, decoder, asked=request.stream)
        while events := await pieces.next():
            for event in events:
                yield event
        await answer.drain()
        for event in _finish(answer, reader, clean):
            yield event


def _finish(answer: Response, reader: ReplyReader, clean: Cleaner) -> list[ProviderEvent]:
    events: list[ProviderEvent] = [*clean.rest(), *clean.cost()]
    try:
        clean.add(reader.finish(), events)
        return events
    except MALFORMED as error:
        reason = f"its end has an unexpected shape ({_told(error)})"
    failure = answer.report.bad_answer(reason, status=answer.status)
    raise failure


def _held(reader: HoldingReader, clean: Cleaner) -> list[PartDone]:
    """Return what a reader has kept for the end, as far as it can be read."""
    events: list[ProviderEvent] = []
    try:
        clean.add(reader.held(), events)
    except MALFORMED as error:
        _log.info("Not all that had arrived of a reply can be read: %s", type(error).__name__)
    return [event for event in events if isinstance(event, PartDone)]


class _Pieces:
    """The events of an answer, as many at a time as came with one read.

    What it is, a stream or an answer in one piece, its first bytes say: labels are wrong too often.
    """

    def __init__(
        self, answer: Response, reader: ReplyReader, clean: Cleaner, usual: Decoder, *, asked: bool
    ) -> None:
        is_json = answer.media_type == "application/json"
        answer.is_stream = not is_json and (asked or "event" in answer.media_type)  # until it is known
        self._answer = answer
        self._reader = reader
        self._clean = clean
        self._usual = usual
        self._asked = asked
        self._decoder: Decoder | None = None
        self._head: bytes | None = b""  # of what has not shown itself to be a reply
        self._failure: ProviderSessionError | None = None
        self._is_hurried = False
        self._only: Any = None  # the first event, while no other has come
        self._has_spoken = self._has_answered = False

    async def next(self) -> list[ProviderEvent]:
        """Return the next events; none when the reply is whole and over."""
        reader = self._reader
        events: list[ProviderEvent] = []
        while not events and self._failure is None and not reader.is_over:
            try:
                self._failure = self._read(await self._answer.read(), events)
            except ProviderSessionError:
                if not reader.is_whole:
                    raise
                reader.is_over = True  # only what may follow the end mark is lost
            if reader.is_whole and not self._is_hurried:
                self._is_hurried = True
                self._answer.hurry(_LAST_WAIT_S)
        if not events and self._failure is not None:
            raise self._failure  # now that what came before it was handed on
        return events

    def _read(self, chunk: bytes, events: list[ProviderEvent]) -> ProviderSessionError | None:
        """Add what a chunk brings to ``events``; return what is wrong with it."""
        report, reader = self._answer.report, self._reader
        try:
            decoder = self._decoder
            if decoder is None or self._head is not None:
                found = self._begin(chunk)
            else:
                found = decoder.feed(chunk) if chunk else decoder.close()
            self._read_events(found, events)
        except ReportedError as error:
            return report.refused(error.fault, self._answer.status, maybe_processed=True)
        except _NoReplyError as error:
            return report.bad_answer(str(error), status=self._answer.status, body=error.body)
        except StreamFormatError as error:
            if not reader.is_whole:
                return self._broken(str(error))
            reader.is_over = True
        except MALFORMED as error:
            if chunk:  # at the end it is a torn event, and what matters is whether the reply was whole before
                return self._cut_short(f"an event is not what this API sends ({_told(error)})")
        if chunk and not reader.is_over:
            return None
        if not (reader.is_whole or self._has_spoken):
            self._read_only(events)
        reader.is_over = True
        return (
            None if reader.is_whole else self._cut_short("the stream ended without the end mark of the reply")
        )

    def _begin(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events of a chunk as long as none has shown what the body is."""
        decoder = self._decoder
        if decoder is None:
            chunk = chunk.lstrip(_BLANK)
            if not chunk:
                return []
            decoder = self._decoder = _decoder_for(chunk, self._usual, asked=self._asked)
            self._answer.is_stream = self._answer.is_stream or not isinstance(decoder, JSONDecoder)
        found = decoder.feed(chunk) if chunk else decoder.close()
        is_reply = bool(found) and found[0].data.lstrip()[:1] in {"{", "["}
        self._head = None if is_reply else ((self._head or b"") + chunk)[:_HEAD_BYTES]
        return found

    def _read_events(self, found: list[ServerSentEvent], events: list[ProviderEvent]) -> None:
        reader = self._reader
        for event in found:
            if event.is_all:
                self._read_whole(event.data, events)
            elif event.data[:1] != "{" and event.data.strip() == DONE:
                reader.is_over = True
            elif reader.is_whole:
                self._read_behind(event, events)
            else:
                self._read_event(event, events)
            if reader.is_over:
                break

    def _read_whole(self, data: str, events: list[ProviderEvent]) -> None:
        """Read an answer in one piece; of a list of answers, each as an event of a stream."""
        try:
            body = parse_json(data)
        except ValueError as error:
            raise _NoReplyError(str(error), data) from None
        is_list = isinstance(body, list) and bool(body) and all(isinstance(item, dict) for item in body)
        events.extend(self._clean.raw("body", body))
        pieces = body if is_list else [body]
        read = self._reader.read if len(pieces) > 1 else self._reader.read_whole
        try:
            for piece in pieces:
                self._clean.see_cost(piece)
                self._clean.add(read(piece), events)
            reason = "" if self._reader.is_whole else "it contains no reply"
        except MALFORMED as error:
            reason = f"its JSON has an unexpected shape ({_told(error)})"
        if not _says_something(events):
            self._refuse_fault(body)
        if reason:
            raise _NoReplyError(reason)
        self._reader.is_over = True

    def _read_event(self, event: ServerSentEvent, events: list[ProviderEvent]) -> None:
        data = event.data
        body = None if data[:1] != "{" and _keeps_alive(event) else parse_json(data)
        if body is None:
            return
        self._only = body if self._only is None else ()
        clean = self._clean
        if clean.keeps_raw:
            events.extend(clean.raw("events", [body]))  # also when it cannot be read
        if COST in data:  # looked for in the text, as few events have it
            clean.see_cost(body)
        n_before = len(events)
        try:
            clean.add(self._reader.read(body, event.name), events)
        except MALFORMED:
            del events[n_before:]
            self._refuse_fault(body)
            raise
        if not self._has_answered or len(events) == n_before or type(events[-1]) is not Delta:
            self._see(events[n_before:], body)

    def _see(self, found: list[ProviderEvent], body: Any) -> None:
        """Note what an event of a stream brought: an answer, no answer yet, or an error in place of one."""
        if found:
            self._answer.is_stream = True
        if not _says_something(found):
            if not self._reader.is_whole:
                self._refuse_fault(body)
        else:
            self._has_spoken = True
            self._has_answered = self._has_answered or any(map(_is_answer, found))

    def _read_only(self, events: list[ProviderEvent]) -> None:
        """Read what may be an answer in one piece, put into the only event of a stream."""
        found: list[ProviderEvent] = []
        try:
            self._clean.add(self._reader.read_whole(self._only), found)
        except (ReportedError, *MALFORMED):
            return
        if self._reader.is_whole:
            events.extend(found)

    def _refuse_fault(self, body: Any) -> None:
        """Raise the error that stands in place of an event, or of a reply."""
        if (fault := fault_inside(body, after_text=self._has_spoken)) is not None:
            raise ReportedError(fault)

    def _read_behind(self, event: ServerSentEvent, events: list[ProviderEvent]) -> None:
        """Read what stands behind the end mark: usage, an error where no answer came, or what is passed over."""
        try:
            self._read_event(event, events)
        except (ReportedError, *MALFORMED) as error:
            if isinstance(error, ReportedError) and not self._has_answered:
                raise
            _log.info("What came after the end of a reply was ignored: %s", type(error).__name__)

    def _broken(self, reason: str) -> ProviderSessionError:
        report = self._answer.report
        if self._answer.is_stream:
            return report.interrupted(f"the stream holds {reason}")
        return report.bad_answer(f"it holds {reason}", status=self._answer.status)

    def _cut_short(self, reason: str) -> ProviderSessionError:
        report, head = self._answer.report, self._head
        if head and (head[:1] == b"<" or "event-stream" not in self._answer.media_type):
            reason = "it is a web page" if head[:1] == b"<" else "it is not an event stream"
            shown = head.decode("utf-8", "replace")
            return report.bad_answer(reason, status=self._answer.status, body=shown)
        if not self._answer.is_stream:
            return report.bad_answer("it is empty" if head == b"" else reason, status=self._answer.status)
        if head == b"":
            reason = "the answer is empty (check base_url, and whether a proxy answers in its place)"
        return report.interrupted(reason)


def _decoder_for(head: bytes, usual: Decoder, *, asked: bool) -> Decoder:
    """Return what reads a body that begins so; a decoder of another package's is taken as it is."""
    if not isinstance(usual, (SSEDecoder, JSONLinesDecoder)):
        return usual
    if head[:1] in {b"{", b"["}:
        return JSONDecoder(is_stream=asked and isinstance(usual, JSONLinesDecoder))
    return SSEDecoder()


class _NoReplyError(Exception):
    """An answer in one piece that is not a reply."""

    def __init__(self, reason: str, body: str = "") -> None:
        super().__init__(reason)
        self.body = body[:2000]


def _keeps_alive(event: ServerSentEvent) -> bool:
    """Tell whether an event of a stream says nothing: one without data, or one with a name and no object."""
    data = event.data.strip()
    if not event.name or data[:1] == "{":
        return not data
    if event.name == "error":
        raise ReportedError(read_fault(event.data))
    return True


def _is_answer(event: ProviderEvent) -> bool:
    return isinstance(event, PartDone) or (isinstance(event, Delta) and event.kind == "text")


def _says_something(events: list[ProviderEvent]) -> bool:
    for event in events:  # noqa: SIM110 - looked at for each event of a stream
        if not isinstance(event, ReplyInfo):
            return True
    return False


def _told(error: Exception) -> str:
    """Return what was wrong with an event; an error of Python's own says little, so its kind is named."""
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
