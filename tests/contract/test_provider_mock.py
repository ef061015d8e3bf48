"""The mock provider: offline, the same in every run, and able to play whatever a test or a demo needs."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from langswarm_nb.core.session import errors, provider_events
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    ModelInfo,
    PartDone,
    ProviderRequest,
    ReplyInfo,
    RetryNotice,
)
from langswarm_nb.core.session.providers import create_provider, mock
from langswarm_nb.core.session.providers.mock import ERRORS, MODELS, MockProviderSession
from tests.contract.provider_cases import Outcome, ask, read


def conversation(*texts: str, **how: Any) -> ProviderRequest:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    messages = tuple(SessionMessage(role=roles[n % 2], content=text) for n, text in enumerate(texts))
    return ProviderRequest(how.pop("model", "echo"), messages, **how)


async def test_it_answers_every_model_name_and_says_what_it_is() -> None:
    """The first reply tells that no model was asked; all repeat the question."""
    mock = create_provider("mock", "any key")
    first = await read(mock.stream(ask("Hello there", model="gpt-4o")))
    assert "mock:echo in place of gpt-4o" in first.text
    assert first.text.endswith("You said: Hello there")
    later = await read(mock.stream(conversation("Hello", "…", "And?")))
    assert later.text == "You said: And?"
    assert first.finish == Finish(FinishReason.STOP, "stop")
    assert first.model == "echo"


@pytest.mark.parametrize("model", ["echo", "script"])
async def test_it_answers_the_same_each_time(model: str) -> None:
    """Text, pieces, usage and ids depend on nothing but the requests."""

    async def run() -> list[Any]:
        mock = MockProviderSession()
        first = [event async for event in mock.stream(conversation("a", model=model))]
        return first + [event async for event in mock.stream(conversation("a", "b", "c", model=model))]

    assert await run() == await run()


async def test_it_streams_word_by_word_and_counts() -> None:
    """Nothing of the text is lost in the pieces; usage is told, or not."""
    text = "  Two words,\nand\n\n日本 🎉 more. "
    mock = MockProviderSession(replies=[text])
    events = [event async for event in mock.stream(ask("12345678"))]
    deltas = [event.text for event in events if isinstance(event, Delta)]
    assert "".join(deltas) == text
    assert len(deltas) > 4
    assert Usage(input_tokens=2, output_tokens=len(deltas)) in events
    silent = MockProviderSession(replies=[text], count_tokens=False)
    assert (await read(silent.stream(ask()))).usage is None


async def test_pieces_can_be_of_a_fixed_size_or_whole() -> None:
    """``chunk_chars`` sets the size; a request without streaming gets one piece."""
    mock = MockProviderSession(replies=["abcdefg", "abcdefg"], chunk_chars=3)
    events = [event async for event in mock.stream(ask())]
    assert [event.text for event in events if isinstance(event, Delta)] == ["abc", "def", "g"]
    events = [event async for event in mock.stream(ask(stream=False))]
    assert [event.text for event in events if isinstance(event, Delta)] == ["abcdefg"]


async def test_replies_are_played_in_order_and_then_used_up() -> None:
    """Texts, functions of the request, errors, and streams of events with an error in them."""
    notices: list[RetryNotice] = []

    async def note(notice: RetryNotice) -> None:
        notices.append(notice)

    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}
    mock = MockProviderSession(
        replies=[
            "one",
            lambda request: f"two for {request.model}",
            errors.ProviderOverloadedError("busy"),
            [RetryNotice(1, 0.5, "429"), Delta("hm", "reasoning"), "three", PartDone(call)],
            ["cut ", errors.StreamInterruptedError("cut")],
            [Delta("four"), Usage(output_tokens=9), Finish(FinishReason.LENGTH, "length")],
        ]
    )
    assert (await read(mock.stream(ask()))).text == "one"
    assert (await read(mock.stream(ask(model="m")))).text == "two for m"
    with pytest.raises(errors.ProviderOverloadedError, match="busy"):
        await read(mock.stream(ask()))
    third = await read(mock.stream(ask(on_retry=note)))
    assert (third.text, third.reasoning, third.tool_calls) == ("three", "hm", [("c", "f", "{}")])
    assert third.finish == Finish(FinishReason.TOOL_CALLS, "tool_calls")
    assert notices == [RetryNotice(1, 0.5, "429")]
    cut = Outcome()
    with pytest.raises(errors.StreamInterruptedError):
        await read(mock.stream(ask()), cut)
    assert (cut.text, cut.finish) == ("cut ", None)
    last = await read(mock.stream(ask()))
    assert (last.usage, last.finish) == (Usage(output_tokens=9), Finish(FinishReason.LENGTH, "length"))
    with pytest.raises(errors.ProviderRequestError, match="no reply left"):
        await read(mock.stream(ask()))
    assert len(mock.requests) == 7


@pytest.mark.parametrize("kind", ERRORS)
async def test_it_fails_in_every_way_when_asked_to(kind: str) -> None:
    """``mock:error`` raises a new error each time, of the kind that the option names."""
    mock = MockProviderSession()
    with pytest.raises(type(ERRORS[kind])) as caught:
        await read(mock.stream(ask(model="error", options={"error": kind})))
    assert caught.value is not ERRORS[kind]
    assert caught.value.provider == "mock"
    assert vars(caught.value) == vars(ERRORS[kind])


async def test_an_unknown_way_to_fail_is_refused() -> None:
    """The error lists those there are."""
    with pytest.raises(errors.SessionValueError, match="rate_limit"):
        await read(MockProviderSession().stream(ask(model="error", options={"error": "x"})))


async def test_an_option_can_bring_the_reply() -> None:
    """For a cell that scripts its own answer."""
    outcome = await read(MockProviderSession().stream(ask(model="script", options={"reply": "As told."})))
    assert outcome.text == "As told."


async def test_it_can_be_slow_and_keeps_to_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """``mock:slow`` waits between pieces, and ends with a timeout like a real service."""
    now, part = 0.0, Outcome()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(mock, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(provider_events, "time", SimpleNamespace(monotonic=lambda: now))
    request = ask(model="slow", started=now, timeout_s=3.02)  # short on purpose: nobody waits for it
    with pytest.raises(errors.ProviderTimeoutError, match="timeout_s"):
        await read(MockProviderSession().stream(request), part)
    assert part.text.endswith(" 59 60 ")
    assert now == pytest.approx(3.02)
    quick = MockProviderSession(delay_s=0)
    assert (await read(quick.stream(ask(model="slow")))).text.endswith("99 100")


async def test_a_slow_reply_can_be_cancelled() -> None:
    """As a real one."""
    task = asyncio.create_task(read(MockProviderSession(delay_s=60).stream(ask())))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_holds_native_conversations() -> None:
    """New messages alone are enough; a lost conversation is started again from all of them."""
    mock = MockProviderSession()
    native: dict[str, Any] = {"native": True}

    async def send(request: ProviderRequest) -> tuple[str, str]:
        info = [event async for event in mock.stream(request)]
        ids = [event.native_id for event in info if isinstance(event, ReplyInfo)]
        return str(ids[0]), "".join(event.text for event in info if isinstance(event, Delta))

    first_id, _ = await send(conversation("a", **native))
    same_id, text = await send(conversation("a", "b", "c", **native, native_id=first_id, new_from=2))
    assert (same_id, text) == (first_id, "You said: c")
    assert [message.role for message in mock.conversations[first_id]] == ["user", "assistant"] * 2
    mock.conversations.clear()
    new_id, text = await send(conversation("a", "b", "c", **native, native_id=first_id, new_from=2))
    assert new_id != first_id
    assert text == "You said: c"
    assert len(mock.conversations[new_id]) == 4
    assert await mock.delete_conversation(new_id)
    assert not await mock.delete_conversation(new_id)


async def test_it_lists_its_models_and_closes() -> None:
    """After `close` it is used no more."""
    mock = MockProviderSession()
    models = await mock.list_models()
    assert all(isinstance(model, ModelInfo) for model in models)
    assert [model.id for model in models] == list(MODELS)
    await mock.close()
    await mock.close()
    with pytest.raises(errors.SessionClosedError):
        await read(mock.stream(ask()))


async def test_a_long_session_keeps_no_more_than_its_last_requests() -> None:
    """A demo that runs for hours does not fill the memory."""
    mock = MockProviderSession()
    for _ in range(150):
        await read(mock.stream(ask(started=time.monotonic())))
    assert len(mock.requests) == 100
