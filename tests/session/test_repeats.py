"""A client that sends again with its own id for the message: stored once, answered once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from copy import copy
from dataclasses import replace
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
    ProviderRateLimitError,
    SessionExistsError,
    SessionLeasedError,
    SessionMessage,
    SessionMovedError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.providers.mock import ERRORS, MockProviderSession
from tests.support.pictures import png
from tests.support.two_kernels import Kernel

Script = Callable[..., MockProviderSession]
TwoKernels = tuple[Kernel, Kernel]


async def everything(session: BaseSession) -> list[tuple[str, str]]:
    """Return address and text of all messages."""
    return [(m.address, m.content) for m in await session.get_messages(branch="all")]


async def test_a_repeat_after_the_answer_gets_the_stored_reply(session: BaseSession, script: Script) -> None:
    """It says the same, in one piece for who reads a stream; nothing is stored or sent, and no hook hears of it."""
    heard: list[str] = []

    class Ear(ISessionLifecycleHook):
        async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
            heard.append(message.id)

        async def on_message_received(self, session: ISession, message: SessionMessage) -> None:
            heard.append(message.id)

    mock = script("first", "second", "third")
    session.add_hook(Ear())
    reply = await session.send_message("Hello?", message_id="mine")
    await session.send_message("Next?")
    before, told = await everything(session), list(heard)
    assert await session.send_message("Hello?", message_id="mine") == reply
    stream = session.stream_message("Hello?", message_id="mine")
    assert [delta.text async for delta in stream] == ["first"]
    assert stream.question is not None
    assert stream.reply is not None
    assert (stream.question.id, stream.reply.id, stream.place.turn) == ("mine", reply.id, 0)  # type: ignore[union-attr]
    assert await everything(session) == before
    assert (heard, len(mock.requests)) == (told, 2)


async def test_a_repeat_leaves_the_session_free(session: BaseSession, script: Script) -> None:
    """Whether its stream is read to the end or not."""
    script("first", "second", "third")
    await session.send_message("Hello?", message_id="mine")
    async for _ in session.stream_message("Hello?", message_id="mine"):
        break
    assert (await session.send_message("Next?", when_busy="raise")).content == "second"


@pytest.mark.parametrize("who", ["another kernel", "the same"])
async def test_a_repeat_while_it_is_being_answered_waits_for_the_same_reply(
    kernels: TwoKernels, who: str
) -> None:
    """Of however many, one is sent."""
    first, second = kernels
    one = first.ask("one", message_id="mine")
    await first.gate.begun.wait()
    other = first if who == "the same" else second
    repeats = [other.ask("one", message_id="mine") for _ in range(3)]
    if other is second:
        await second.waits.wait()
    first.gate.opened.set()
    replies = await asyncio.gather(one, *repeats)
    assert {reply.id for reply in replies} == {replies[0].id}
    assert len(first.gate.requests) + len(second.gate.requests) == 1
    assert await second.path() == ["one", "re one"]
    await second.ask("two", when_busy="raise")


async def test_a_repeat_that_does_not_wait_is_told(kernels: TwoKernels) -> None:
    """As for any other message that is being answered."""
    first, second = kernels
    one = first.ask("one", message_id="mine")
    await first.gate.begun.wait()
    with pytest.raises(SessionLeasedError):
        await second.ask("one", message_id="mine", when_busy="raise")
    first.gate.opened.set()
    await one


async def test_a_repeat_does_not_wait_for_other_answers_when_its_own_is_there(kernels: TwoKernels) -> None:
    """What it asks for is stored."""
    first, second = kernels
    reply = await second.ask("one", message_id="mine")
    two = first.ask("two")
    await first.gate.begun.wait()
    assert await second.ask("one", message_id="mine", when_busy="raise") == reply
    first.gate.opened.set()
    await two


@pytest.mark.parametrize("said", [(), (Delta("half a repl"),)], ids=["nothing", "a part"])
async def test_a_repeat_after_a_failure_asks_the_same_question_again(
    session: BaseSession, script: Script, said: tuple[Delta, ...]
) -> None:
    """The question is stored once; the whole answer is a version beside what had arrived, and ends the matter."""
    mock = script([*said, copy(ERRORS["server"])], "well", "never")
    with pytest.raises(Exception, match="regenerate"):
        await session.send_message("Hello?", message_id="mine", retries=0)
    reply = await session.send_message("Hello?", message_id="mine")
    part = "".join(delta.text for delta in said)
    assert await everything(session) == [("0.1", "Hello?"), ("0.1", part), ("0.2", "well")]
    assert [m.content for m in await session.get_messages()] == ["Hello?", "well"]
    assert await session.send_message("Hello?", message_id="mine") == reply
    assert len(mock.requests) == 2


async def test_a_repeat_after_a_stop_asks_again(session: BaseSession) -> None:
    """Who sends again has no use for what had arrived."""
    stream = session.stream_message("one two three four", message_id="mine")
    await anext(stream)
    await stream.aclose()
    reply = await session.send_message("one two three four", message_id="mine")
    assert (reply.address, reply.finish_reason) == ("0.2", "stop")
    assert len(await session.get_messages(role="user", branch="all")) == 1


async def test_a_repeat_goes_where_its_question_is(session: BaseSession, script: Script) -> None:
    """Also when others were asked since: what stands behind stays with the failed version."""
    script(copy(ERRORS["rate_limit"]), "two!", "one!")
    with pytest.raises(ProviderRateLimitError):
        await session.send_message("one?", message_id="mine", retries=0)
    await session.send_message("two?")
    reply = await session.send_message("one?", message_id="mine")
    assert (reply.address, reply.parent_seq) == ("0.2", 0)
    assert [m.content for m in await session.get_messages()] == ["one?", "one!"]


async def test_a_later_version_is_not_the_reply_of_a_repeat(session: BaseSession, script: Script) -> None:
    """It gets what it was answered: the first whole reply, whatever came after."""
    script("first", "second")
    reply = await session.send_message("Hello?", message_id="mine")
    await session.regenerate()
    assert await session.send_message("Hello?", message_id="mine") == reply


async def test_an_id_stands_for_one_message(session: BaseSession, script: Script) -> None:
    """With another text, other parts or of another role it is refused, and nothing is stored or sent."""
    mock = script("first", "second")
    reply = await session.send_message("Hello?", message_id="mine")
    before = await everything(session)
    image = {"type": "image", "url": "https://images.far/x.png"}
    result = {"type": "tool_result", "tool_call_id": "1", "content": "Hello?"}
    for content, options in (
        ("Hallo?", {}),
        ("Hello?", {"parts": [image]}),
        ("Hello?", {"role": "tool", "parts": [result]}),
    ):
        with pytest.raises(SessionExistsError, match=r"'mine' in session .* says something else"):
            await session.send_message(content, message_id="mine", **options)
    with pytest.raises(SessionExistsError):
        await session.send_message("first", message_id=reply.id)
    assert await everything(session) == before
    assert len(mock.requests) == 1
    await session.send_message("Hallo?", when_busy="raise", message_id="another")


async def test_parts_are_the_same_after_they_were_stored(session: BaseSession, script: Script) -> None:
    """A repeat with an image is a repeat."""
    script("first")
    image = {"type": "image", "media_type": "image/png", "data": base64.b64encode(png()).decode()}
    reply = await session.send_message("Look", parts=[image], message_id="mine")
    assert await session.send_message("Look", parts=[image], message_id="mine") == reply


async def test_what_middleware_make_of_the_message_is_what_is_compared(
    session: BaseSession, script: Script
) -> None:
    """A repeat passes through them as well."""

    class Discreet(ISessionMiddleware):
        async def process_outgoing_message(
            self, session: ISession, message: SessionMessage
        ) -> SessionMessage:
            return replace(message, content=message.content.replace("Ada", "A."))

        async def process_incoming_message(
            self, session: ISession, message: SessionMessage
        ) -> SessionMessage:
            return message

    script("first")
    session.add_middleware(Discreet())
    reply = await session.send_message("I am Ada", message_id="mine")
    assert await session.send_message("I am Ada", message_id="mine") == reply


async def test_a_repeat_is_not_held_against_the_end_that_it_has_moved(session: BaseSession) -> None:
    """Its first try saw the end that it names; a new message is held against it."""
    await session.send_message("one")
    seen = (await session.get_messages())[-1].id
    reply = await session.send_message("two", message_id="mine", expected_tip=seen)
    assert await session.send_message("two", message_id="mine", expected_tip=seen) == reply
    with pytest.raises(SessionMovedError):
        await session.send_message("three", message_id="other", expected_tip=seen)


async def test_a_repeat_gets_its_reply_whatever_may_be_sent_now(session: BaseSession, script: Script) -> None:
    """Also where the conversation has grown beyond a limit since, or an earlier message is not where it was."""
    mock = script("first")
    limit: dict[str, Any] = {"max_context_tokens": 20, "trim": "error"}
    reply = await session.send_message("Hello?", message_id="mine", parent=None, **limit)
    long = "long " * 100
    await session.append(
        [SessionMessage(content=long), SessionMessage(role=MessageRole.ASSISTANT, content=long)]
    )
    with pytest.raises(ContextLengthError):
        await session.send_message("More?", message_id="other", **limit)
    assert await session.send_message("Hello?", message_id="mine", **limit) == reply
    assert await session.send_message("Hello?", message_id="mine", parent=99) == reply
    assert len(mock.requests) == 1


async def test_a_message_that_was_stored_otherwise_can_be_asked(session: BaseSession, script: Script) -> None:
    """By `append`, with an id of one's own."""
    script("first")
    await session.append([SessionMessage(id="mine", content="Hello?")])
    reply = await session.send_message("Hello?", message_id="mine")
    assert await everything(session) == [("0.1", "Hello?"), ("0.1", "first")]
    assert reply.content == "first"


async def test_a_reply_that_waits_to_be_stored_is_the_reply_of_a_repeat(
    session: BaseSession, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid for: it is stored first, and nothing is sent."""
    mock = script("first", "second")
    append = session.storage.append_messages

    async def full(session_id: str, messages: Any, **place: Any) -> list[SessionMessage]:
        if any(message.role == "assistant" for message in messages):
            raise SessionStorageError("The disk is full.")
        return await append(session_id, messages, **place)

    with monkeypatch.context() as broken:
        broken.setattr(session.storage, "append_messages", full)
        with pytest.raises(SessionStorageError):
            await session.send_message("Hello?", message_id="mine")
    assert (await session.send_message("Hello?", message_id="mine")).content == "first"
    assert len(mock.requests) == 1


async def test_an_answer_without_text_ends_a_question_too(session: BaseSession, script: Script) -> None:
    """A model that only calls a tool has answered."""
    call = {"type": "tool_call", "id": "1", "name": "look", "arguments": "{}"}
    from langswarm_nb.core.session import PartDone

    mock = script([PartDone(call), Finish(FinishReason.TOOL_CALLS)], "never")
    reply = await session.send_message("Hello?", message_id="mine")
    assert await session.send_message("Hello?", message_id="mine") == reply
    assert reply.tool_calls == (call,)
    assert len(mock.requests) == 1


async def test_what_goes_beside_the_path_takes_no_id(session: BaseSession) -> None:
    """Nothing tells there whether it is being answered; said before anything is stored."""
    for beside in ({"history": False}, {"activate": False}):
        with pytest.raises(SessionValueError, match="message_id"):
            await session.send_message("x", message_id="mine", **beside)  # type: ignore[arg-type]
    with pytest.raises(SessionValueError, match="message_id"):
        await session.stream_comparison("x", ["mock:echo", "mock:script"], message_id="mine")
    for wrong, kind in ((" ", SessionValueError), (5, SessionTypeError)):
        with pytest.raises(kind, match="message_id"):
            await session.send_message("x", message_id=wrong)  # type: ignore[arg-type]
    assert await session.get_messages(branch="all") == []
