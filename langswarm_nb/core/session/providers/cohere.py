"""Cohere: v2 chat, with thinking, tools and images; it keeps no conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import FinishReason, MessageRole, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, ModelInfo, PartDone, ReplyInfo

from ._dialect.asking import asked_by, function_tool, wants_json
from ._dialect.attachments import sendable
from ._dialect.call_pieces import CallPieces
from ._dialect.citations import Sources
from ._dialect.history import CallIds, reply_text, spoken, system_text
from ._dialect.http_session import HttpProviderSession
from ._dialect.reply_stream import stream_reply
from ._dialect.vendor_items import first_text, objects
from ._dialect.wire import RefusedOption, check_options, end_word, finish_reason, models_of, token_count
from ._http.fault_bodies import read_fault
from ._http.faults import Fault, ReportedError
from .chat import wire_calls, wire_content, wire_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from langswarm_nb.core.session.closing import EventStream
    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest

    from ._dialect.call_pieces import CallPiece, ReaderEvent

PLAN = "cohere_tool_plan"
"""Marks the reasoning that the model gave as its plan before it called tools; it goes back as such."""
_OF_TEXT = "TEXT_CONTENT"
_RENAMED = {"top_p": "p", "stop": "stop_sequences"}
REFUSES = (
    RefusedOption(
        "reasoning_effort",
        r"command(?:-r.*|-light.*|-nightly.*|-a-03-2025|-a-vision.*|-a-translate.*)?|c4ai-.*",
        "this model does not think",
    ),
)


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request."""
    return {
        "model": request.model,
        "messages": wire_messages(request.messages),
        "stream": request.stream,
        **_wire_schema(request),
        **wire_options(request.options),
    }


def _wire_schema(request: ProviderRequest) -> dict[str, Any]:
    """Return what asks for a schema; its choice of tools knows no names."""
    if asked := asked_by(request, "strict"):
        return {"response_format": {"type": "json_object", "json_schema": asked.schema}}
    if asked := asked_by(request, "tool"):
        return {"tools": [function_tool(asked)], "tool_choice": "REQUIRED"}
    return {"response_format": {"type": "json_object"}} if wants_json(request) else {}


def wire_messages(messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
    """Return messages in Cohere's form, with one system message at the beginning."""
    text = system_text(messages)
    wire: list[dict[str, Any]] = [{"role": "system", "content": text}] if text else []
    for message in spoken(messages):
        parts = message.all_parts
        wire += wire_results(parts)
        if message.role is MessageRole.ASSISTANT:
            wire.append(_assistant(parts))
        elif content := wire_content(sendable(parts, "image")):
            wire.append({"role": "user", "content": content})
    return wire


def _assistant(parts: Sequence[Part]) -> dict[str, Any]:
    text, calls = reply_text(parts), wire_calls(parts)
    wire: dict[str, Any] = {"role": "assistant"}
    if text or not calls:
        wire["content"] = text
    if calls:
        wire["tool_calls"] = calls
        plan = "".join(part["text"] for part in parts if part.get("opaque") == {PLAN: True})
        wire |= {"tool_plan": plan} if plan else {}
    return wire


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under Cohere's names; it knows thinking as on or off, not by degrees."""
    wire = {_RENAMED.get(name, name): value for name, value in options.items()}
    if isinstance(wire.get("stop_sequences"), tuple):
        wire["stop_sequences"] = list(wire["stop_sequences"])
    effort = wire.pop("reasoning_effort", None)
    if effort is not None:
        wire.setdefault("thinking", {"type": "disabled" if effort == "none" else "enabled"})
    return wire


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the counts of ``tokens``: those that were billed leave out what Cohere adds to the prompt."""
    tokens = usage.get("tokens") or usage.get("billed_units") or {}
    return Usage(
        input_tokens=token_count(tokens.get("input_tokens")),
        cached_input_tokens=token_count(usage.get("cached_tokens")),
        output_tokens=token_count(tokens.get("output_tokens")),
    )


class CohereReader:
    """Reads the events of one reply, or a whole one."""

    def __init__(self, request: ProviderRequest) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._model = request.model  # Cohere does not repeat it
        self._ids = CallIds(request.messages)
        self._thinking: list[str] = []
        self._plan: list[str] = []
        self._calls = CallPieces(self._ids.next)
        self._finish: str | None = None
        self._texts: dict[Any, int] = {}  # place of a content -> characters of its text
        self._citations: list[Mapping[str, Any]] = []

    def read(self, body: Any, name: str = "") -> Iterator[ReaderEvent]:
        """Take an event; those that are not known are passed over.

        Raises
        ------
        ReportedError
            The service failed in the midst of its reply.
        """
        delta = body.get("delta") or {}
        message = delta.get("message") or {}
        match body.get("type") or name:
            case "message-start":
                yield self._named(body)
            case "content-start" | "content-delta":
                yield from self._content(message.get("content") or {}, body.get("index") or 0)
            case "citation-start":
                self._citations += objects(message.get("citations") or [])
            case "tool-plan-delta":
                yield from self._reasoning(message.get("tool_plan"), self._plan)
            case "tool-call-start" | "tool-call-delta":
                yield self._read_call(body.get("index"), message.get("tool_calls") or {})
            case "message-end":
                yield from self._end(delta)
            case _ if body.get("error") or (isinstance(body.get("message"), str) and "type" not in body):
                raise ReportedError(read_fault(body))

    def read_whole(self, body: Any) -> Iterator[ReaderEvent]:
        """Take a whole answer.

        Raises
        ------
        ReportedError
            It says that the service failed.
        """
        message = body.get("message")
        if not (message and isinstance(message, dict)):
            raise ReportedError(read_fault(body)) if body.get("error") or message else KeyError("message")
        yield self._named(body)
        yield from self._reasoning(message.get("tool_plan"), self._plan)
        for index, item in enumerate(message.get("content") or ()):
            yield from self._content(item, index)
        self._citations += objects(message.get("citations") or [])
        for index, call in enumerate(message.get("tool_calls") or ()):
            self._read_call(index, call)
        yield from self._end(body)

    def finish(self) -> Iterator[ReaderEvent]:
        """Return the tool calls and the end."""
        if self._plan:  # told apart from thinking, so that it can go back as what it was
            if self._thinking:
                yield PartDone({"type": "reasoning", "text": "".join(self._thinking)})
            yield PartDone({"type": "reasoning", "text": "".join(self._plan), "opaque": {PLAN: True}})
        yield from map(PartDone, self._calls.parts())
        yield from self._sources()
        reason = finish_reason(self._finish)
        if reason is FinishReason.STOP and self._calls:
            reason = FinishReason.TOOL_CALLS
        yield Finish(reason, self._finish)

    def held(self) -> Iterable[PartDone]:
        """Return the sources of what has come."""
        return self._sources()

    def _named(self, body: Mapping[str, Any]) -> ReplyInfo:
        return ReplyInfo(model=self._model, provider_message_id=body.get("id"))

    def _content(self, item: Mapping[str, Any], index: Any) -> Iterator[ReaderEvent]:
        self._texts.setdefault(index, 0)
        if item.get("text"):
            self._texts[index] += len(item["text"])
            yield Delta(item["text"])
        yield from self._reasoning(item.get("thinking"), self._thinking)

    def _sources(self) -> list[PartDone]:
        """Return what Cohere cites: documents that were given to it, and results of tools."""
        found, n_chars = Sources(), sum(self._texts.values())
        for citation in self._citations:
            at = sum(
                length
                for index, length in self._texts.items()
                if index < (citation.get("content_index") or 0)
            )
            is_of_text = citation.get("type", _OF_TEXT) == _OF_TEXT
            start, end = (
                at + place if is_of_text and isinstance(place := citation.get(name), int) else None
                for name in ("start", "end")
            )
            for source in objects(citation.get("sources") or []):
                told = source.get("document") or source.get("tool_output") or {}
                title = first_text(told, "title", "name") or first_text(source, "id")
                quote = first_text(told, "snippet", "text", "data", "content")
                found.add(url=first_text(told, "url"), title=title, quote=quote, start=start, end=end)
        return found.parts(n_chars)

    def _reasoning(self, text: str | None, kept: list[str]) -> Iterator[ReaderEvent]:
        if text:
            kept.append(text)
            yield Delta(text, "reasoning")

    def _read_call(self, index: Any, piece: Mapping[str, Any]) -> CallPiece:
        function = piece.get("function") or {}
        told = {name: function.get(name) for name in ("name", "arguments")}
        return self._calls.take((index,), call_id=piece.get("id"), **told)

    def _end(self, end: Mapping[str, Any]) -> Iterator[ReaderEvent]:
        if end.get("error"):
            raise ReportedError(Fault(message=str(end["error"]), kind=e.ProviderServerError))
        usage = end.get("usage") or {}
        if usage:
            yield read_usage(usage)
            billed = usage.get("billed_units")
            yield ReplyInfo(details={"billed_units": billed} if billed else {})
        self._finish = end_word(end.get("finish_reason"))
        self.is_whole = self.is_over = True


class CohereProviderSession(HttpProviderSession):
    """Cohere's models.

    Parameters
    ----------
    api_key
        None takes it from ``CO_API_KEY``.
    base_url
        Address up to, but without, ``/v2``; None takes ``CO_API_URL``, else Cohere's.
    headers
        More headers for each request.
    allow_http
        Whether a key may go over plain http to a private network; None: when ``LANGSWARM_ALLOW_HTTP=1`` is set.
    connect_timeout_s, silence_s
        Time limits for connecting and for silence while the answer arrives, in seconds.

    Raises
    ------
    ProviderAuthenticationError
        There is no key, or its format is wrong.
    SessionValueError
        ``base_url`` is not allowed.
    """

    name = "cohere"

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        check_options(self.name, request, REFUSES)
        return stream_reply(self.http, "/v2/chat", wire_body(request), request, CohereReader(request))

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that chat."""
        query = {"endpoint": "chat", "page_size": "1000"}
        return await self._list_pages("/v1/models", _read_page, query, "page_token")


def _read_page(body: Any) -> tuple[list[ModelInfo], str]:
    return models_of(body["models"], _read_model), str(body.get("next_page_token") or "")


def _read_model(model: Mapping[str, Any]) -> ModelInfo:
    context_tokens = token_count(model.get("context_length"))
    return ModelInfo(str(model["name"]), context_tokens=context_tokens, owned_by="cohere")
