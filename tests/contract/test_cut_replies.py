"""A reply that breaks off at any event keeps what was whole of it by then: items of the service, pictures, sources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from langswarm_nb.core.session import StreamInterruptedError, create_session_manager
from langswarm_nb.core.session.messages import SessionMessage
from tests.contract import cases_cohere, cases_gemini, cases_messages, cases_mistral, cases_responses
from tests.contract.provider_cases import CHAT
from tests.contract.provider_dialects import DIALECTS
from tests.support.replay import Replay
from tests.support.waits import PATIENCE_S

URL = "https://a.example/"
PNG = "iVBORw0KGgo="
TEXT = "So it is."


@dataclass(frozen=True)
class Case:
    """The events of a reply that says `TEXT`, each with what is whole once it has come."""

    create: Callable[[str], Any]
    events: list[tuple[Mapping[str, Any], list[str]]]

    @property
    def pieces(self) -> list[bytes]:
        """The events as they are sent."""
        return [b"data: " + json.dumps(body).encode() + b"\n\n" for body, _ in self.events]

    def whole(self, n_events: int) -> list[str]:
        """Return what is whole after so many events."""
        return sorted(mark for _, marks in self.events[:n_events] for mark in marks)


def mark(message: SessionMessage, part: Mapping[str, Any]) -> str:
    """Return what tells a part from others: its kind, or the words that a source stands for."""
    if part["type"] == "vendor":
        return str(part["kind"])
    if part["type"] == "citation":
        place = message.content[part["start"] : part["end"]] if "start" in part else ""
        return f"{part.get('url', part.get('title'))}|{place}"
    return str(part["type"])


def kept(message: SessionMessage) -> list[str]:
    shown = {"vendor", "citation", "image"}
    return sorted(mark(message, part) for part in message.parts if part["type"] in shown)


# Responses


def _note(start: int, end: int) -> dict[str, Any]:
    return {"type": "url_citation", "url": URL, "title": "A", "start_index": start, "end_index": end}


def _contents(*texts: str) -> list[dict[str, Any]]:
    return [
        {"type": "output_text", "text": text, "annotations": [_note(0, 2)], "logprobs": []} for text in texts
    ]


_SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}
_DRAWN = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG}
_MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": _contents("So ", "it is.")}
_RESPONSE = {"id": "resp_1", "model": "m", "status": "completed", "output": [_SEARCH, _DRAWN, _MESSAGE]}
_ADDED = "response.output_text.annotation.added"
RESPONSES: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"type": "response.created", "response": {"id": "resp_1", "model": "m", "status": "in_progress"}}, []),
    ({"type": "response.output_item.added", "output_index": 0, "item": {"type": "web_search_call"}}, []),
    ({"type": "response.output_item.done", "output_index": 0, "item": _SEARCH}, ["web_search_call"]),
    (
        {"type": "response.output_item.done", "output_index": 1, "item": _DRAWN},
        ["image_generation_call", "image"],
    ),
    ({"type": "response.output_text.delta", "content_index": 0, "delta": "So "}, []),
    ({"type": _ADDED, "content_index": 0, "annotation": _note(0, 2)}, [f"{URL}|So"]),
    ({"type": "response.content_part.done", "content_index": 0, "part": _contents("So ")[0]}, []),
    ({"type": "response.output_text.delta", "content_index": 1, "delta": "it is."}, []),
    ({"type": _ADDED, "content_index": 1, "annotation": _note(0, 2)}, [f"{URL}|it"]),
    ({"type": "response.output_item.done", "output_index": 2, "item": _MESSAGE}, []),
    ({"type": "response.completed", "response": _RESPONSE}, []),
]

# Messages


def _block(kind: str, **how: Any) -> dict[str, Any]:
    return {"type": f"content_block_{kind}", **how}


_CITED = {"type": "web_search_result_location", "url": URL, "title": "A", "encrypted_index": "e"}
MESSAGES: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"type": "message_start", "message": {"id": "m1", "model": "m"}}, []),
    (
        _block("start", index=0, content_block={"type": "server_tool_use", "id": "s1", "name": "web_search"}),
        [],
    ),
    (_block("delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"query": "q"}'}), []),
    (_block("stop", index=0), ["server_tool_use"]),
    (
        _block(
            "start",
            index=1,
            content_block={"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        ),
        [],
    ),
    (_block("stop", index=1), ["web_search_tool_result"]),
    (_block("start", index=2, content_block={"type": "text", "text": ""}), []),
    (_block("delta", index=2, delta={"type": "text_delta", "text": TEXT}), []),
    (_block("delta", index=2, delta={"type": "citations_delta", "citation": _CITED}), [f"{URL}|{TEXT}"]),
    (_block("stop", index=2), []),
    ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, []),
    ({"type": "message_stop"}, []),
]

# Gemini


def _candidate(*parts: Mapping[str, Any], **how: Any) -> dict[str, Any]:
    return {"modelVersion": "m", "candidates": [{"content": {"parts": list(parts)}, **how}]}


_GROUNDING = {
    "webSearchQueries": ["q"],
    "groundingChunks": [{"web": {"uri": URL, "title": "A"}}],
    "groundingSupports": [{"segment": {"endIndex": 2, "text": "So"}, "groundingChunkIndices": [0]}],
}
GENERATE: list[tuple[Mapping[str, Any], list[str]]] = [
    (_candidate({"executableCode": {"language": "PYTHON", "code": "1"}}), ["executableCode"]),
    (_candidate({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}), ["codeExecutionResult"]),
    (_candidate({"inlineData": {"mimeType": "image/png", "data": PNG}}), ["image"]),
    (_candidate({"text": "So it"}), []),
    (_candidate(groundingMetadata=_GROUNDING), ["groundingMetadata", f"{URL}|So"]),
    (_candidate({"text": " is."}), []),
    (_candidate(finishReason="STOP"), []),
]


def _step(kind: str, index: int, **how: Any) -> dict[str, Any]:
    return {"event_type": f"step.{kind}", "index": index, **how}


INTERACTION: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"event_type": "interaction.created", "interaction": {"id": "v1", "model": "m"}}, []),
    (_step("start", 0, step={"type": "thought"}), []),
    (
        _step("delta", 0, delta={"type": "thought_summary", "content": {"type": "text", "text": "I look."}}),
        [],
    ),
    (_step("delta", 0, delta={"type": "thought_signature", "signature": "c2ln"}), []),
    (_step("stop", 0), []),
    (_step("start", 1, step={"type": "google_search_call", "id": "g1"}), []),
    (_step("delta", 1, delta={"type": "google_search_call", "arguments": {"queries": ["q"]}}), []),
    (_step("stop", 1), ["google_search_call"]),
    (_step("start", 2, step={"type": "google_search_result", "call_id": "g1"}), []),
    (_step("stop", 2), ["google_search_result"]),
    (_step("start", 3, step={"type": "thought"}), []),
    (
        _step("delta", 3, delta={"type": "thought_summary", "content": {"type": "text", "text": "I say."}}),
        [],
    ),
    (_step("stop", 3), []),
    (_step("start", 4, step={"type": "model_output"}), []),
    (_step("delta", 4, delta={"type": "text", "text": TEXT}), []),
    (
        _step("delta", 4, delta={"type": "text_annotation_delta", "annotations": [_note(0, 2)]}),
        [f"{URL}|So"],
    ),
    (_step("delta", 4, delta={"type": "image", "mime_type": "image/png", "data": PNG}), ["image"]),
    (_step("stop", 4), []),
    (
        {
            "event_type": "interaction.completed",
            "interaction": {"id": "v1", "model": "m", "status": "completed"},
        },
        [],
    ),
]

# Mistral's conversations


def _execution(step: str, index: int, **how: Any) -> dict[str, Any]:
    return {"type": f"tool.execution.{step}", "id": f"te_{index}", "output_index": index, **how}


def _output(content: Any) -> dict[str, Any]:
    return {
        "type": "message.output.delta",
        "id": "msg_1",
        "model": "m",
        "output_index": 2,
        "content": content,
    }


CONVERSATION: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"type": "conversation.response.started", "conversation_id": "conv_1"}, []),
    (_execution("started", 0, name="web_search", arguments=""), []),
    (_execution("started", 1, name="code_interpreter", arguments=""), []),
    (_execution("delta", 0, name="web_search", arguments='{"query": "q"}'), []),
    (_execution("done", 1, name="code_interpreter", info={"code": "1"}), ["tool.execution"]),
    (_execution("done", 0, name="web_search", info={}), ["tool.execution"]),
    (_output("So it"), []),
    (
        _output({"type": "tool_reference", "tool": "web_search", "title": "A", "url": URL}),
        ["tool_reference", f"{URL}|So it"],
    ),
    (_output({"type": "tool_file", "tool": "image_generation", "file_id": "f1"}), ["tool_file"]),
    (_output(" is."), []),
    ({"type": "conversation.response.done", "usage": {}}, []),
]

# Chat Completions


def _delta(finish: str | None = None, **how: Any) -> dict[str, Any]:
    beside = {name: how.pop(name) for name in ("citations", "search_results") if name in how}
    choice = {"index": 0, "delta": how, "finish_reason": finish}
    chunk: dict[str, Any] = {"id": "c", "model": "m", "choices": [choice]}
    return chunk | beside


def _ran(index: int, kind: str, **how: Any) -> dict[str, Any]:
    return _delta(executed_tools=[{"index": index, "type": kind, "arguments": '{"query": "q"}', **how}])


GROQ: list[tuple[Mapping[str, Any], list[str]]] = [
    (_ran(0, "search"), []),
    (_ran(1, "python"), []),
    (_ran(1, "python", code_results=[{"text": "2"}]), ["python"]),
    (_ran(0, "search", output="Title: A", search_results={"results": [{"url": URL}]}), ["search"]),
    (_delta(content=TEXT), []),
    (
        _delta(annotations=[{"type": "document_citation", "document_citation": {"document_id": "d"}}]),
        ["d|"],
    ),
    (_delta("stop"), []),
]
OPENROUTER: list[tuple[Mapping[str, Any], list[str]]] = [
    (_delta(content="So it"), []),
    (_delta(annotations=[{"type": "url_citation", "url_citation": _note(0, 2)}]), [f"{URL}|So"]),
    (_delta(images=[{"image_url": {"url": f"data:image/png;base64,{PNG}"}}]), ["image"]),
    (_delta(content=" is."), []),
    (_delta("stop"), []),
]
PERPLEXITY: list[tuple[Mapping[str, Any], list[str]]] = [
    (_delta(content="So it", citations=[URL], search_results=[]), [f"{URL}|"]),
    (
        _delta(content=" is.", citations=[URL, f"{URL}b"], search_results=[{"url": f"{URL}b", "title": "B"}]),
        [f"{URL}b|"],
    ),
    (_delta("stop", citations=[URL, f"{URL}b"]), []),
]
MISTRAL: list[tuple[Mapping[str, Any], list[str]]] = [
    (_delta(content=[{"type": "text", "text": "So it"}]), []),
    (_delta(content=[{"type": "reference", "reference_ids": [7]}]), ["reference 7|So it"]),
    (_delta(content=" is."), []),
    (_delta("stop"), []),
]

# Cohere

_CITATION = {
    "start": 0,
    "end": 2,
    "text": "So",
    "type": "TEXT_CONTENT",
    "sources": [{"type": "document", "id": "d", "document": {"title": "A", "url": URL}}],
}
COHERE: list[tuple[Mapping[str, Any], list[str]]] = [
    ({"type": "message-start", "id": "c"}, []),
    ({"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text"}}}}, []),
    ({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": TEXT}}}}, []),
    (
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": _CITATION}}},
        [f"{URL}|So"],
    ),
    ({"type": "citation-end", "index": 0}, []),
    ({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}, []),
]

CASES = {
    "responses": Case(cases_responses.RESPONSES.create, RESPONSES),
    "messages": Case(cases_messages.MESSAGES.create, MESSAGES),
    "gemini": Case(cases_gemini.GEMINI.create, GENERATE),
    "gemini-interactions": Case(cases_gemini.INTERACTIONS.create, INTERACTION),
    "mistral-conversations": Case(cases_mistral.CONVERSATIONS.create, CONVERSATION),
    "chat": Case(CHAT.create, GROQ),
    "chat (openrouter)": Case(CHAT.create, OPENROUTER),
    "chat (perplexity)": Case(CHAT.create, PERPLEXITY),
    "mistral": Case(cases_mistral.MISTRAL.create, MISTRAL),
    "cohere": Case(cases_cohere.COHERE.create, COHERE),
}


def test_every_dialect_takes_part() -> None:
    """But that of Ollama, whose replies hold nothing but text, thinking and calls."""
    assert DIALECTS.keys() - CASES.keys() == {"ollama"}


class _Silent(Replay):
    """Says no more after its pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__(pieces, breaks=True)
        self.is_silent = asyncio.Event()

    async def send(self, outgoing: Any) -> Any:
        answer = await super().send(outgoing)
        read = answer.next_chunk

        async def wait_at_the_end() -> bytes:
            try:
                return bytes(await read())
            except ConnectionResetError:
                self.is_silent.set()
                await asyncio.Event().wait()
                raise

        answer.next_chunk = wait_at_the_end
        return answer


async def _stopped(session: Any, provider: Any, pieces: list[bytes]) -> SessionMessage:
    """Return what is kept of a reply that its reader stops after some pieces; before it is, it can be looked at."""
    replay = _Silent(pieces)
    replay.into(provider)
    stream = session.stream_message("Hi", provider_session=provider)
    reading = asyncio.ensure_future(stream.read())
    async with asyncio.timeout(PATIENCE_S):
        await replay.is_silent.wait()
    seen = stream.partial
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    reply: SessionMessage = (await session.get_messages())[-1]
    assert kept(reply) == kept(seen)
    return reply


async def _cut(session: Any, provider: Any, pieces: list[bytes], *, breaks: bool) -> SessionMessage:
    """Return what is kept of a reply whose connection ends or breaks after some pieces."""
    Replay(pieces, breaks=breaks).into(provider)
    with pytest.raises(StreamInterruptedError):
        await session.stream_message("Hi", provider_session=provider).read()
    reply: SessionMessage = (await session.get_messages())[-1]
    return reply


@pytest.mark.parametrize("way", ["stopped", "ended", "broken"])
@pytest.mark.parametrize("name", CASES)
async def test_what_was_whole_of_a_reply_is_kept_wherever_it_breaks_off(name: str, way: str) -> None:
    """Cut after each event, by its reader or by the connection: no part is missing, none is there twice or in part."""
    case = CASES[name]
    pieces = case.pieces
    async with create_session_manager("memory") as manager:
        for n_events in range(1, len(pieces) + 1):
            session = await manager.create_session("ada", "mock", "m")
            provider = case.create("http://127.0.0.1:9")
            if n_events == len(pieces):
                Replay(pieces).into(provider)
                reply = await session.stream_message("Hi", provider_session=provider).read()
                assert reply.content == TEXT
            elif way == "stopped":
                reply = await _stopped(session, provider, pieces[:n_events])
            else:
                reply = await _cut(session, provider, pieces[:n_events], breaks=way == "broken")
            assert kept(reply) == case.whole(n_events), n_events
            assert TEXT.startswith(reply.content)
            assert name != "gemini-interactions" or "I look.\n\nI say.".startswith(reply.reasoning)
