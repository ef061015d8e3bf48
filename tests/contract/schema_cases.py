"""Replies that answer a schema, in each dialect: as text, and as the call of a tool."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route
from tests.contract.provider_cases import PIECES, TEXT, Dialect, event
from tests.contract.provider_dialects import DIALECTS

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Somebody.",
    "properties": {"name": {"type": "string"}, "cities": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "cities"],
    "additionalProperties": False,
}
DATA = {"name": "Zoë 🎉", "cities": ["Köln", "京都"]}
ANSWER = json.dumps(DATA, ensure_ascii=False)
ANSWER_PIECES = (ANSWER[:3], ANSWER[3:13], ANSWER[13:30], ANSWER[30:])
NAME = "person"


def asked(route: Route) -> AskedSchema:
    """Return the schema of the suite."""
    return AskedSchema(NAME, SCHEMA, route)


def request(route: Route, text: str = "Who? As JSON.", **how: Any) -> ProviderRequest:
    """Return a request for an answer of the schema."""
    return ProviderRequest(
        how.pop("model", "test-model"), (SessionMessage(content=text),), schema=asked(route), **how
    )


def said(dialect: Dialect, pieces: Sequence[str] = ANSWER_PIECES) -> bytes:
    """Return the stream of a dialect's sample with another text, in four pieces."""
    told = {
        inside(old): inside(new) for old, new in ((TEXT, "".join(pieces)), *zip(PIECES, pieces, strict=True))
    }
    known = re.compile(b"|".join(map(re.escape, told)))  # all at once: an answer may hold what is looked for
    return known.sub(lambda found: told[found[0]], dialect.stream)


def said_whole(dialect: Dialect, text: str = ANSWER) -> Any:
    """Return the same in one piece."""
    return json.loads(
        json.dumps(dialect.whole, ensure_ascii=False).replace(inside(TEXT).decode(), inside(text).decode())
    )


def inside(text: str) -> bytes:
    """Return a text as it stands in JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


@dataclass(frozen=True)
class Call:
    """A call in a reply."""

    arguments: str = ANSWER
    name: str = NAME
    id: str = "call_1"

    @property
    def pieces(self) -> tuple[str, ...]:
        """The arguments in pieces that cut words and escapes."""
        return tuple(self.arguments[at : at + 7] for at in range(0, len(self.arguments), 7))

    @property
    def value(self) -> Any:
        """The arguments as an object."""
        return json.loads(self.arguments)


@dataclass(frozen=True)
class Calls:
    """How a dialect writes replies with calls."""

    stream: Callable[[Sequence[Call], str, str | None], bytes]
    """Of calls, a text before them, and the word for the end (None: the usual one)."""
    whole: Callable[[Sequence[Call], str, str | None], Any]
    comes_in_pieces: bool = True
    """Whether arguments come in pieces of text, which may be no JSON; else as one object."""
    cut_word: str = "length"
    """Its word for a reply that was cut at a limit."""

    @property
    def dialect(self) -> Dialect:
        """Of which it is."""
        return DIALECTS[next(name for name, calls in CALLS.items() if calls is self)]


# Chat Completions


def _chat_chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    return event(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    )


def _chat_stream(calls: Sequence[Call], text: str, end: str | None) -> bytes:
    body = _chat_chunk({"role": "assistant", "content": text or None})
    for index, call in enumerate(calls):
        function = {"name": call.name, "arguments": ""}
        body += _chat_chunk(
            {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
        )
        for piece in call.pieces:
            body += _chat_chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    return body + _chat_chunk({}, end or "tool_calls") + event("[DONE]")


def _chat_whole(calls: Sequence[Call], text: str, end: str | None) -> Any:
    told = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    message = {"role": "assistant", "content": text or None, "tool_calls": told}
    return {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": end or "tool_calls"}],
    }


# Responses


def _item(call: Call, arguments: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{call.id}",
        "call_id": call.id,
        "name": call.name,
        "arguments": arguments,
        "status": "completed",
    }


def _response(calls: Sequence[Call], text: str, end: str | None) -> dict[str, Any]:
    thinking = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": content}
    output = [thinking, *([message] if text else []), *(_item(call, call.arguments) for call in calls)]
    ended = (
        {"status": "incomplete", "incomplete_details": {"reason": end}} if end else {"status": "completed"}
    )
    return {"id": "resp_1", "object": "response", "model": "m", "output": output, **ended}


def _responses_stream(calls: Sequence[Call], text: str, end: str | None) -> bytes:
    def told(kind: str, **body: Any) -> bytes:
        return event({"type": f"response.{kind}", **body}, f"response.{kind}")

    body = told("created", response={"id": "resp_1", "status": "in_progress"})
    if text:
        body += told("output_text.delta", delta=text, item_id="msg_1", output_index=1, content_index=0)
    for index, call in enumerate(calls, 2):
        place = {"output_index": index, "item_id": f"fc_{call.id}"}
        body += told("output_item.added", output_index=index, item=_item(call, ""))
        for piece in call.pieces:
            body += told("function_call_arguments.delta", delta=piece, **place)
        body += told("function_call_arguments.done", arguments=call.arguments, **place)
        body += told("output_item.done", output_index=index, item=_item(call, call.arguments))
    whole = _response(calls, text, end)
    return body + told("incomplete" if end else "completed", response=whole)


# Messages


def _messages_stream(calls: Sequence[Call], text: str, end: str | None) -> bytes:
    def told(kind: str, **body: Any) -> bytes:
        return event({"type": kind, **body}, kind)

    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    body = told("message_start", message={"id": "msg_1", "model": "m", "content": [], "usage": {}})
    body += told("content_block_start", index=0, content_block=thinking) + told("content_block_stop", index=0)
    if text:
        body += told("content_block_start", index=1, content_block={"type": "text", "text": ""})
        body += told("content_block_delta", index=1, delta={"type": "text_delta", "text": text})
    for index, call in enumerate(calls, 2):
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        body += told("content_block_start", index=index, content_block=block)
        for piece in call.pieces:
            body += told(
                "content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece}
            )
        body += told("content_block_stop", index=index)
    body += told("message_delta", delta={"stop_reason": end or "tool_use"}, usage={"output_tokens": 4})
    return body + told("message_stop")


def _messages_whole(calls: Sequence[Call], text: str, end: str | None) -> Any:
    blocks = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.value} for call in calls]
    content = [{"type": "text", "text": text}, *blocks] if text else blocks
    return {
        "id": "msg_1",
        "type": "message",
        "model": "m",
        "content": content,
        "stop_reason": end or "tool_use",
    }


# generateContent


def _gemini_whole(calls: Sequence[Call], text: str, end: str | None) -> Any:
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    told = [{"name": call.name, "args": call.value} for call in calls]
    parts += [{"functionCall": one, "thoughtSignature": "c2ln"} for one in told]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": end or "STOP"}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r"}


# Cohere


def _cohere_stream(calls: Sequence[Call], text: str, end: str | None) -> bytes:
    def told(kind: str, **body: Any) -> bytes:
        return event({"type": kind, **body}, kind)

    body = told("message-start", id="r", delta={"message": {"role": "assistant"}})
    if text:
        body += told("content-delta", index=0, delta={"message": {"content": {"text": text}}})
    for index, call in enumerate(calls):
        start = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        body += told("tool-call-start", index=index, delta={"message": {"tool_calls": start}})
        for piece in call.pieces:
            more = {"function": {"arguments": piece}}
            body += told("tool-call-delta", index=index, delta={"message": {"tool_calls": more}})
    return body + told("message-end", delta={"finish_reason": end or "TOOL_CALL"}) + event("[DONE]")


def _cohere_whole(calls: Sequence[Call], text: str, end: str | None) -> Any:
    content = [{"type": "text", "text": text}] if text else []
    told = _chat_whole(calls, "", None)["choices"][0]["message"]["tool_calls"]
    message = {"role": "assistant", "content": content, "tool_calls": told}
    return {"id": "r", "finish_reason": end or "TOOL_CALL", "message": message}


# Ollama


def _ollama_whole(calls: Sequence[Call], text: str, end: str | None) -> Any:
    told = [{"function": {"name": call.name, "arguments": call.value}} for call in calls]
    message = {"role": "assistant", "content": text, "tool_calls": told}
    return {"model": "m", "message": message, "done": True, "done_reason": end or "stop"}


def _ollama_stream(calls: Sequence[Call], text: str, end: str | None) -> bytes:
    first = {**_ollama_whole(calls, text, None), "done": False}
    last = _ollama_whole((), "", end)
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in (first, last))


CALLS: Mapping[str, Calls] = {
    "chat": Calls(_chat_stream, _chat_whole),
    "responses": Calls(_responses_stream, _response, cut_word="max_output_tokens"),
    "messages": Calls(_messages_stream, _messages_whole, cut_word="max_tokens"),
    "gemini": Calls(
        lambda *told: event(_gemini_whole(*told)),
        _gemini_whole,
        comes_in_pieces=False,
        cut_word="MAX_TOKENS",
    ),
    "mistral": Calls(_chat_stream, _chat_whole),
    "cohere": Calls(_cohere_stream, _cohere_whole, cut_word="MAX_TOKENS"),
    "ollama": Calls(_ollama_stream, _ollama_whole, comes_in_pieces=False),
}
"""Dialects that have a tool for an answer. Conversations that a service holds have none."""
