"""OpenAI's and Anthropic's dialects over a real server that speaks both: llama.cpp's, on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ContextLengthError,
    SessionManager,
    create_session_manager,
)
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.sending.native_conversation import fingerprint
from scripts.local_server import LocalServer
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.server

PROVIDERS = {"openai": "completed", "anthropic": "max_tokens"}
"""Name -> the word with which llama.cpp ends a reply that became too long; in Responses it knows one word only."""


@pytest.fixture(params=list(PROVIDERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def manager(llama_server: LocalServer, tmp_path: Path) -> AsyncIterator[SessionManager]:
    providers = {name: {"base_url": f"{llama_server.url}/v1"} for name in PROVIDERS}
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")}, providers) as manager:
        yield manager


@pytest.fixture
async def session(manager: SessionManager, llama_server: LocalServer, name: str) -> BaseSession:
    session = await manager.create_session("ada", name, llama_server.name, max_tokens=24, temperature=0)
    await session.add_system_message("Be brief.")
    return session


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reply_comes_with_its_usage(session: BaseSession, name: str, stream: bool) -> None:
    """Streamed or whole: text, tokens, finish reason, ids and the model that answered."""
    reply = await session.send_message("Hello", stream=stream)
    facts = reply.request
    assert facts is not None
    assert reply.content
    assert (reply.token_count, facts.provider_finish_reason) == (24, PROVIDERS[name])
    assert facts.usage.input_tokens
    assert facts.model == "tiny"
    assert reply.provider_message_id


async def test_streaming_gives_the_same_text_as_a_whole_reply(session: BaseSession) -> None:
    """Without temperature the model is deterministic, so both ways must give the same."""
    stream = session.stream_message("Tell me", max_tokens=60)
    pieces = [delta.text async for delta in stream]
    assert len(pieces) > 5
    whole = await session.regenerate(stream=False, max_tokens=60)
    assert "".join(pieces) == whole.content


async def test_all_characters_come_whole(session: BaseSession) -> None:
    """A warm model writes many scripts; no character is broken on the way."""
    texts = []
    for _ in range(8):  # one reply in fifty ends before its first character of another script
        stream = session.stream_message("Tell me", max_tokens=80, temperature=1.5)
        texts.append("".join([delta.text async for delta in stream]))
        assert stream.reply is not None
        assert stream.reply.content == texts[-1]
        await session.undo()
    assert not "".join(texts).isascii()


async def test_history_reaches_the_model(session: BaseSession) -> None:
    """The prompt grows by each turn, as the server counts it: system text, questions, replies."""
    counts = []
    for text in ("one", "two", "three"):
        reply = await session.send_message(text)
        assert reply.usage is not None
        counts.append(reply.usage.input_tokens or 0)
    assert 0 < counts[0] < counts[1] < counts[2]


async def test_calls_of_tools_and_their_results_are_taken(session: BaseSession) -> None:
    """A path with both is what the server accepts; the model's answer to it means nothing."""
    call = {"type": "tool_call", "id": "call_1", "name": "f", "arguments": '{"a": 1}'}
    result = {"type": "tool_result", "tool_call_id": "call_1", "content": "42"}
    looked = SessionMessage(role=MessageRole.ASSISTANT, content="I look.", parts=(call,))
    await session.append([SessionMessage(content="What is f(1)?"), looked])
    reply = await session.send_message("", role=MessageRole.TOOL, parts=[result])
    assert reply.content


async def test_a_cancelled_stream_frees_the_server(session: BaseSession) -> None:
    """The part is kept, and the next request is answered although the server has two slots only."""
    for _ in range(4):
        async with session.stream_message("go on", max_tokens=3000) as stream:
            async for _delta in stream:
                break
        assert stream.reply is not None
        assert stream.reply.finish_reason == "interrupted"
        assert stream.reply.content
    async with asyncio.timeout(PATIENCE_S):
        reply = await session.send_message("and now?")
    assert reply.token_count == 24


async def test_a_prompt_too_long_is_said_with_its_numbers(session: BaseSession) -> None:
    """The server's refusal becomes a `ContextLengthError`."""
    with pytest.raises(ContextLengthError, match="4096") as caught:
        await session.send_message("word " * 6000)
    assert caught.value.status == 400


async def test_models_can_be_listed(manager: SessionManager, llama_server: LocalServer, name: str) -> None:
    """The server's own list."""
    models = await manager.provider_session(name).list_models()
    assert [model.id for model in models] == [llama_server.name]


async def test_a_server_that_keeps_no_conversations_gets_the_whole_path(
    manager: SessionManager, llama_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """llama.cpp keeps none: it is told once, and the history reaches the model all the same."""
    session = await manager.create_session(
        "ada", "openai", llama_server.name, "provider_native", max_tokens=12
    )
    counts = []
    with caplog.at_level(logging.WARNING, "langswarm_nb"):
        for text in ("one", "two"):
            reply = await session.send_message(text)
            assert reply.usage is not None
            counts.append(reply.usage.input_tokens or 0)
    assert counts[0] < counts[1]
    assert "keeps no conversations" in caplog.text
    assert not (await session.refresh()).native.get("id")
    # As if it had been another server that held one: nothing is built on it here.
    path = [message.seq for message in await session.get_messages()]
    held: dict[str, Any] = {
        "provider": "openai",
        "id": "conv_1",
        "upto": path[-1],
        "sent": fingerprint(path),
        "left": [],
    }
    await session.change(native=held)
    third = await session.send_message("three")
    assert caplog.text.count("keeps no conversations") == 1
    assert third.usage is not None
    assert (third.usage.input_tokens or 0) > counts[1]
