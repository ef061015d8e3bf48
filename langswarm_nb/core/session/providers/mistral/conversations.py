"""Mistral's Conversations API: pure functions out, `ConversationReader` in.

Written from the vendor's published types: no recorded traffic of this API was at hand.
"""

from __future__ import annotations

import logging
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.messages import FinishReason, MessageRole, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, PartDone, ReplyInfo
from langswarm_nb.core.session.providers._dialect.attachments import sendable
from langswarm_nb.core.session.providers._dialect.call_pieces import CallPieces
from langswarm_nb.core.session.providers._dialect.citations import Sources
from langswarm_nb.core.session.providers._dialect.history import (
    CallIds,
    arguments_object,
    joined_text,
    spoken,
    system_text,
)
from langswarm_nb.core.session.providers._dialect.reasoning_order import (
    call_item,
    in_order,
    outline_part,
    text_item,
    vendor_item,
)
from langswarm_nb.core.session.providers._dialect.vendor_items import (
    as_words,
    first_text,
    lines,
    searched,
    texts,
    vendor_part,
)
from langswarm_nb.core.session.providers._dialect.whole_items import WholeItems
from langswarm_nb.core.session.providers._dialect.wire import as_object, token_count, with_tools
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import ReportedError
from langswarm_nb.core.session.providers.chat import wire_content
from langswarm_nb.core.session.text import one_line

from .completions import short_id, wire_chunks, wire_format, wire_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderEvent, ProviderRequest

_log = logging.getLogger(__name__)

DIALECT = "mistral_conversations"
"""Marks the outlines of this dialect."""
_OWN = re.compile(r"(?!message\.|function\.|conversation\.)([\w.]+)\.(started|delta|done)")
"""Events about work on Mistral's side: running a tool, handing over to another agent."""
_CHUNKS = {"tool_file", "tool_reference", "reference"}
"""Chunks of a message beside its text."""
_KNOWN = {"tool.execution", "agent.handoff", *_CHUNKS}
"""What each model takes; another kind may belong to the one that made it."""
_NOT_OF_AN_ENTRY = {"type", "output_index", "created_at"}
RESERVED = ("model", "inputs", "messages", "instructions", "store", "stream")
_OF_CONVERSATION = {"tools", "name", "description", "metadata", "agent_id", "agent_version", "guardrails"}
"""Options that a conversation begins with and keeps."""
_OF_REQUEST = {"handoff_execution", "tool_confirmations"}


TOOLS: dict[str, dict[str, Any]] = {
    name: {"type": name} for name in ("web_search", "code_interpreter", "image_generation")
}
"""Our name of a tool -> Mistral's tool."""


def fixed_body(request: ProviderRequest) -> dict[str, Any]:
    """Return what a conversation is begun with and cannot change: its model, instructions, tools."""
    body = {name: value for name, value in request.options.items() if name in _OF_CONVERSATION}
    if request.tools:
        body["tools"] = with_tools(body.get("tools"), request.tools, TOOLS)
    if "agent_id" not in body:
        body["model"] = request.model
    if text := system_text(request.messages):
        body["instructions"] = text
    return body


def added_body(request: ProviderRequest) -> dict[str, Any]:
    """Return what each request to a conversation says."""
    options = wire_format(request) | wire_options(request.options)
    beside = {name: options.pop(name) for name in list(options) if name in _OF_REQUEST}
    arguments = {name: value for name, value in options.items() if name not in _OF_CONVERSATION}
    return {
        "inputs": wire_inputs(
            request.messages[request.new_from if request.native_id else 0 :], request.model
        ),
        **beside,
        **({"completion_args": arguments} if arguments else {}),
        "store": True,
        "stream": request.stream,
    }


def wire_inputs(messages: Sequence[SessionMessage], model: str) -> str | list[dict[str, Any]]:
    """Return messages as entries; a text alone as it is."""
    said = spoken(messages)
    if len(said) == 1 and said[0].role is MessageRole.USER and not said[0].parts:
        return said[0].content
    return [entry for message in said for entry in _entries(message, model)]


def _entries(message: SessionMessage, model: str) -> Iterator[dict[str, Any]]:
    parts = message.all_parts
    for part in parts:
        if part["type"] == "tool_result":
            call_id = short_id(part["tool_call_id"])
            yield {"type": "function.result", "tool_call_id": call_id, "result": part["content"]}
    if message.role is MessageRole.ASSISTANT:
        yield from _reply(parts, model)
    elif content := _content(parts):
        yield {"type": "message.input", "role": "user", "content": content}


def _reply(parts: Sequence[Part], model: str) -> Iterator[dict[str, Any]]:
    """Yield a reply in its order, with what Mistral did itself."""
    pieces = [piece.part for piece in in_order(parts, DIALECT, model)]
    for kind, group in groupby(pieces, _kind):
        found = list(group)
        if kind == "text":
            if content := _output(found):
                yield {"type": "message.output", "role": "assistant", "content": content}
        elif kind == "raw":
            yield from (part["raw"] for part in found)
        elif kind == "tool_call":
            yield from map(_call, found)


def _kind(part: Part) -> str:
    """Return what a piece of a reply belongs to: a chunk is said in the message."""
    if part["type"] == "refusal" or (part["type"] == "raw" and part["raw"].get("type") in _CHUNKS):
        return "text"
    return str(part["type"])


def _output(said: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Return the content of a message: a text alone as it is."""
    if all(part["type"] != "raw" for part in said):
        return joined_text(said)
    return [part["raw"] if part["type"] == "raw" else {"type": "text", "text": part["text"]} for part in said]


def _call(part: Part) -> dict[str, Any]:
    call = {"name": part["name"], "arguments": part["arguments"]}
    return {"type": "function.call", "tool_call_id": short_id(part["id"]), **call}


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Return what a user says; a conversation takes no sounds."""
    return wire_content(sendable(parts, "image", "file"), wire_chunks)


class ConversationReader:
    """Reads the events of one reply, or a whole one."""

    def __init__(self, request: ProviderRequest) -> None:
        self.is_whole: bool = False
        self.is_over: bool = False
        self._conversation_id = request.native_id
        self._model = request.model
        self._limit = token_count(request.options.get("max_tokens"))
        self._calls = CallPieces(CallIds(request.messages).next)
        self._named: tuple[str | None, str | None] = (None, None)
        self._items: list[dict[str, Any]] = []  # of the outline, in the order in which they came
        self._own: dict[Any, dict[str, Any]] = {}
        self._work: WholeItems[dict[str, Any]] = WholeItems()  # what Mistral did itself, in that order
        self._n_vendors = 0
        self._sources = Sources()
        self._n_chars = 0
        self._usage = Usage()

    def read(self, body: Any, name: str = "") -> Iterator[ProviderEvent]:
        """Take an event; those that are not known are passed over.

        Raises
        ------
        ReportedError
            The service failed in the midst of its reply.
        """
        match body.get("type") or name:
            case "conversation.response.started":
                yield from self._started(body)
            case "message.output.delta":
                yield from self._said(body)
            case "function.call.delta":
                yield from self._name(body, is_message=False)
                self._read_call((body.get("id"), body.get("output_index")), body)
            case "conversation.response.done":
                yield from self._done(body)
            case "conversation.response.error":
                raise ReportedError(read_fault({"error": body}))
            case _ if body.get("error"):
                raise ReportedError(read_fault(body))
            case kind if found := _OWN.fullmatch(str(kind)):
                yield from self._read_own(found[1], found[2], body)

    def read_whole(self, body: Any) -> Iterator[ProviderEvent]:
        """Take a whole answer; raises what `read` raises.

        Raises
        ------
        ReportedError
            The service reports an error in place of an answer.
        """
        if body.get("error"):
            raise ReportedError(read_fault(body))
        yield from self._started(body)
        for index, output in enumerate(body["outputs"]):
            if output.get("type") == "message.output":
                yield from self._said(output)
            elif output.get("type") == "function.call":
                yield from self._name(output, is_message=False)
                self._read_call((index,), output)
            else:
                yield from self._add_vendors(index, as_object(output), is_whole=True)
        yield from self._done(body)

    def finish(self) -> Iterator[ProviderEvent]:
        """Return the calls of tools and the end; its reason is not reported, except for a full limit."""
        calls = self._calls.parts()
        items = [*self._items, *(call_item(call["id"]) for call in calls)]
        if (outline := outline_part(DIALECT, self._model, items)) is not None:
            yield PartDone(outline)
        yield from map(_vendor, self._work.rest())
        yield from map(PartDone, calls)
        yield from self._sources.parts(self._n_chars)
        output = self._usage.output_tokens
        reason = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        if self._limit is not None and output is not None and output >= self._limit:
            reason = FinishReason.LENGTH
        yield Finish(reason)

    def held(self) -> list[PartDone]:
        """Return the parts that are whole and were not handed on."""
        return [*map(_vendor, self._work.whole), *self._sources.parts(self._n_chars)]

    def _started(self, body: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        conversation_id = str(body["conversation_id"])
        if self._conversation_id in {None, conversation_id}:
            yield ReplyInfo(native_id=conversation_id)
        else:
            _log.warning(
                "Mistral did not continue the conversation %s: the history is sent again with the next message.",
                one_line(self._conversation_id or "", 100),
            )

    def _said(self, output: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        yield from self._name(output, is_message=True)
        content = output.get("content")
        for chunk in content if isinstance(content, list) else [content]:
            if isinstance(chunk, dict) and chunk.get("type") in _CHUNKS:
                yield from self._read_chunk(chunk)
            for delta in _said(chunk):
                if delta.kind == "text":
                    self._note_text(len(delta.text))
                yield delta

    def _read_chunk(self, chunk: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        """Take a chunk beside the text; a source stands for what came before it."""
        add_reference(self._sources, chunk, self._n_chars)
        return self._add_vendors(("chunk", self._n_vendors), dict(chunk), is_whole=True)

    def _add_vendors(
        self, place: Any, item: dict[str, Any], *, is_whole: bool = False
    ) -> Iterator[ProviderEvent]:
        is_known = item.get("type") in _KNOWN
        self._items.append(vendor_item(self._n_vendors, is_bound=None if is_known else True))
        self._n_vendors += 1
        self._work.begin(place, item)
        return map(_vendor, self._work.end(place) if is_whole else ())

    def _note_text(self, n_chars: int) -> None:
        self._n_chars += n_chars
        if not self._items or "text" not in self._items[-1]:
            self._items.append(text_item(0))
        self._items[-1]["text"] += n_chars

    def _read_own(self, kind: str, step: str, body: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        """Take an event about an entry of Mistral's own; what it says of the arguments comes in pieces."""
        place = body.get("output_index", body.get("id"))
        entry = self._own.get(place)
        if entry is None:
            entry = self._own[place] = {"type": kind}
            self._add_vendors(place, entry)
        told = {name: value for name, value in body.items() if name not in _NOT_OF_AN_ENTRY}
        if step == "delta":
            told["arguments"] = f"{entry.get('arguments') or ''}{told.get('arguments') or ''}"
        entry |= {name: value for name, value in told.items() if value is not None}
        return map(_vendor, self._work.end(place) if step == "done" else ())

    def _name(self, output: Mapping[str, Any], *, is_message: bool) -> Iterator[ProviderEvent]:
        model, known = output.get("model"), self._named
        message_id = output.get("id") if is_message else None
        named = model or known[0], message_id or known[1]
        if named != known:
            self._named = named
            yield ReplyInfo(model=model, provider_message_id=message_id)

    def _read_call(self, places: Sequence[Any], piece: Mapping[str, Any]) -> None:
        told = {name: piece.get(name) for name in ("name", "arguments")}
        self._calls.take(places, call_id=piece.get("tool_call_id"), **told)

    def _done(self, body: Mapping[str, Any]) -> Iterator[ProviderEvent]:
        usage = body.get("usage") or {}
        self._usage = Usage(
            input_tokens=token_count(usage.get("prompt_tokens")),
            output_tokens=token_count(usage.get("completion_tokens")),
        )
        if self._usage != Usage():
            yield self._usage
        details = {name: usage[name] for name in ("connector_tokens", "connectors") if usage.get(name)}
        if details:
            yield ReplyInfo(details=details)
        self.is_whole = self.is_over = True


def _said(chunk: Any) -> Iterator[Delta]:
    """Return a piece of content, text or a chunk, as what it is to us."""
    if isinstance(chunk, str):
        if chunk:
            yield Delta(chunk)
    elif chunk and chunk.get("type") == "text":
        yield from _said(chunk["text"])
    elif chunk and chunk.get("type") == "thinking":
        texts = [piece.get("text") for piece in chunk["thinking"]]
        yield from (Delta(text, "reasoning") for text in texts if text)


def add_reference(sources: Sources, chunk: Mapping[str, Any], at: int) -> None:
    """Add what a chunk names as a source, after this many characters of the text."""
    if chunk.get("type") == "tool_reference":
        told = {"url": chunk.get("url"), "title": chunk.get("title"), "quote": chunk.get("description")}
        sources.add_behind(at, **told)
    elif chunk.get("type") == "reference":
        for name in chunk.get("reference_ids") or ():
            sources.add_behind(at, title=f"reference {name}")


def _vendor(item: Mapping[str, Any]) -> PartDone:
    return PartDone(_described(item))


def _described(item: Mapping[str, Any]) -> Part:
    """Return what Mistral did itself as a part of the message."""
    kind, name = str(item.get("type")), as_words(item.get("name") or item.get("tool"))
    if kind == "tool.execution":
        line = _NAMES.get(name) or f"used {name.replace('_', ' ')}"
        told = arguments_object({"arguments": as_words(item.get("arguments"))})
        if name.startswith("web_search"):
            line = searched([told.get("query")])
        words = lines(
            texts(told, "code", "prompt") or [as_words(item.get("arguments"))], [as_words(item.get("info"))]
        )
        return vendor_part(kind, item, line, words)
    if kind == "agent.handoff":
        return vendor_part(
            kind, item, f"handed over to {first_text(item, 'next_agent_name', 'next_agent_id')}"
        )
    if kind == "tool_file":
        return vendor_part(kind, item, f"made the file {first_text(item, 'file_name', 'file_id')}")
    if kind in _CHUNKS:
        named = first_text(item, "title") or as_words(item.get("reference_ids"))
        return vendor_part(kind, item, f"named a source: {named}")
    return vendor_part(kind, item)


_NAMES = {
    "code_interpreter": "ran code",
    "image_generation": "made a picture",
    "document_library": "searched documents",
}
