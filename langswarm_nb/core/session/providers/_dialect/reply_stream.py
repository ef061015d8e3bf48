"""`stream_reply`: drives one reply from the request to its end, whatever the provider's dialect.

A dialect is a `ReplyReader`: it turns the JSON of events (or of a whole answer) into our events, and knows nothing
of HTTP, keys or time. This module gives it the events, sees to it that a reply without its end mark never passes
for a whole one, and cleans all text that goes on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._http.fault_bodies import fault_inside
from langswarm_nb.core.session.providers._http.faults import MALFORMED, ReportedError
from langswarm_nb.core.session.providers._http.response import parse_json
from langswarm_nb.core.session.text import TextJoiner, whole

from .sse import SSEDecoder, StreamFormatError
from .wire import cost_in, cost_in_headers, rate_limits, told_headers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest, TextKind
    from langswarm_nb.core.session.providers._http.client import HttpClient
    from langswarm_nb.core.session.providers._http.response import Response
    from langswarm_nb.core.session.secret import KeyFilter

    from .sse import Decoder, ServerSentEvent

_HEAD_BYTES = 4096
_LONGEST_WORD = 1000
"""Characters of the longest id or name."""
_DEEPEST = 32
"""Levels of what a server adds to a reply that are kept."""
_LAST_WAIT_S = 5.0
"""Longest wait for what may follow the end mark: usage."""


class ReplyReader(Protocol):
    """One reply's dialect; made anew for each request."""

    is_whole: bool
    """Whether the API's end mark was seen: what follows may be lost."""
    is_over: bool
    """Whether nothing can follow."""

    def read(self, body: Any, name: str = "") -> Iterable[ProviderEvent]:
        """Take the JSON of an event and its name; raises `ReportedError` for an error of the service."""

    def read_whole(self, body: Any) -> Iterable[ProviderEvent]:
        """Take a whole answer instead; it must set `is_whole` when it is one."""

    def finish(self) -> Iterable[ProviderEvent]:
        """Return what is known only at the end: tool calls, usage, and last the `Finish`."""


async def stream_reply(
    http: HttpClient,
    path: str,
    body: Any,
    request: ProviderRequest,
    reader: ReplyReader,
    *,
    decoder: Decoder | None = None,
    **how: Any,
) -> AsyncGenerator[ProviderEvent, None]:
    """Post a request and yield the reply's events.

    Parameters
    ----------
    decoder
        Reads the bytes of a stream; server-sent events by default.
    **how
        As in `HttpClient.open`: ``query``, ``headers``, ``once``.

    Raises
    ------
    ProviderSessionError
        See `HttpClient.open`; `StreamInterruptedError` when the stream ended without its end mark.
    """
    async with http.open("POST", path, body, request=request, **how) as answer:
        clean = _Cleaner(http, keeps_raw=request.keep_raw)
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
        if answer.media_type == "application/json" or not (request.stream or "event" in answer.media_type):
            whole_events, failure = _read_whole(await answer.read_json(), answer, reader, clean)
            for event in whole_events:
                yield event
            if failure is not None:
                raise failure
        else:
            pieces = _Pieces(answer, reader, clean, decoder or SSEDecoder())
            while events := await pieces.next():
                for event in events:
                    yield event
            await answer.drain()
        for event in _finish(answer, reader, clean):
            yield event


def _read_whole(
    body: Any, answer: Response, reader: ReplyReader, clean: _Cleaner
) -> tuple[list[ProviderEvent], ProviderSessionError | None]:
    """Return the events of a reply that came as one piece of JSON, and what is wrong with it."""
    raw: list[ProviderEvent] = [*clean.raw("body", body)]
    events: list[ProviderEvent] = []
    failure = _take_whole(body, answer, reader, clean, events)
    return raw + ([] if failure else events), failure


def _take_whole(
    body: Any, answer: Response, reader: ReplyReader, clean: _Cleaner, events: list[ProviderEvent]
) -> ProviderSessionError | None:
    """Add what a whole reply holds to ``events``; return what is wrong with it."""
    report, status = answer.report, answer.status
    try:
        clean.see_cost(body)
        events.extend(clean(reader.read_whole(body)))
    except ReportedError as error:
        return report.refused(error.fault, status, maybe_processed=True)
    except MALFORMED as error:
        reason = f"its JSON has another form ({_told(error)})"
    else:
        reason = "" if reader.is_whole else "it holds no reply"
    if not _says_something(events) and (fault := fault_inside(body)) is not None:
        return report.refused(fault, status, maybe_processed=True)
    return report.bad_answer(reason, status=status) if reason else None


def _finish(answer: Response, reader: ReplyReader, clean: _Cleaner) -> list[ProviderEvent]:
    try:
        return [*clean.rest(), *clean.cost(), *clean(reader.finish())]
    except MALFORMED as error:
        reason = f"its end has another form ({_told(error)})"
    failure = answer.report.bad_answer(reason, status=answer.status)
    raise failure


class _Pieces:
    """The events of a stream, as many at a time as came with one read."""

    def __init__(self, answer: Response, reader: ReplyReader, clean: _Cleaner, decoder: Decoder) -> None:
        answer.is_stream = True
        self._answer = answer
        self._reader = reader
        self._clean = clean
        self._decoder = decoder
        self._failure: ProviderSessionError | None = None
        self._head: bytes | None = b""  # of what has not shown itself to be a stream
        self._is_hurried = False
        self._has_spoken = False

    async def next(self) -> list[ProviderEvent]:
        """Return the next events; none when the reply is whole and over."""
        while self._failure is None and not self._reader.is_over:
            events = await self._more()
            if events:
                return events
        if self._failure is not None:
            raise self._failure  # now that what came before it was handed on
        return []

    async def _more(self) -> list[ProviderEvent]:
        reader = self._reader
        events: list[ProviderEvent] = []
        try:
            self._failure = self._read(await self._answer.read(), events)
        except ProviderSessionError:
            if not reader.is_whole:
                raise
            reader.is_over = True  # only what may follow the end mark is lost
        if reader.is_whole and not self._is_hurried:
            self._is_hurried = True
            self._answer.hurry(_LAST_WAIT_S)
        return events

    def _read(self, chunk: bytes, events: list[ProviderEvent]) -> ProviderSessionError | None:
        """Add what a chunk brings to ``events``; return what is wrong with it."""
        report, reader = self._answer.report, self._reader
        try:
            found = self._decoder.feed(chunk) if chunk else self._decoder.close()
            if self._head is not None:
                is_stream = bool(found) and found[0].data.lstrip()[:1] in {"{", "["}
                self._head = None if is_stream else (self._head + chunk)[:_HEAD_BYTES].lstrip()
            self._read_events(found, events)
        except ReportedError as error:
            return report.refused(error.fault, self._answer.status, maybe_processed=True)
        except StreamFormatError as error:
            return report.interrupted(f"the stream holds {error}")
        except MALFORMED as error:
            if chunk:  # at the end it is a torn event, and what matters is whether the reply was whole before
                return self._cut_short(f"an event is not what this API sends ({_told(error)})")
        if chunk and not reader.is_over:
            return None
        reader.is_over = True
        return (
            None if reader.is_whole else self._cut_short("the stream ended without the end mark of the reply")
        )

    def _read_events(self, found: list[ServerSentEvent], events: list[ProviderEvent]) -> None:
        reader = self._reader
        for event in found:
            if event.data == "[DONE]":
                reader.is_over = True
            else:
                body = parse_json(event.data)
                events.extend(self._clean.raw("events", [body]))  # also when it cannot be read
                events.extend(self._read_event(body, event.name))
            if reader.is_over:
                break

    def _read_event(self, body: Any, name: str) -> list[ProviderEvent]:
        self._clean.see_cost(body)
        try:
            events = list(self._clean(self._reader.read(body, name)))
        except MALFORMED:
            self._refuse_fault(body)
            raise
        if _says_something(events):
            self._has_spoken = True
        elif not self._reader.is_whole:
            self._refuse_fault(body)
        return events

    def _refuse_fault(self, body: Any) -> None:
        """Raise the error that stands in the place of an event."""
        if (fault := fault_inside(body, after_text=self._has_spoken)) is not None:
            raise ReportedError(fault)

    def _cut_short(self, reason: str) -> ProviderSessionError:
        head = self._head
        if head and (head[:1] in {b"<", b"{", b"["} or "event-stream" not in self._answer.media_type):
            return _not_a_stream(head, self._answer)
        if head == b"":
            reason = "the answer is empty (check base_url, and whether a proxy answers in its place)"
        return self._answer.report.interrupted(reason)


def _says_something(events: list[ProviderEvent]) -> bool:
    return any(not isinstance(event, ReplyInfo) for event in events)


class _Cleaner:
    """Makes all text of a reply encodable as UTF-8, and takes out the keys that a server echoes."""

    def __init__(self, http: HttpClient, *, keeps_raw: bool = False) -> None:
        self._http = http
        self._keeps_raw = keeps_raw
        self._cost_usd: float | None = None
        self._channels: dict[TextKind, tuple[TextJoiner, list[KeyFilter]]] = {}

    def __call__(self, events: Iterable[ProviderEvent]) -> Iterator[ProviderEvent]:
        """Yield events clean; what waits for the other half of a character is held back."""
        for event in events:
            if type(event) is Delta:
                text = self._text(event)
                if text:
                    yield event if text is event.text else Delta(text, event.kind)
            elif isinstance(event, PartDone):
                yield PartDone(self._shallow(self._json(event.part, self._http.mask.known)))
            elif isinstance(event, ReplyInfo):
                yield self.info(event)
            elif isinstance(event, Finish):
                yield Finish(event.reason, self._word(event.provider_reason))
            else:
                yield event

    def info(self, info: ReplyInfo) -> ReplyInfo:
        """Return what is told about a reply, clean: it is kept with the message."""
        return ReplyInfo(
            model=self._word(info.model),
            provider_message_id=self._word(info.provider_message_id),
            request_id=self._word(info.request_id),
            native_id=self._word(info.native_id),
            cost_usd=info.cost_usd,
            details=self._shallow(self._json(info.details, self._http.mask)),
            raw=self._json(self._shallow(info.raw), self._http.mask),
        )

    def see_cost(self, body: Any) -> None:
        """Take what the body of an event, or of a whole answer, says that the reply costs."""
        cost_usd = cost_in(body)
        self._cost_usd = self._cost_usd if cost_usd is None else cost_usd

    def cost(self) -> list[ReplyInfo]:
        """Return what the reply costs, when it was told."""
        return [] if self._cost_usd is None else [ReplyInfo(cost_usd=self._cost_usd)]

    def raw(self, name: str, value: Any) -> list[ReplyInfo]:
        """Return what the service sent, for who wants to keep it."""
        return [self.info(ReplyInfo(raw={name: value}))] if self._keeps_raw else []

    def rest(self) -> list[Delta]:
        """Return what was still held back at the end."""
        return [Delta(text, kind) for kind, (joiner, _) in self._channels.items() if (text := joiner.rest())]

    def _text(self, delta: Delta) -> str:
        channel = self._channels.get(delta.kind)
        if channel is None:
            channel = self._channels[delta.kind] = TextJoiner(), self._http.key_filters()
        text = channel[0].join(delta.text)
        for without_key in channel[1]:
            text = without_key(text)
        return text

    def _word(self, value: object) -> str | None:
        """Return an id or a name; what is neither text nor a number, or very long, is none and is not kept."""
        is_word = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
        word = self._http.mask(whole(str(value))) if is_word else ""
        return word if 0 < len(word) <= _LONGEST_WORD else None

    def _shallow(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what can be kept: a reply must not be lost for what a server adds to it."""
        return {name: value for name, value in values.items() if not _is_deeper(value, _DEEPEST)}

    def _json(self, value: Any, mask: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return mask(whole(value))
        if isinstance(value, Mapping):
            return {mask(whole(str(name))): self._json(item, mask) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._json(item, mask) for item in value]
        if isinstance(value, float) and not math.isfinite(value):  # Python reads NaN; nothing keeps it
            return None
        return value


def _is_deeper(value: Any, levels: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def _not_a_stream(head: bytes, answer: Response) -> ProviderSessionError:
    text = head.decode("utf-8", "replace")
    if head[:1] == b"<":
        return answer.report.bad_answer("it is a web page", status=answer.status, body=text)
    try:
        body = parse_json(text)
    except ValueError:
        body = None
    if (fault := fault_inside(body)) is not None:
        return answer.report.refused(fault, answer.status, maybe_processed=True)
    return answer.report.bad_answer("it is no event stream", status=answer.status, body=text)


def _told(error: Exception) -> str:
    """Return what was wrong with an event; an error of Python's own says little, so its kind is told."""
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
