"""Small models of the services that hold conversations: strict, with a memory, and able to lose it.

Each is a script for `FaultyServer`: ``server.script(FakeInteractions())``.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.support.faulty import Reply, SeenRequest


class FakeService:
    """What the fakes have in common.

    Attributes
    ----------
    texts : deque of str
        What it answers, in turn; then ``r1``, ``r2``, … by the number of the request.
    bodies : list
        The JSON of the requests that added to a conversation.
    next_reply : Reply or None
        Sent instead of the next answer, although the question is kept, as a server may have it.
    held : dict
        The conversations by id; empty it to play a service that lost them.
    ignores_previous : bool
        Whether it takes no notice of the conversation that a request is for.
    """

    key_header: str
    key_prefix = ""

    def __init__(self, key: str) -> None:
        self.texts: deque[str] = deque()
        self.bodies: list[dict[str, Any]] = []
        self.next_reply: Reply | None = None
        self.held: dict[str, Any] = {}
        self.ignores_previous = False
        self._key = key
        self._answers = 0

    def __call__(self, request: SeenRequest) -> Reply:
        """Answer a request."""
        if request.headers.get(self.key_header) != self.key_prefix + self._key:
            return Reply.json({"error": {"message": "no key", "code": "unauthenticated"}}, 401)
        path, _, _ = request.path.partition("?")
        assert self._key not in request.path, "a key in an address ends in logs"
        return self.route(request, [unquote(piece) for piece in path.strip("/").split("/")])

    def route(self, request: SeenRequest, path: list[str]) -> Reply:
        """Answer a request with the right key."""
        raise NotImplementedError

    def transcript(self, native_id: str) -> list[str]:
        """Return what a conversation holds, as ``role: text``."""
        raise NotImplementedError

    def _next_text(self) -> str:
        self._answers += 1
        return self.texts.popleft() if self.texts else f"r{self._answers}"

    def _instead(self, reply: Reply) -> Reply:
        instead, self.next_reply = self.next_reply, None
        return reply if instead is None else instead


@dataclass
class _Interaction:
    previous: str | None
    steps: list[dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)


_INTERACTION_FIELDS = {
    "model",
    "input",
    "previous_interaction_id",
    "system_instruction",
    "generation_config",
    "response_format",
    "tools",
    "store",
    "stream",
}


class FakeInteractions(FakeService):
    """Google's Interactions API: each interaction continues the one that it names."""

    key_header = "x-goog-api-key"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.tells_previous = True
        """Whether answers say which interaction they continue."""

    def route(self, request: SeenRequest, path: list[str]) -> Reply:
        assert path[:2] == ["v1beta", "interactions"], path
        if request.method == "POST" and len(path) == 2:
            return self._create(request.json)
        native_id = path[2]
        if native_id not in self.held:
            return _google_error(400, f"Invalid interaction name: interactions/{native_id}")
        if request.method == "DELETE":
            del self.held[native_id]
            return Reply.json({})
        return Reply.json({"id": native_id, "status": "completed", "steps": self.held[native_id].steps})

    def transcript(self, native_id: str) -> list[str]:
        held = self.held[native_id]
        before = self.transcript(held.previous) if held.previous else []
        return before + [line for step in held.steps for line in _step_lines(step)]

    def _create(self, body: dict[str, Any]) -> Reply:
        self.bodies.append(body)
        if unknown := body.keys() - _INTERACTION_FIELDS:
            return _google_error(400, f"Unknown parameters: {sorted(unknown)}")
        previous = body.get("previous_interaction_id")
        if previous is not None and previous not in self.held:
            return _google_error(400, f"Invalid interaction name: interactions/{previous}")
        if self.ignores_previous:
            previous = None
        native_id, text = f"v1_{len(self.bodies)}/é", self._next_text()
        steps = [*_input_steps(body["input"]), {"type": "model_output", "content": [_text_content(text)]}]
        settings: dict[str, Any] = {
            name: body[name] for name in ("system_instruction", "generation_config") if name in body
        }
        self.held[native_id] = _Interaction(previous, steps, settings)
        about: dict[str, Any] = {"id": native_id, "object": "interaction", "model": body["model"]}
        if self.tells_previous:
            about["previous_interaction_id"] = previous
        usage = {"total_input_tokens": 5, "total_output_tokens": 2, "total_thought_tokens": 3}
        whole = {**about, "status": "completed", "usage": usage}
        if not body.get("stream"):
            return self._instead(Reply.json({**whole, "steps": steps[-1:]}))
        return self._instead(Reply.events(interaction_events(about, whole, text)))


def interaction_events(about: dict[str, Any], whole: dict[str, Any], text: str) -> bytes:
    """Return an interaction as a stream, in the order in which Google's came."""
    events: list[dict[str, Any]] = [
        {"event_type": "interaction.created", "interaction": {**about, "status": "in_progress"}},
        {"event_type": "interaction.status_update", "interaction_id": about["id"], "status": "in_progress"},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "c2ln"}},
        {"event_type": "step.stop", "index": 0},
        {"event_type": "step.start", "index": 1, "step": {"type": "model_output"}},
        *(
            {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": piece}}
            for piece in text.split("|")
        ),
        {"event_type": "step.stop", "index": 1},
        {"event_type": "interaction.completed", "interaction": whole},
    ]
    body = b": keep-alive\n\n"
    for event in events:
        body += f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n".encode()
    return body + b"event: done\ndata: [DONE]\n\n"


def _google_error(status: int, message: str) -> Reply:
    return Reply.json({"error": {"message": message, "code": "invalid_request"}}, status)


def _text_content(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _input_steps(given: Any) -> list[dict[str, Any]]:
    return [{"type": "user_input", "content": [_text_content(given)]}] if isinstance(given, str) else given


def _step_lines(step: dict[str, Any]) -> list[str]:
    roles = {"user_input": "user", "model_output": "assistant"}
    if step["type"] not in roles:
        return [step["type"]]
    return [f"{roles[step['type']]}: {item.get('text', item['type'])}" for item in step["content"]]


@dataclass
class _Conversation:
    begun_with: dict[str, Any]
    entries: list[dict[str, Any]]


_APPEND_FIELDS = {"inputs", "completion_args", "store", "stream", "handoff_execution"}
_CREATE_FIELDS = _APPEND_FIELDS | {
    "model",
    "instructions",
    "tools",
    "name",
    "description",
    "metadata",
    "agent_id",
}


class FakeConversations(FakeService):
    """Mistral's Conversations API: a conversation grows with each request to it."""

    key_header = "authorization"
    key_prefix = "Bearer "

    def route(self, request: SeenRequest, path: list[str]) -> Reply:
        assert path[:2] == ["v1", "conversations"], path
        if len(path) == 2:
            return self._create(request.json)
        held = self.held.get(path[2])
        if held is None:
            return Reply.json({"object": "error", "message": "Conversation not found", "code": "3000"}, 404)
        if request.method == "DELETE":
            del self.held[path[2]]
            return Reply(204)
        if request.method == "GET":
            return Reply.json({"object": "conversation", "id": path[2], **held.begun_with})
        if self.ignores_previous:
            return self._create({"model": "m", **request.json})
        return self._answer(path[2], request.json, _APPEND_FIELDS)

    def transcript(self, native_id: str) -> list[str]:
        return [line for entry in self.held[native_id].entries for line in _entry_lines(entry)]

    def _create(self, body: dict[str, Any]) -> Reply:
        native_id = f"conv_{len(self.bodies) + 1}"
        begun_with: dict[str, Any] = {
            name: body[name] for name in ("model", "instructions", "tools") if name in body
        }
        self.held[native_id] = _Conversation(begun_with, [])
        return self._answer(native_id, body, _CREATE_FIELDS)

    def _answer(self, native_id: str, body: dict[str, Any], fields: set[str]) -> Reply:
        self.bodies.append(body)
        if unknown := sorted(body.keys() - fields):
            problem = {"type": "extra_forbidden", "loc": ["body", unknown[0]], "msg": "Extra inputs"}
            return Reply.json({"object": "error", "message": {"detail": [problem]}, "code": None}, 422)
        held, text = self.held[native_id], self._next_text()
        given = body["inputs"]
        held.entries += (
            [{"type": "message.input", "role": "user", "content": given}] if isinstance(given, str) else given
        )
        held.entries.append({"type": "message.output", "content": text})
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        output = {
            "type": "message.output",
            "id": "msg_1",
            "role": "assistant",
            "model": held.begun_with["model"],
        }
        if not body.get("stream"):
            outputs = [{**output, "content": text}]
            answer = {
                "object": "conversation.response",
                "conversation_id": native_id,
                "outputs": outputs,
                "usage": usage,
            }
            return self._instead(Reply.json(answer))
        return self._instead(Reply.events(conversation_events(native_id, output, text, usage)))


def conversation_events(native_id: str, output: dict[str, Any], text: str, usage: dict[str, Any]) -> bytes:
    """Return a conversation's answer as a stream, as the vendor's types have it."""
    events: list[dict[str, Any]] = [
        {"type": "conversation.response.started", "conversation_id": native_id},
        *({**output, "type": "message.output.delta", "content": piece} for piece in text.split("|")),
        {"type": "conversation.response.done", "usage": usage},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _entry_lines(entry: dict[str, Any]) -> list[str]:
    roles = {"message.input": "user", "message.output": "assistant"}
    return [f"{roles[entry['type']]}: {entry['content']}"] if entry["type"] in roles else [entry["type"]]
