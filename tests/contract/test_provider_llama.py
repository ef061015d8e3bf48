"""Chat with a real model server: llama.cpp's own, with a tiny model whose answers mean nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import Delta, ProviderRequest
from langswarm_nb.core.session.providers import create_provider
from scripts.local_server import LocalServer
from tests.contract.provider_cases import Outcome, read
from tests.support.llama import CONTEXT_TOKENS

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("library")]


@pytest.fixture
async def llama(llama_server: LocalServer, library: str) -> AsyncIterator[Any]:
    provider = create_provider("llamacpp", base_url=f"{llama_server.url}/v1")
    yield provider
    await provider.close()


def say(*texts: str, model: str = "tiny", stream: bool = True, **options: Any) -> ProviderRequest:
    """Return a request whose last text is the question."""
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    messages = tuple(SessionMessage(role=roles[n % 2], content=text) for n, text in enumerate(texts))
    options = {"max_tokens": 24, "temperature": 0.0, "seed": 1, **options}
    return ProviderRequest(model, messages, options=options, stream=stream)


async def test_a_reply_is_the_same_streamed_and_whole(llama: Any) -> None:
    """Text, counts, finish reason and model."""
    streamed = await read(llama.stream(say("Hello")))
    whole = await read(llama.stream(say("Hello", stream=False)))
    assert streamed.text == whole.text != ""
    assert streamed.finish == whole.finish
    assert streamed.finish is not None
    assert streamed.finish.reason in {FinishReason.LENGTH, FinishReason.STOP}
    assert streamed.model == whole.model == "tiny"
    for outcome in (streamed, whole):
        assert outcome.usage is not None
        assert outcome.usage.input_tokens
        assert outcome.usage.output_tokens
        assert outcome.message_id
        assert outcome.message_id.startswith("chatcmpl-")


async def test_history_reaches_the_model(llama: Any) -> None:
    """More turns are more input."""
    counts = []
    for texts in (("Hello",), ("Hello", "the a model", "And then?")):
        outcome = await read(llama.stream(say(*texts)))
        assert outcome.usage is not None
        counts.append(outcome.usage.input_tokens or 0)
    assert counts[0] < counts[1]


async def test_options_reach_the_server(llama: Any) -> None:
    """The limit on tokens ends the reply, and a stop word before it."""
    short = await read(llama.stream(say("Hello", max_tokens=3, ignore_eos=True)))
    assert short.usage is not None
    assert short.usage.output_tokens == 3
    assert short.finish is not None
    assert short.finish.reason is FinishReason.LENGTH
    text = (await read(llama.stream(say("Hello", ignore_eos=True)))).text
    word = text.split()[3]
    stopped = await read(llama.stream(say("Hello", ignore_eos=True, stop=(word,))))
    assert stopped.text == text[: text.index(word)]


async def test_leaving_a_reply_frees_the_server(llama: Any) -> None:
    """An abandoned reply of thousands of tokens does not hold up the next ones."""
    for _ in range(4):  # more than the server has slots
        events = llama.stream(say("Hello", max_tokens=CONTEXT_TOKENS - 500, ignore_eos=True))
        async for event in events:
            if isinstance(event, Delta):
                break
        await events.aclose()
    assert (await read(llama.stream(say("Hello", max_tokens=2)))).text


async def test_a_cancelled_reply_keeps_its_part(llama: Any) -> None:
    """What had come is there; the session goes on."""
    part = Outcome()
    request = say("Hello", max_tokens=CONTEXT_TOKENS - 500, ignore_eos=True)
    begun = asyncio.Event()

    async def follow() -> None:
        async for event in llama.stream(request):
            part.take(event)
            if part.text:
                begun.set()

    task = asyncio.create_task(follow())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert part.finish is None
    assert (await read(llama.stream(say("Hello", max_tokens=2)))).text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_prompt_that_is_too_long_is_told_as_such(llama: Any, stream: bool) -> None:
    """With the server's numbers, and what to do."""
    with pytest.raises(errors.ContextLengthError, match=str(CONTEXT_TOKENS)) as caught:
        await read(llama.stream(say("word " * 3 * CONTEXT_TOKENS, stream=stream)))
    assert caught.value.status == 400
    assert caught.value.code == "exceed_context_size_error"
    assert "max_context_tokens" in str(caught.value)


async def test_many_replies_at_once(llama: Any) -> None:
    """More than the server has slots; each is whole."""
    outcomes = await asyncio.gather(*(read(llama.stream(say(f"Hello {n}"))) for n in range(12)))
    assert all(outcome.text and outcome.finish for outcome in outcomes)


async def test_its_models_are_listed(llama: Any) -> None:
    """With the size of the context."""
    [model] = await llama.list_models()
    assert (model.id, model.context_tokens) == ("tiny", CONTEXT_TOKENS)


async def test_a_model_that_reads_text_alone_is_known_as_such(llama: Any) -> None:
    """The server's list of models says so, under the model's name."""
    intake = await llama.intake("tiny")
    assert not intake.takes("image/png")
    assert not intake.takes("audio/wav")
    assert intake.takes("text/csv")
