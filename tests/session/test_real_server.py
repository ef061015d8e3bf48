"""Sessions over a real model server, llama.cpp's, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ContextLengthError,
    ProviderConnectionError,
    ProviderNotFoundError,
    ProviderSessionError,
    SessionManager,
    create_session_manager,
)
from scripts.local_server import LocalServer
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.server


@pytest.fixture
async def manager(llama_server: LocalServer, tmp_path: Path) -> AsyncIterator[SessionManager]:
    providers = {"llamacpp": {"base_url": f"{llama_server.url}/v1"}}
    config = {"db_path": str(tmp_path / "s.db")}
    async with create_session_manager("sqlite", config, providers) as manager:
        yield manager


@pytest.fixture
async def session(manager: SessionManager, llama_server: LocalServer) -> BaseSession:
    return await manager.create_session(
        "ada", "llamacpp", llama_server.name, max_tokens=12, temperature=0, seed=1
    )


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reply_comes_with_its_usage(session: BaseSession, stream: bool) -> None:
    """Streamed or whole: text, tokens, finish reason and the model that answered."""
    reply = await session.send_message("Hello", stream=stream)
    assert reply.content
    assert reply.token_count == 12
    assert reply.finish_reason == "length"
    facts = reply.request
    assert facts is not None
    assert facts.usage.input_tokens
    assert (facts.status, facts.streamed, facts.tokens_source) == ("ok", stream, "provider")
    assert (facts.time_to_first_chunk_s is not None) is stream
    assert reply.provider_message_id


async def test_streaming_gives_the_same_text_as_a_whole_reply(session: BaseSession) -> None:
    """With a seed the model is deterministic, so both ways must give the same, multi-byte characters included."""
    await session.update_settings(temperature=1.5, seed=7, max_tokens=60)
    stream = session.stream_message("Tell me")
    pieces = [delta.text async for delta in stream]
    assert len(pieces) > 5
    whole = await session.regenerate(stream=False)
    assert "".join(pieces) == whole.content
    assert not whole.content.isascii()


async def test_history_reaches_the_model(session: BaseSession) -> None:
    """The prompt grows by each turn, as the server counts it."""
    counts: list[int] = []
    for text in ("one", "two", "three"):
        reply = await session.send_message(text)
        assert reply.usage is not None
        assert reply.usage.input_tokens is not None
        counts.append(reply.usage.input_tokens)
    assert counts[0] < counts[1] < counts[2]
    assert len(await session.get_messages()) == 6


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
    assert reply.finish_reason == "length"


async def test_a_prompt_too_long_is_said_with_its_numbers(session: BaseSession) -> None:
    """The server's refusal becomes a `ContextLengthError`; the text of the user is kept."""
    text = "word " * 6000
    with pytest.raises(ContextLengthError) as caught:
        await session.send_message(text)
    assert caught.value.status == 400
    question, failed = await session.get_messages()
    assert question.content == text
    assert failed.request is not None
    assert failed.request.error_type == "ContextLengthError"


async def test_a_token_budget_keeps_a_long_talk_within_the_context(session: BaseSession) -> None:
    """With `max_context_tokens` the oldest turns are not sent, and nothing overflows."""
    for n in range(6):
        reply = await session.send_message(f"{n} " + "word " * 200, max_context_tokens=600)
        assert reply.usage is not None
        assert reply.usage.input_tokens is not None
        assert reply.usage.input_tokens < 4096
    assert len(await session.get_messages()) == 12


async def test_models_can_be_listed(manager: SessionManager, llama_server: LocalServer) -> None:
    """The server's own list."""
    models = await manager.provider_session("llamacpp").list_models()
    assert [model.id for model in models] == [llama_server.name]


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error says the address and what to do; the question is kept."""
    providers = {"llamacpp": {"base_url": "http://127.0.0.1:9/v1"}}
    async with create_session_manager("memory", providers=providers) as manager:
        session = await manager.create_session("ada", "llamacpp", "any", retries=0)
        with pytest.raises(ProviderConnectionError, match=r"127\.0\.0\.1:9"):
            await session.send_message("anybody there?")
        assert (await session.get_messages())[0].content == "anybody there?"


async def test_an_address_that_speaks_another_language_is_said_so(llama_server: LocalServer) -> None:
    """A wrong path is a typed error that names the address, not a crash."""
    providers = {"llamacpp": {"base_url": f"{llama_server.url}/nowhere"}}
    async with create_session_manager("memory", providers=providers) as manager:
        session = await manager.create_session("ada", "llamacpp", "any", retries=0)
        with pytest.raises(ProviderSessionError) as caught:
            await session.send_message("hello?")
        assert isinstance(caught.value, ProviderNotFoundError)
        assert caught.value.status == 404


async def test_a_server_killed_in_mid_stream_leaves_the_part(tiny_model: Path) -> None:
    """The cut reply is kept, marked, and not repeated."""
    with LocalServer(tiny_model, name="tiny", context_tokens=40_000, slots=1) as server:
        providers = {"llamacpp": {"base_url": f"{server.url}/v1"}}
        async with create_session_manager("memory", providers=providers) as manager:
            session = await manager.create_session("ada", "llamacpp", "tiny", max_tokens=30_000)
            # A small model may have said all by the time its server is gone.
            stream = session.stream_message("go on", options={"ignore_eos": True})
            await anext(stream)
            server.stop()
            with pytest.raises(ProviderSessionError) as caught:
                await stream.read()
            assert caught.value.maybe_processed
            _, part = await session.get_messages()
            assert part.content
            assert (part.finish_reason, part.request is not None) == ("interrupted", True)
