"""What is closed when closing a part of it fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from langswarm_nb.core.session import SessionClosedError, SessionManager, create_session_manager
from langswarm_nb.core.session.closing import close_each
from langswarm_nb.core.session.providers.mock import MockProviderSession


class Stubborn(MockProviderSession):
    """A provider whose connections do not close in good order."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error, self.is_closed = error, False

    async def close(self) -> None:
        self.is_closed = True
        if self.error is not None:
            raise self.error


def manager_with(*providers: Stubborn) -> SessionManager:
    manager = create_session_manager("memory")
    for number, provider in enumerate(providers):
        manager.add_provider_session(f"p{number}", provider)
    return manager


async def assert_storage_closed(manager: SessionManager) -> None:
    with pytest.raises(SessionClosedError):
        await manager.storage.list_sessions()


async def test_a_provider_that_cannot_close_keeps_nothing_open() -> None:
    """The other providers and the storage are closed all the same, and the error is raised as it was."""
    providers = Stubborn(RuntimeError("half-closed")), Stubborn()
    manager = manager_with(*providers)
    with pytest.raises(RuntimeError, match="half-closed"):
        await manager.close()
    assert all(provider.is_closed for provider in providers)
    await assert_storage_closed(manager)
    await manager.close()


async def test_all_that_closing_raised_is_told() -> None:
    """Of two errors none is swallowed."""
    manager = manager_with(Stubborn(RuntimeError("one")), Stubborn(OSError("two")))
    with pytest.raises(ExceptionGroup) as caught:
        await manager.close()
    assert [str(error) for error in caught.value.exceptions] == ["one", "two"]
    await assert_storage_closed(manager)


async def test_a_stream_that_cannot_be_ended_keeps_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply whose end cannot be stored does not keep the file open either."""
    manager = create_session_manager("sqlite", {"db_path": tmp_path / "s.db"})
    session = await manager.create_session("ada", "mock", "slow")
    stream = session.stream_message("Count")
    await anext(stream)

    async def broken(*_: object, **__: object) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(manager.storage, "append_messages", broken)
    with pytest.raises(OSError, match="no disk"):
        await manager.close()
    await assert_storage_closed(manager)


async def test_a_cancelled_close_closes_the_rest_first() -> None:
    """Whoever is cancelled while one thing closes leaves nothing open, and is cancelled then."""
    done: list[str] = []
    begun = asyncio.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def fails() -> None:
        raise OSError("broken")

    async def closes() -> None:
        done.append("storage")

    closing = asyncio.create_task(close_each([hangs, fails, closes]))
    await begun.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await closing
    assert done == ["storage"]
    assert str(caught.value.__cause__) == "broken"
