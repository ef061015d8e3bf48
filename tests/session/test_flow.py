"""The one flow of a message: what is stored when, what is sent, what the caller sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ContextLengthError,
    Delta,
    Finish,
    FinishReason,
    ISession,
    ISessionLifecycleHook,
    ISessionMiddleware,
    MessageRole,
    PartDone,
    ProviderConnectionError,
    ProviderRequest,
    ProviderSessionError,
    RetryNotice,
    SessionManager,
    SessionMessage,
    SessionMiddlewareError,
    SessionStorageError,
    SessionValueError,
    StreamInterruptedError,
    Usage,
)
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage

Script = Callable[..., Any]


async def contents(session: BaseSession) -> list[str]:
    return [message.content for message in await session.get_messages()]


async def test_question_and_reply_are_kept_with_all_their_facts(session: BaseSession, script: Script) -> None:
    """The reply carries usage, times, ids and finish reason; the same comes back from the storage."""
    script([Usage(input_tokens=7, output_tokens=3), "one two three"])
    reply = await session.send_message("count", metadata={"tag": ["x", 1]}, temperature=0.5)
    question, stored = await session.get_messages()
    assert stored == reply
    assert (question.content, question.metadata, question.turn, question.seq) == (
        "count",
        {"tag": ["x", 1]},
        0,
        0,
    )
    assert (stored.content, stored.finish_reason, stored.token_count) == ("one two three", "stop", 3)
    assert (stored.turn, stored.parent_seq, stored.version, stored.is_active) == (0, 0, 1, True)
    facts = stored.request
    assert facts is not None
    assert (facts.provider, facts.request_model, facts.status, facts.attempts) == ("mock", "echo", "ok", 1)
    assert facts.usage == Usage(input_tokens=7, output_tokens=3)
    assert facts.params == {"temperature": 0.5}
    assert facts.started_at is not None
    assert question.timestamp <= facts.started_at <= stored.timestamp <= datetime.now(UTC)
    assert facts.duration_s is not None
    assert facts.time_to_first_chunk_s is not None
    assert 0 <= facts.time_to_first_chunk_s <= facts.duration_s
    assert session.metrics.message_count == 2
    assert session.metrics.total_tokens == 3


async def test_the_deltas_are_the_reply(session: BaseSession, script: Script) -> None:
    """What streams in, joined, is what is stored; question and reply are at hand afterwards."""
    script("a reply in  several\n\npieces ")
    stream = session.stream_message("go")
    pieces = [delta.text async for delta in stream]
    assert len(pieces) > 3
    assert stream.question is not None
    assert stream.question.content == "go"
    assert stream.reply is not None
    assert "".join(pieces) == stream.reply.content == "a reply in  several\n\npieces "


async def test_the_question_is_stored_before_anything_is_sent(session: BaseSession, script: Script) -> None:
    """When the provider is asked, the message is in the storage already."""
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await contents(session))

    looks: list[asyncio.Task[None]] = []

    def reply(request: ProviderRequest) -> str:
        looks.append(asyncio.get_running_loop().create_task(look()))
        return "answer"

    script(reply, delay_s=0.001)
    await session.send_message("kept first")
    await asyncio.gather(*looks)
    assert seen[0][0] == "kept first"


async def test_the_whole_path_is_sent_with_system_messages(session: BaseSession, script: Script) -> None:
    """History reaches the model, turn by turn, roles in order."""
    mock = script("first", "second")
    await session.add_system_message("be brief")
    await session.send_message("one")
    await session.send_message("two")
    sent = [(message.role, message.content) for message in mock.requests[-1].messages]
    assert sent == [("system", "be brief"), ("user", "one"), ("assistant", "first"), ("user", "two")]


async def test_a_refused_request_leaves_the_question_and_the_error(
    session: BaseSession, script: Script
) -> None:
    """The error reaches the caller; the failed turn stays for analysis, and is not sent again."""
    mock = script(ProviderConnectionError("no way", provider="mock"), "answer")
    with pytest.raises(ProviderConnectionError, match="no way"):
        await session.send_message("first")
    question, failed = await session.get_messages()
    assert question.content == "first"
    assert failed.request is not None
    assert (failed.content, failed.finish_reason, failed.request.status) == ("", "error", "error")
    assert failed.request.error_type == "ProviderConnectionError"
    assert failed.request.error_message == "no way"
    await session.send_message("second")
    assert [(m.role, m.content) for m in mock.requests[-1].messages] == [("user", "second")]


@pytest.mark.parametrize("came", [["half of"], []], ids=["half", "nothing"])
async def test_a_reply_cut_short_is_kept_marked_and_raised(
    session: BaseSession, script: Script, came: list[str]
) -> None:
    """A stream without its end mark is never taken for a whole reply, nor for a refused request."""
    script([*came, StreamInterruptedError("cut", provider="mock", maybe_processed=True)])
    with pytest.raises(StreamInterruptedError) as caught:
        await session.send_message("go")
    _, part = await session.get_messages()
    assert caught.value.partial_text == part.content == "".join(came)
    assert part.request is not None
    assert (part.finish_reason, part.request.status) == ("interrupted", "error")


async def test_a_provider_that_forgets_its_end_mark_is_an_interrupted_reply(
    manager: SessionManager, session: BaseSession
) -> None:
    """A provider of one's own whose iterator just ends is held to the same rule."""
    from langswarm_nb.core.session import IProviderSession

    class Endless(IProviderSession):
        name = "mock"

        async def stream(self, request: ProviderRequest) -> Any:
            yield Delta("no end")

    manager.add_provider_session("mock", Endless())
    with pytest.raises(StreamInterruptedError, match="without an end mark"):
        await session.send_message("go")
    assert (await session.get_messages())[-1].finish_reason == "interrupted"


async def test_an_error_inside_a_provider_becomes_one_of_ours(session: BaseSession, script: Script) -> None:
    """No raw KeyError reaches the caller; the cause is chained and the part is kept."""
    script(["so far", KeyError("choices")])
    with pytest.raises(ProviderSessionError) as caught:
        await session.send_message("go")
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.maybe_processed
    assert (await session.get_messages())[-1].content == "so far"


async def test_leaving_a_stream_keeps_the_part(session: BaseSession, script: Script) -> None:
    """`aclose` stores what had arrived, marked as stopped, and the session goes on."""
    mock = script("one two three four", "next")
    async with session.stream_message("go") as stream:
        async for delta in stream:
            if delta.text.startswith("two"):
                break
    assert stream.reply is not None
    assert stream.reply.content == "one two "
    assert stream.reply.request is not None
    assert (stream.reply.finish_reason, stream.reply.request.status) == ("interrupted", "stopped")
    await session.send_message("and?")
    assert [m.content for m in mock.requests[-1].messages] == ["go", "one two ", "and?"]


async def test_a_cancelled_task_keeps_the_part(session: BaseSession, script: Script) -> None:
    """The cancellation goes through, after what had arrived was stored."""
    script("one two three", delay_s=0)
    arrived = asyncio.Event()

    async def read() -> None:
        async for _ in session.stream_message("go"):
            arrived.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(read())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await session.settle()
    _, part = await session.get_messages()
    assert (part.content, part.finish_reason) == ("one ", "interrupted")


async def test_a_task_cancelled_while_it_waits_for_the_provider_keeps_the_part(session: BaseSession) -> None:
    """A provider that is slow does not keep a cancelled send alive."""
    arrived = asyncio.Event()

    async def read() -> None:
        async for _ in session.stream_message("go", model="slow"):
            arrived.set()

    task = asyncio.create_task(read())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    part = (await session.get_messages())[-1]
    assert part.content.startswith("1 ")
    assert part.finish_reason == "interrupted"


async def test_two_sends_at_once_wait_for_each_other(session: BaseSession, script: Script) -> None:
    """Replies are never mixed up: each follows its own question."""
    script(lambda r: f"to {r.messages[-1].content}", lambda r: f"to {r.messages[-1].content}", delay_s=0)
    first, second = await asyncio.gather(session.send_message("a"), session.send_message("b"))
    assert (first.content, second.content) == ("to a", "to b")
    assert await contents(session) == ["a", "to a", "b", "to b"]


async def test_a_stream_left_unread_gives_way_to_the_same_reader(
    session: BaseSession, script: Script
) -> None:
    """Sending again without having closed the stream before does not wait for ever."""
    script("one two three", "second")
    left = session.stream_message("first")
    await anext(left)
    reply = await session.send_message("again")
    assert reply.content == "second"
    assert left.reply is not None
    assert left.reply.finish_reason == "interrupted"
    with pytest.raises(Exception, match="left unread"):
        await anext(left)


async def test_a_surrogate_pair_in_two_pieces_is_joined(session: BaseSession, script: Script) -> None:
    """Text handed on can always be encoded; a lone half becomes U+FFFD."""
    script([Delta("a\ud83d"), Delta("\ude00b"), Delta("\ud83dx"), Delta("\udc00")])
    stream = session.stream_message("go")
    pieces = [delta.text async for delta in stream]
    assert "".join(pieces) == "a\U0001f600b\ufffdx\ufffd"
    assert stream.reply is not None
    assert stream.reply.content == "".join(pieces)


async def test_a_half_at_the_very_end_is_not_lost(session: BaseSession, script: Script) -> None:
    """A lone half as the last piece shows as U+FFFD."""
    script([Delta("end\ud83d")])
    assert (await session.send_message("go")).content == "end\ufffd"


async def test_reasoning_and_tool_calls_stay_apart_from_the_answer(
    session: BaseSession, script: Script
) -> None:
    """Thinking is not answer text; calls are parts; both come back from the storage."""
    call = {"type": "tool_call", "id": "c1", "name": "add", "arguments": '{"a": 1}'}
    script([Delta("hmm", "reasoning"), Delta("Let me add."), PartDone(call), Finish(FinishReason.TOOL_CALLS)])
    await session.send_message("1+1?")
    reply = (await session.get_messages())[-1]
    assert reply.content == "Let me add."
    assert reply.reasoning == "hmm"
    assert reply.tool_calls == (call,)
    assert reply.finish_reason == "tool_calls"


async def test_tool_calls_without_results_are_not_sent_again(session: BaseSession, script: Script) -> None:
    """Every service refuses a call that was never answered, so it is left out of the next request."""
    call = {"type": "tool_call", "id": "c1", "name": "add", "arguments": "{}"}
    mock = script([PartDone(call)], "fine", [PartDone(call)], "done")
    await session.send_message("first")
    await session.send_message("never mind")
    assert [m.content for m in mock.requests[-1].messages] == ["first\n\nnever mind"]
    await session.send_message("again")
    result = {"type": "tool_result", "tool_call_id": "c1", "content": "2"}
    await session.send_message("", "tool", parts=[result])
    last = mock.requests[-1].messages
    assert last[-2].tool_calls == (call,)
    assert last[-1].parts == (result,)


@pytest.mark.parametrize("which", [0, 1])
async def test_a_hidden_turn_is_kept_but_not_sent(session: BaseSession, script: Script, which: int) -> None:
    """`hide` of its question or of its answer leaves the whole turn in the history and out of the request."""
    mock = script("first", "second")
    await session.send_message("one")
    await session.hide((await session.get_messages())[which].id)
    await session.send_message("two")
    assert [m.content for m in mock.requests[-1].messages] == ["two"]
    assert await contents(session) == ["one", "first", "two", "second"]


async def test_limits_leave_out_the_oldest_turns_and_keep_them_stored(
    session: BaseSession, script: Script
) -> None:
    """`max_messages` cuts what is sent at a turn's start; system messages stay; nothing is deleted."""
    mock = script("r1", "r2", "r3")
    await session.add_system_message("sys")
    await session.update_settings(max_messages=3)
    for text in ("q1", "q2", "q3"):
        await session.send_message(text)
    assert [m.content for m in mock.requests[-1].messages] == ["sys", "q2", "r2", "q3"]
    assert len(await session.get_messages()) == 7


async def test_a_token_budget_can_refuse_instead_of_trimming(session: BaseSession, script: Script) -> None:
    """`trim="error"` sends nothing, says the numbers, and leaves no trace."""
    mock = script("r1")
    with pytest.raises(ContextLengthError, match=r"about \d+ tokens, max_context_tokens is 10"):
        await session.send_message("word " * 100, max_context_tokens=10, trim="error")
    assert len(mock.requests) == 0
    assert await session.get_messages(branch="all") == []


async def test_a_send_without_history_stands_beside_the_path(session: BaseSession, script: Script) -> None:
    """A one-off is stored, sends system messages and itself alone, and leaves the conversation as it is."""
    mock = script("r1", "aside", "r2")
    await session.add_system_message("sys")
    await session.send_message("q1")
    reply = await session.send_message("one-off", history=False)
    assert reply.content == "aside"
    assert [m.content for m in mock.requests[-1].messages] == ["sys", "one-off"]
    assert await contents(session) == ["sys", "q1", "r1"]
    await session.send_message("q2")
    assert [m.content for m in mock.requests[-1].messages] == ["sys", "q1", "r1", "q2"]
    assert len(await session.get_messages(branch="all")) == 7


async def test_waits_for_repeats_are_told_and_counted(session: BaseSession, script: Script) -> None:
    """The caller hears of each wait; attempts and waiting time are on the reply."""
    told: list[RetryNotice] = []
    script([RetryNotice(1, 2.5, "429"), RetryNotice(2, 1.5, "503"), "finally"])
    reply = await session.send_message("go", on_retry=told.append)
    assert [notice.wait_s for notice in told] == [2.5, 1.5]
    assert reply.request is not None
    assert (reply.request.attempts, reply.request.queued_s) == (3, 4.0)


async def test_who_asks_is_told_when_a_request_goes_out(session: BaseSession, script: Script) -> None:
    """Once for each, in time; not for what is refused, nor for what was answered before."""
    told: list[int] = []
    mock = script("r1", "r2")

    def note() -> None:
        told.append(len(mock.requests))

    await session.send_message("q1", message_id="m1", on_send=note)
    await session.send_message("q1", message_id="m1", on_send=note)
    assert told == [0]
    with pytest.raises(SessionValueError, match="tools"):
        await session.send_message("q2", tools=["nope"], on_send=note)
    await session.regenerate(on_send=note)
    assert told == [0, 1]


async def test_a_hook_that_fails_loses_nothing(
    manager: SessionManager, session: BaseSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is logged, the other hooks are told, the reply arrives."""
    told: list[str] = []

    class Bad(ISessionLifecycleHook):
        async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
            raise RuntimeError("broken hook")

    class Good(ISessionLifecycleHook):
        async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
            told.append(message.content)

    manager.add_global_hook(Bad())
    session.add_hook(Good())
    reply = await session.send_message("go")
    assert told == [reply.content]
    assert "Bad failed in on_message_received" in caplog.text


class Around(ISessionMiddleware):
    def __init__(self, mark: str) -> None:
        self.mark = mark

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return replace(message, content=f"{message.content}>{self.mark}")

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return replace(message, content=f"{message.content}<{self.mark}")


async def test_middleware_wraps_the_send_like_an_onion(
    manager: SessionManager, session: BaseSession, script: Script
) -> None:
    """Global ones are outside; what they return is what is stored, sent and handed on."""
    mock = script("r")
    manager.add_global_middleware(Around("g"))
    session.add_middleware(Around("s"))
    reply = await session.send_message("q")
    assert mock.requests[-1].messages[-1].content == "q>g>s"
    assert reply.content == "r<s<g"
    assert await contents(session) == ["q>g>s", "r<s<g"]


class Failing(Around):
    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        raise ValueError("no")


async def test_a_failing_incoming_middleware_keeps_the_reply(session: BaseSession, script: Script) -> None:
    """What was paid for is stored as it came; the error names the middleware and chains the cause."""
    script("paid for")
    session.add_middleware(Failing("x"))
    with pytest.raises(SessionMiddlewareError, match=r"Failing\.process_incoming_message") as caught:
        await session.send_message("q")
    assert isinstance(caught.value.__cause__, ValueError)
    assert (await contents(session))[-1] == "paid for"


async def test_an_outgoing_middleware_that_returns_no_message_stops_the_send(
    session: BaseSession, script: Script
) -> None:
    """Nothing is stored and nothing is sent."""
    mock = script("r")

    class Nothing(Around):
        async def process_outgoing_message(
            self, session: ISession, message: SessionMessage
        ) -> SessionMessage:
            return None  # type: ignore[return-value]

    session.add_middleware(Nothing("x"))
    with pytest.raises(SessionMiddlewareError, match="returned a NoneType"):
        await session.send_message("q")
    assert await contents(session) == []
    assert len(mock.requests) == 0


async def test_settings_of_one_send_do_not_stay(session: BaseSession, script: Script) -> None:
    """Options of a call go with this request alone."""
    mock = script("a", "b")
    await session.send_message("one", temperature=0.1, options={"logit_bias": {"1": 2}}, stream=False)
    await session.send_message("two")
    first, second = mock.requests
    assert first.options == {"temperature": 0.1, "logit_bias": {"1": 2}}
    assert not first.stream
    assert second.options == {}
    assert second.stream


async def test_stop_words_are_kept_with_the_reply(session: BaseSession, script: Script) -> None:
    """A reply to a request with stop words is stored, with them as they were sent."""
    mock = script("a")
    reply = await session.send_message("one", stop=["END", "\n"])
    assert mock.requests[0].options == {"stop": ["END", "\n"]}
    stored = (await session.get_messages())[-1]
    assert reply.request is not None
    assert stored.request is not None
    assert dict(stored.request.params) == dict(reply.request.params) == {"stop": ["END", "\n"]}


@pytest.mark.parametrize("value", [(1, 2), object(), float("nan"), {1: 2}, "\ud800"])
async def test_options_that_cannot_be_kept_are_not_sent(
    session: BaseSession, script: Script, value: object
) -> None:
    """Options of one send that are not JSON are refused before the question is stored or anything sent."""
    mock = script("never")
    with pytest.raises(SessionValueError, match="options must be JSON"):
        await session.send_message("one", options={"odd": value})
    assert await contents(session) == []
    assert len(mock.requests) == 0


class FullAtTheReply(InMemorySessionStorage):
    """A storage with room for questions only."""

    async def append_messages(
        self, session_id: str, messages: Sequence[SessionMessage], **options: Any
    ) -> Any:
        if any(message.role is MessageRole.ASSISTANT for message in messages):
            raise SessionStorageError("The disk is full.")
        return await super().append_messages(session_id, messages, **options)


async def test_a_reply_that_cannot_be_stored_comes_with_the_error() -> None:
    """What was paid for is in the error, and the question is stored."""
    manager = SessionManager(FullAtTheReply())
    session = await manager.create_session("me", "mock", "script")
    with pytest.raises(SessionStorageError, match="full") as caught:
        await session.send_message("go")
    assert caught.value.reply is not None
    assert caught.value.reply.content.startswith("# A scripted reply")
    assert [message.content for message in await session.get_messages()] == ["go"]
    with pytest.raises(SessionStorageError, match="full") as at_the_end:
        await manager.close()
    assert at_the_end.value.reply is not None
    assert at_the_end.value.reply.content == caught.value.reply.content
