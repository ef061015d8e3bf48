"""A session that is deleted elsewhere while it is being answered: the answer ends, what was paid is handed over."""

from __future__ import annotations

import asyncio
import logging

import pytest

from langswarm_nb.core.session import (
    Delta,
    IProviderSession,
    ISession,
    ISessionLifecycleHook,
    SessionNotFoundError,
)
from langswarm_nb.core.session.sending import checkpoint, lease
from tests.support.two_kernels import Kernel
from tests.support.waits import PATIENCE_S

TwoKernels = tuple[Kernel, Kernel]


class Endless(IProviderSession):
    """Gives pieces until it is closed."""

    name = "mock"

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.is_closed = False

    async def stream(self, request: object):
        try:
            while True:
                yield Delta("more ")
                self.begun.set()
                await asyncio.sleep(0.001)
        finally:
            self.is_closed = True


@pytest.mark.parametrize("finds_out", ["checkpoint", "beat"])
@pytest.mark.parametrize("anew", [False, True], ids=["gone", "made anew"])
async def test_an_answer_ends_when_its_session_is_deleted(
    kernels: TwoKernels,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    finds_out: str,
    anew: bool,
) -> None:
    """The connection is closed, the error says so and holds what had arrived; nothing is stored, nothing is logged."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0.01 if finds_out == "checkpoint" else 1e6)
    monkeypatch.setattr(lease, "BEAT_S", 0.01 if finds_out == "beat" else 1e6)
    first, second = kernels
    told: list[Exception] = []

    class Ear(ISessionLifecycleHook):
        async def on_error(self, session: ISession, error: Exception) -> None:
            told.append(error)

    first.session.add_hook(Ear())
    endless = Endless()
    first.manager.add_provider_session("mock", endless)
    asked = first.ask("one")
    await endless.begun.wait()
    session_id = second.session.session_id
    await second.session.delete()
    if anew:
        await second.manager.create_session("ada", "mock", "echo", session_id=session_id)
    with caplog.at_level(logging.WARNING), pytest.raises(SessionNotFoundError, match="was deleted") as caught:
        await asyncio.wait_for(asked, PATIENCE_S)
    reply = caught.value.reply
    assert reply is not None
    assert reply.content.startswith("more more ")
    assert caught.value.question is not None
    assert caught.value.question.content == "one"
    assert endless.is_closed
    assert told == [caught.value]
    assert caplog.text == ""
    found = await second.manager.get_session(session_id)
    assert (found is not None) is anew
    assert found is None or await found.get_messages(branch="all") == []


async def test_who_watches_is_told_that_it_will_not_be_stored(
    kernels: TwoKernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view still has the reply, and says of it that its session is gone."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0.01)
    first, second = kernels
    endless = Endless()
    first.manager.add_provider_session("mock", endless)
    stream = first.session.stream_message("one")
    reading = asyncio.ensure_future(stream.read())
    await endless.begun.wait()
    await second.session.delete()
    with pytest.raises(SessionNotFoundError):
        await asyncio.wait_for(reading, PATIENCE_S)
    assert stream.reply is None
    assert stream.unstored is not None
    assert stream.notes == ("not stored: its session is gone",)
    assert first.session.unstored_replies == []


async def test_a_send_that_waits_ends_when_the_session_is_deleted(kernels: TwoKernels) -> None:
    """It need not wait for its turn any more."""
    first, second = kernels
    one = first.ask("one")
    await first.gate.begun.wait()
    two = second.ask("two")
    await second.waits.wait()
    await first.manager.storage.delete_session(first.session.key)
    with pytest.raises(SessionNotFoundError):
        await two
    first.gate.opened.set()
    with pytest.raises(SessionNotFoundError) as caught:
        await one
    assert caught.value.reply is not None
    assert caught.value.reply.content == "re one"
