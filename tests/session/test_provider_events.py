"""What a provider of a few lines may yield, and what becomes of a reply when it yields something else."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    IProviderSession,
    PartDone,
    ProviderRequest,
    ProviderResponseError,
    ProviderSessionError,
    ReplyInfo,
    SessionManager,
    Usage,
)


class Yields(IProviderSession):
    """Yields what it was given."""

    name = "mock"

    def __init__(self, *events: Any) -> None:
        self._events = events

    async def stream(self, request: ProviderRequest) -> AsyncIterator[Any]:
        for event in self._events:
            yield event


@pytest.mark.parametrize(
    "event",
    [
        Usage(output_tokens="12"),  # type: ignore[arg-type]
        Usage(input_tokens=math.nan),  # type: ignore[arg-type]
        Usage(output_tokens=2**80),
        ReplyInfo(model=5),  # type: ignore[arg-type]
        ReplyInfo(request_id="\ud800"),
        ReplyInfo(cost_usd=math.inf),
        ReplyInfo(cost_usd=10**400),
        ReplyInfo(details={"a": object()}),
        ReplyInfo(details=None),  # type: ignore[arg-type]
        PartDone({"type": "x", "o": object()}),
        PartDone({"o": 1}),
        PartDone("text"),  # type: ignore[arg-type]
        Finish("weird"),  # type: ignore[arg-type]
        Finish(None),  # type: ignore[arg-type]
        Finish(FinishReason.STOP, 5),  # type: ignore[arg-type]
        "text",
        None,
    ],
    ids=lambda event: type(event).__name__,
)
async def test_a_fact_that_cannot_be_kept_does_not_lose_the_reply(
    manager: SessionManager, session: BaseSession, event: Any
) -> None:
    """The provider's mistake is a typed error that names it; the text that had arrived is stored all the same."""
    manager.add_provider_session("mock", Yields(Delta("paid for"), event, Finish(FinishReason.STOP)))
    with pytest.raises(ProviderResponseError, match="Provider 'mock' yielded") as caught:
        await session.send_message("Hello")
    assert caught.value.partial_text == "paid for"
    _, reply = await session.get_messages()
    assert (reply.content, reply.finish_reason) == ("paid for", "interrupted")


@pytest.mark.parametrize("values", [(5,), (None,), ("x", "weird")])
async def test_a_delta_that_is_none_does_not_lose_the_reply(
    manager: SessionManager, session: BaseSession, values: tuple[Any, ...]
) -> None:
    """The same for a piece that is not text."""
    delta = Delta(*values)
    manager.add_provider_session("mock", Yields(Delta("paid for"), delta, Finish(FinishReason.STOP)))
    with pytest.raises(ProviderSessionError):
        await session.send_message("Hello")
    assert (await session.get_messages())[-1].content == "paid for"


async def test_a_finish_reason_may_come_by_its_name(manager: SessionManager, session: BaseSession) -> None:
    """`Finish("length")` is as good as the member of the enum."""
    manager.add_provider_session("mock", Yields(Delta("Hello"), Finish("length")))  # type: ignore[arg-type]
    assert (await session.send_message("Hello")).finish_reason == "length"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image"},
        {"type": "image", "media_type": 5, "data": b"x"},
        {"type": "image", "media_type": "image/png", "blob": "0" * 64},
        {"type": "citation"},
        {"type": "citation", "url": 5},
        {"type": "citation", "url": "https://example.com", "title": ["a"]},
        {"type": "citation", "url": "https://example.com", "start": -1},
        {"type": "vendor", "opaque": 1},
        {"type": "vendor", "kind": "search", "text": 5},
        {"type": "vendor", "kind": "search", "detail": [1]},
        {"type": "refusal"},
        {"type": "tool_call", "id": 1, "name": "a", "arguments": "{}"},
        {"type": "unheard of"},
    ],
    ids=str,
)
async def test_a_part_that_is_none_does_not_lose_the_reply(
    manager: SessionManager, session: BaseSession, part: Any
) -> None:
    """It is refused when it comes, and neither the store nor a later send stumbles over it."""
    manager.add_provider_session("mock", Yields(Delta("paid for"), PartDone(part), Finish(FinishReason.STOP)))
    with pytest.raises(ProviderResponseError, match="Provider 'mock' yielded a PartDone"):
        await session.send_message("Hello")
    manager.add_provider_session("mock", yields := Yields(Delta("more"), Finish(FinishReason.STOP)))
    assert (await session.send_message("Go on", provider_session=yields)).content == "more"
    assert [message.full_text for message in await session.get_messages()][1] == "paid for"


@pytest.mark.parametrize(
    "data, kept",
    [("aGVs\nbG8=", b"hello"), ("_-8", b"\xff\xef"), ("aGVs...bG8", b"hello"), ("!", b""), ("aGVsb", b"hel")],
)
@pytest.mark.parametrize("form", ["data", "address"])
async def test_a_damaged_picture_does_not_lose_the_reply(
    manager: SessionManager, session: BaseSession, data: str, kept: bytes, form: str
) -> None:
    """What can be read of it is kept, with a note, and the reply is whole."""
    there = {"data": data} if form == "data" else {"url": f"data:image/png;base64,{data}"}
    picture = PartDone({"type": "image", "media_type": "image/png", **there})
    manager.add_provider_session("mock", Yields(picture, Delta("Here."), Finish(FinishReason.STOP)))
    reply = await session.send_message("Draw")
    [part] = reply.attachments
    assert (reply.finish_reason, part["note"]) == ("stop", "damaged when it came")
    assert await session.read_attachment(part["blob"]) == kept
