"""Archiving what nobody uses never meets who does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    MetricsHook,
    SessionManager,
    SessionStatus,
    create_session_manager,
)


async def test_a_send_that_runs_keeps_its_session_active(manager: SessionManager) -> None:
    """In mid-stream, also when everything that is older than now is archived; afterwards it is archived."""
    hook = MetricsHook()
    manager.add_global_hook(hook)
    session = await manager.create_session("ada", "mock", "echo")
    stream = session.stream_message("go")
    await anext(stream)
    assert await manager.cleanup_inactive_sessions(0) == 0
    async for _ in stream:
        pass
    assert (await session.refresh()).status is SessionStatus.ACTIVE
    assert await manager.cleanup_inactive_sessions(0) == 1
    assert session.status is SessionStatus.ARCHIVED
    assert hook.get_metrics()["archived"] == 1


@pytest.mark.parametrize("send", ["send", "regenerate", "compare"])
async def test_what_is_asked_in_an_archived_session_makes_it_active(
    manager: SessionManager, session: BaseSession, send: str
) -> None:
    """By whatever door; the object that sent and the store say so."""
    await session.send_message("one")
    await session.archive()
    if send == "send":
        await session.send_message("two")
    elif send == "regenerate":
        await session.regenerate()
    else:
        for stream in await session.stream_comparison("two", ["mock:echo", "mock:plain"]):
            await stream.read()
    assert session.status is SessionStatus.ACTIVE
    assert (await manager.storage.load_session(session.session_id)).status is SessionStatus.ACTIVE


async def test_an_answer_that_was_on_its_way_leaves_the_session_archived(
    manager: SessionManager, session: BaseSession
) -> None:
    """Who archives in mid-stream means it; the answer is kept."""
    stream = session.stream_message("go")
    await anext(stream)
    assert await session.archive() is True
    async for _ in stream:
        pass
    assert session.status is SessionStatus.ARCHIVED
    assert len(await session.get_messages()) == 2


async def test_sends_and_cleanups_of_two_programs_at_once(
    tmp_path: Path,
) -> None:
    """Whatever comes first, a session that is in use is active in the end, and all that was said is there."""
    config = {"db_path": str(tmp_path / "s.db")}
    async with (
        create_session_manager("sqlite", config) as one,
        create_session_manager("sqlite", config) as two,
    ):
        made = [await one.create_session("ada", "mock", "echo") for _ in range(8)]

        async def clean() -> None:
            for _ in range(10):
                await two.cleanup_inactive_sessions(0)

        await asyncio.gather(clean(), *(session.send_message(f"to {n}") for n, session in enumerate(made)))
        await asyncio.gather(clean(), *(session.send_message(f"more {n}") for n, session in enumerate(made)))
        await one.cleanup_inactive_sessions(24)
        assert [len(await session.get_messages()) for session in made] == [4] * 8
        again = await asyncio.gather(*(session.send_message("once more") for session in made))
        assert all(reply.finish_reason == "stop" for reply in again)
        assert {(await session.refresh()).status for session in made} == {SessionStatus.ACTIVE}
