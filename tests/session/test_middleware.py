"""What a middleware may make of a message, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session import (
    AttachmentError,
    BaseSession,
    ISession,
    ISessionMiddleware,
    MessageRole,
    SessionMessage,
    SessionMiddlewareError,
)
from langswarm_nb.core.session.provider_events import Intake
from langswarm_nb.core.session.providers.mock import MockProviderSession

Change = Callable[[SessionMessage], SessionMessage]


def same(message: SessionMessage) -> SessionMessage:
    return message


class Changes(ISessionMiddleware):
    """Passes messages through two functions."""

    def __init__(self, outgoing: Change = same, incoming: Change = same) -> None:
        self._outgoing, self._incoming = outgoing, incoming

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return self._outgoing(message)

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return self._incoming(message)


class WithoutAddresses(MockProviderSession):
    """Takes pictures by their bytes alone."""

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        return Intake(("image/*",), addresses=())


async def test_a_reply_made_anew_stays_the_reply(session: BaseSession) -> None:
    """A middleware that returns a new message changes what is said; the id and the facts of the request stay."""
    session.add_middleware(
        Changes(incoming=lambda reply: SessionMessage(role=reply.role, content=reply.content.upper()))
    )
    stream = session.stream_message("Hello")
    await anext(stream)
    assert stream.partial is not None
    reply = await stream.read()
    assert reply.content.endswith("YOU SAID: HELLO")
    assert (reply.id, reply.finish_reason) == (stream.partial.id, "stop")
    assert reply.usage is not None
    assert reply.token_count == reply.usage.output_tokens


@pytest.mark.parametrize(
    "change",
    [
        lambda reply: replace(reply, metadata={"a": object()}),
        lambda reply: replace(reply, content="half \ud800"),
        lambda reply: replace(reply, role=MessageRole.USER),
    ],
    ids=["not JSON", "not UTF-8", "another role"],
)
async def test_a_reply_that_cannot_be_kept_is_kept_as_it_came(session: BaseSession, change: Change) -> None:
    """What a middleware spoils is an error of the middleware; the reply that was paid for is stored."""
    session.add_middleware(Changes(incoming=change))
    with pytest.raises(SessionMiddlewareError):
        await session.send_message("Hello")
    _, reply = await session.get_messages()
    assert (reply.role, reply.finish_reason) == (MessageRole.ASSISTANT, "stop")
    assert reply.content.endswith("You said: Hello")


@pytest.mark.parametrize(
    "change",
    [lambda sent: replace(sent, content=" "), lambda sent: replace(sent, role=MessageRole.SYSTEM)],
    ids=["empty", "another role"],
)
async def test_a_question_that_cannot_be_sent_is_not_stored(session: BaseSession, change: Change) -> None:
    """A middleware that leaves nothing of a question, or makes it another's, stops the send with an error."""
    session.add_middleware(Changes(outgoing=change))
    with pytest.raises(SessionMiddlewareError, match=r"Changes\.process_outgoing_message"):
        await session.send_message("Hello")
    assert await session.get_messages(branch="all") == []


@pytest.mark.parametrize(
    "parts", [[{"type": "image"}], [{"type": "x"}], ["text"], [{"type": "text", "text": 1}]]
)
@pytest.mark.parametrize("way", ["outgoing", "incoming"])
async def test_parts_that_no_message_can_have_are_refused(session: BaseSession, parts: Any, way: str) -> None:
    """The error names the middleware; a question of it is not stored, and a reply stays as it came."""
    session.add_middleware(Changes(**{way: lambda message: replace(message, parts=tuple(parts))}))
    with pytest.raises(SessionMiddlewareError, match=r"Changes\.process_"):
        await session.send_message("Hello")
    stored = await session.get_messages()
    assert [message.parts for message in stored] == ([] if way == "outgoing" else [(), ()])


async def test_an_address_that_is_added_is_fetched_where_the_model_takes_none(session: BaseSession) -> None:
    """It is as if it had been attached: looked at, and refused for what is wrong with it."""
    part = {"type": "image", "url": "https://10.0.0.1/a.png"}
    session.add_middleware(Changes(lambda message: replace(message, parts=(part,))))
    with pytest.raises(AttachmentError, match="not a public address"):
        await session.send_message("Hello", provider_session=WithoutAddresses())
    assert await session.get_messages() == []
