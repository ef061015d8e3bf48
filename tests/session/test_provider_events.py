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
