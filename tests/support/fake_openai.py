"""A small model of OpenAI's Responses and Conversations: strict, with a memory, and able to lose it.

It is a script for `FaultyServer`: ``server.script(FakeOpenAI(key))``.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.support.fake_services import FakeService
from tests.support.faulty import Reply, SeenRequest

_FIELDS = {
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "temperature",
    "tools",
    "top_p",
}


class FakeOpenAI(FakeService):
    """The service; conversations hold items.

    Attributes
    ----------
    output : list or None
        The items of the next answer, instead of a message with the next text.
    locked : int
        So many requests to conversations are still refused because another one is at work.
    keeps_conversations : bool
        Whether it knows the Conversations API.
    is_silent : bool
        Whether its replies do not name the conversation that they were added to.
    looked : int
        How often it was asked what a conversation holds.
    asked : asyncio.Event
        Set when a request for a response has come.
    """

    key_header = "authorization"
    key_prefix = "Bearer "

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.output: list[dict[str, Any]] | None = None
        self.locked = 0
        self.keeps_conversations = True
        self.is_silent = False
        self.looked = 0
        self.asked = asyncio.Event()
        self._begun = 0

    def route(self, request: SeenRequest, path: list[str]) -> Reply:
        if path == ["responses"]:
            return self._respond(request.json)
        assert path[0] == "conversations", path
        if not self.keeps_conversations:
            return _error(404, "Not found")
        if len(path) == 1:
            assert request.json.keys() <= {"items", "metadata"}
            self._begun += 1
            native_id = f"conv_{self._begun}"
            self.held[native_id] = []
            return Reply.json({"id": native_id, "object": "conversation", "created_at": 1, "metadata": {}})
        if path[1] not in self.held:
            return _not_found(path[1])
        if path[2:] == ["items"] and request.method == "GET":
            self.looked += 1
            return Reply.json({"object": "list", "data": self.held[path[1]], "has_more": False})
        assert request.method == "DELETE"
        del self.held[path[1]]
        return Reply.json({"id": path[1], "object": "conversation.deleted", "deleted": True})

    def transcript(self, native_id: str) -> list[str]:
        return [line for item in self.held[native_id] for line in _lines(item)]

    def _respond(self, body: dict[str, Any]) -> Reply:
        self.bodies.append(body)
        self.asked.set()
        if unknown := sorted(body.keys() - _FIELDS):
            return _error(400, f"Unknown parameter: {unknown[0]!r}", "unknown_parameter", unknown[0])
        native_id = body.get("conversation")
        if native_id is not None and self.locked:
            self.locked -= 1
            words = "Another process is currently operating on this conversation."
            return _error(400, words, "conversation_locked", "conversation")
        if self.ignores_previous:
            native_id = None
        if native_id is not None and native_id not in self.held:
            return _not_found(native_id)
        output, self.output = self.output or [_message(self._next_text())], None
        if native_id is not None:
            self.held[native_id] += [*body["input"], *output]
        whole = {
            "id": f"resp_{len(self.bodies)}",
            "object": "response",
            "status": "completed",
            "model": f"{body['model']}-2026",
            "output": output,
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
            **({"conversation": {"id": native_id}} if native_id and not self.is_silent else {}),
        }
        if not body.get("stream"):
            return self._instead(Reply.json(whole))
        return self._instead(Reply.events(response_events(whole)))


def response_events(whole: dict[str, Any]) -> bytes:
    """Return a response as a stream; its texts come in pieces that ``|`` parts."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(whole["output"]):
        for content in item.get("content", ()):
            text = content["text"]
            content["text"] = text.replace("|", "")
            events += [
                {"type": "response.output_text.delta", "output_index": index, "delta": piece}
                for piece in text.split("|")
            ]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _error(status: int, message: str, code: str | None = None, param: str | None = None) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Reply.json({"error": error}, status)


def _not_found(native_id: str) -> Reply:
    return _error(404, f"Conversation with id '{native_id}' not found.")


def _lines(item: dict[str, Any]) -> list[str]:
    if "role" not in item:
        return [str(item["type"])]
    content = item["content"]
    texts = [content] if isinstance(content, str) else [piece.get("text", piece["type"]) for piece in content]
    return [f"{item['role']}: {''.join(texts)}"]
