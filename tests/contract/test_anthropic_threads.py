"""Anthropic's message threads, over their whole way: manager, session, provider, sockets, service."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderRequestError,
    ProviderSessionError,
    SessionManager,
    StreamInterruptedError,
    create_session_manager,
)
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.providers.anthropic import AnthropicProviderSession
from tests.contract.provider_cases import event
from tests.support.faulty import FaultyServer, Reply, SeenRequest

KEY = "sk-ant-canary-Zk8QvT3mXw9LbR5nYp2HdJ7s"
_BEGUN = event(
    {"type": "message_start", "message": {"id": "msg_x", "model": "m", "usage": {"input_tokens": 3}}}
)


class FakeThreads:
    """A small model of the service: strict, with a memory of minutes, and able to lose it.

    Attributes
    ----------
    bodies : list
        The JSON of the requests.
    held : dict
        For each reply that can be gone on with: what was said until then, and the fields that may not change.
    refuses : str or None
        The error code for the next request with a thread.
    inside : bytes or None
        What comes before that error, in a stream; None refuses with a status.
    next_reply : Reply or None
        Sent instead of the next answer.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.held: dict[str, tuple[list[Any], dict[str, Any]]] = {}
        self.refuses: str | None = None
        self.inside: bytes | None = None
        self.next_reply: Reply | None = None
        self.heard: list[list[str]] = []
        self.output: list[dict[str, Any]] | None = None

    def __call__(self, request: SeenRequest) -> Reply:
        assert request.headers["x-api-key"] == KEY
        body = request.json
        self.bodies.append(body)
        thread = body.get("thread")
        if thread is not None:
            assert "message-threads-2026-08-12" in request.headers["anthropic-beta"]
            if self.refuses is not None:
                code, self.refuses = self.refuses, None
                refusal = _error(404 if code == "thread_not_found" else 400, code)
                return refusal if self.inside is None else Reply.events(self.inside + _data(refusal.body))
        messages, fixed = body["messages"], _fixed(body)
        if thread is not None and thread["type"] == "continue":
            assert not body.keys() & {"system", "tools"}, "refused in a thread that goes on"
            if thread["previous_message_id"] not in self.held:
                return _error(404, "thread_not_found")
            before, as_before = self.held.pop(thread["previous_message_id"])
            if fixed != as_before:
                return _error(400, "thread_fingerprint_mismatch")
            messages = [*before, *messages]
        self.heard.append([_text(message) for message in messages])
        reply_id, content = f"msg_{len(self.bodies)}", self.output or [_block(f"r{len(self.heard)}")]
        self.output = None
        if thread is not None:
            self.held[reply_id] = ([*messages, {"role": "assistant", "content": content}], fixed)
        calls = any(block["type"] == "tool_use" for block in content)
        answer: dict[str, Any] = {"id": reply_id, "model": "m-1", "content": content}
        answer |= {"stop_reason": "tool_use" if calls else "end_turn", "usage": {"input_tokens": 1}}
        reply, self.next_reply = self.next_reply or Reply.json(answer), None
        return reply


def _fixed(body: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in {"messages", "system", "tools", "thread", "stream"}}


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "+".join(b.get("text", b["type"]) for b in content)


def _data(body: bytes) -> bytes:
    return b"data: " + body + b"\n\n"


def _error(status: int, code: str) -> Reply:
    kind = "not_found_error" if status == 404 else "invalid_request_error"
    error = {"type": kind, "message": f"no: {code}", "details": {"error_code": code}}
    return Reply.json({"type": "error", "error": error, "request_id": "req_1"}, status)


@pytest.fixture
async def fake(server: FaultyServer) -> FakeThreads:
    fake = FakeThreads()
    server.script(fake)
    return fake


@pytest.fixture
async def manager(server: FaultyServer, tmp_path: Path) -> AsyncIterator[SessionManager]:
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "sessions.db")})
    provider = AnthropicProviderSession(KEY, base_url=server.url, message_threads=True)
    manager.add_provider_session("anthropic", provider)
    async with manager:
        yield manager


@pytest.fixture
async def session(manager: SessionManager, fake: FakeThreads) -> BaseSession:
    session = await manager.create_session("ada", "anthropic", "m", retries=0)
    await session.add_system_message("Be brief.")
    return session


def threads(fake: FakeThreads) -> list[str | None]:
    return [(body.get("thread") or {}).get("type") for body in fake.bodies]


async def test_a_talk_goes_on_in_its_thread(session: BaseSession, fake: FakeThreads) -> None:
    """The first request begins it, later ones send the new turn alone; the model hears all of it."""
    for text in ("q1", "q2", "q3"):
        await session.send_message(text)
    assert threads(fake) == ["create", "continue", "continue"]
    assert [[_text(message) for message in body["messages"]] for body in fake.bodies] == [
        ["q1"],
        ["q2"],
        ["q3"],
    ]
    assert fake.heard[-1] == ["q1", "r1", "q2", "r2", "q3"]
    assert "system" not in fake.bodies[1]


@pytest.mark.parametrize(
    "code",
    [
        "thread_not_found",
        "thread_already_continued",
        "thread_continue_in_flight",
        "thread_fingerprint_mismatch",
    ],
)
@pytest.mark.parametrize("inside", [None, b"", _BEGUN], ids=["status", "event", "event of a begun reply"])
async def test_a_thread_that_is_gone_is_begun_again(
    session: BaseSession, fake: FakeThreads, inside: bytes | None, code: str
) -> None:
    """The whole path is sent, once, and the caller notices nothing, however the service tells before any output."""
    await session.send_message("q1")
    fake.refuses, fake.inside = code, inside
    reply = await session.send_message("q2")
    assert reply.content == "r2"
    assert threads(fake) == ["create", "continue", "create"]
    assert fake.heard[-1] == ["q1", "r1", "q2"]
    assert fake.bodies[-1]["system"] == "Be brief."
    await session.send_message("q3")
    assert threads(fake)[-1] == "continue"


async def test_a_thread_that_is_lost_behind_some_output_is_an_error(
    session: BaseSession, fake: FakeThreads
) -> None:
    """What was read is not asked for a second time."""
    await session.send_message("q1")
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "So"}}
    fake.refuses, fake.inside = "thread_not_found", _BEGUN + event(delta)
    with pytest.raises(ProviderSessionError, match="thread_not_found") as caught:
        await session.send_message("q2")
    assert caught.value.partial_text == "So"
    assert threads(fake) == ["create", "continue"]


@pytest.mark.parametrize("inside", [None, b"", _BEGUN], ids=["status", "event", "event of a begun reply"])
async def test_requests_that_take_no_thread_go_without(
    session: BaseSession, fake: FakeThreads, inside: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once and remembered, so that later ones are sent once only."""
    fake.refuses, fake.inside = "thread_unsupported_request", inside
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        await session.send_message("q1")
        await session.send_message("q2")
    assert threads(fake) == ["create", None, None]
    assert fake.heard[-1] == ["q1", "r1", "q2"]
    assert len(caplog.records) == 1


async def test_another_refusal_is_an_error(
    session: BaseSession, server: FaultyServer, fake: FakeThreads
) -> None:
    """Only what threads are refused for is answered by sending again."""
    await session.send_message("q1")
    server.script(_error(400, "something_else"))
    server.requests.clear()
    with pytest.raises(ProviderRequestError, match="something_else"):
        await session.send_message("q2")
    assert len(server.requests) == 1


async def test_a_path_that_was_changed_is_sent_whole(session: BaseSession, fake: FakeThreads) -> None:
    """Other branches, other settings, hidden messages and changed system texts do not fit what the thread holds."""
    await session.send_message("q1")
    await session.send_message("q2")
    await session.undo()
    await session.send_message("Q2")
    assert fake.heard[-1] == ["q1", "r1", "Q2"]
    await session.send_message("q3", max_tokens=50)
    await session.add_system_message("Be kind.")
    await session.send_message("q4")
    assert threads(fake) == ["create", "continue", "create", "create", "create"]
    assert fake.heard[-1] == ["q1", "r1", "Q2", "r3", "q3", "r4", "q4"]


async def test_a_reply_is_gone_on_with_once(session: BaseSession, fake: FakeThreads) -> None:
    """A second version of a question has the whole path."""
    await session.send_message("q1")
    await session.send_message("q2")
    await session.regenerate()
    assert threads(fake) == ["create", "continue", "create"]
    assert fake.heard[-1] == ["q1", "r1", "q2"]


async def test_after_a_cut_reply_the_whole_path_is_sent(session: BaseSession, fake: FakeThreads) -> None:
    """What the service holds of it is not known."""
    await session.send_message("q1")
    start = {"type": "message_start", "message": {"id": "msg_x", "model": "m"}}
    fake.next_reply = Reply.events(b"data: " + json.dumps(start).encode() + b"\n\n")
    with pytest.raises(StreamInterruptedError):
        await session.send_message("q2")
    await session.send_message("q3")
    assert threads(fake) == ["create", "continue", "create"]
    assert fake.heard[-1][:2] == ["q1", "r1"]


async def test_results_of_tools_go_on_in_the_thread(session: BaseSession, fake: FakeThreads) -> None:
    """The result alone is sent."""
    fake.output = [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]
    await session.send_message("q1")
    result = {"type": "tool_result", "tool_call_id": "c1", "content": "42"}
    await session.send_message("", role=MessageRole.TOOL, parts=[result])
    assert threads(fake) == ["create", "continue"]
    assert fake.heard[-1] == ["q1", "tool_use", "tool_result"]


async def test_threads_are_off_unless_asked_for(server: FaultyServer, fake: FakeThreads) -> None:
    """Nothing of a conversation is held anywhere but here."""
    async with create_session_manager(
        "memory", providers={"anthropic": {"base_url": server.url, "api_key": KEY}}
    ) as m:
        session = await m.create_session("ada", "anthropic", "m")
        for text in ("q1", "q2"):
            await session.send_message(text)
    assert threads(fake) == [None, None]
    assert fake.heard[-1] == ["q1", "r1", "q2"]
