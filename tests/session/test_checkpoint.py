"""Parts of a reply that cannot be saved while it streams."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from langswarm_nb.core.session import SessionManager, SessionStorageError
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import checkpoint
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage


class NoParts(InMemorySessionStorage):
    """A storage that keeps whole messages only."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.asked = error, asyncio.Event()

    async def save_partial(self, *_: Any, **__: Any) -> None:
        self.asked.set()
        raise self.error


@pytest.mark.parametrize("error", [SessionStorageError("full"), RuntimeError("a fault")])
async def test_a_part_that_cannot_be_saved_is_logged_and_the_reply_goes_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the storage raises, the log tells it once, the reply is kept whole, and asyncio misses nothing."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0)
    storage = NoParts(error)
    async with SessionManager(storage) as manager:
        manager.add_provider_session("mock", MockProviderSession(replies=[["one ", "two"]]))
        session = await manager.create_session("ada", "mock", "echo")
        stream = session.stream_message("Count")
        await anext(stream)
        await storage.asked.wait()
        reply = await stream.read()
        assert (await session.get_messages())[-1] == reply
    del stream
    gc.collect()
    assert "could not be saved" in caplog.text
    assert str(error) in caplog.text
    assert "never retrieved" not in caplog.text
