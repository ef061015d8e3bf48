"""A service sets bounds for what its users send."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session import Bounds, MetricsHook, SessionValueError, create_session_manager


async def test_a_message_that_is_too_long_is_refused_at_once() -> None:
    """Before it is sent or stored, by each door; what is there already can still be answered again."""
    async with create_session_manager("memory", {"bounds": Bounds(max_message_chars=10)}) as manager:
        hook = MetricsHook()
        manager.add_global_hook(hook)
        with pytest.raises(SessionValueError, match="system has 11 characters"):
            await manager.create_session("ada", "mock", "echo", system="x" * 11)
        assert await manager.list_user_sessions("ada") == []
        session = await manager.create_session("ada", "mock", "echo")
        with pytest.raises(SessionValueError, match="content has 11 characters, but the limit is 10"):
            session.stream_message("x" * 11)
        for call in (
            session.send_message("x" * 11),
            session.plan_message("x" * 11),
            session.stream_comparison("x" * 11, ["mock:echo"]),
            session.add_system_message("x" * 11),
            session.send_message("x", system="x" * 11),
            session.send_message("x", parts=[{"type": "image", "url": "https://x.example/y.png"}]),
        ):
            with pytest.raises(SessionValueError, match="characters"):
                await call
        assert await session.get_messages(branch="all") == []
        assert hook.get_metrics()["messages_sent"] == 0
        reply = await session.send_message("x" * 10)
        manager.storage.bounds = Bounds(max_message_chars=5)
        assert (await session.regenerate()).content == reply.content
