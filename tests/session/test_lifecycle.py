"""From creation to deletion, and what another kernel sees of it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    LoggingMiddleware,
    MetricsHook,
    ProviderConnectionError,
    RetryNotice,
    SessionManager,
    SessionRecord,
    SessionStatus,
    SessionStorageError,
    SessionValueError,
    create_session_manager,
)

Script = Callable[..., Any]


async def test_status_settings_and_title_persist(tmp_path: Path) -> None:
    """Everything a session was given comes back in another process."""
    config = {"db_path": str(tmp_path / "s.db")}
    async with create_session_manager("sqlite", config) as manager:
        session = await manager.create_session(
            "ada",
            "mock",
            "echo",
            title="Dragons",
            system="be brief",
            metadata={"course": 7},
            max_messages=12,
            temperature=0.25,
            stop=["END"],
            options={"logit_bias": {"5": -1}},
        )
        await session.update_settings(model="mock:script", timeout_s=500)
        await session.set_status("paused")
    async with create_session_manager("sqlite", config) as manager:
        again = await manager.get_session(session.session_id)
        assert again is not None
        assert again.record == session.record
        assert (again.title, again.status, again.model) == ("Dragons", SessionStatus.PAUSED, "script")
        assert again.settings.stop == ("END",)
        assert again.settings.options == {"logit_bias": {"5": -1}}
        assert again.record.metadata == {"course": 7}
        assert [m.role for m in await again.get_messages()] == ["system"]


@pytest.mark.parametrize("reads", [1, 2])
async def test_archiving_what_is_deleted_meanwhile_finds_none(
    manager: SessionManager, session: BaseSession, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    """Wherever another program's delete comes in between, there is no session, which is not an error."""
    load, counted = manager.storage.load_session, iter(range(1, 9))

    async def deleted_behind(session_id: str) -> SessionRecord:
        found = await load(session_id)
        if next(counted) == reads:
            await manager.storage.delete_session(session_id)
        return found

    monkeypatch.setattr(manager.storage, "load_session", deleted_behind)
    assert await manager.archive_session(session.session_id) is False


async def test_archiving_is_told_once_and_kept(manager: SessionManager, session: BaseSession) -> None:
    """The second call changes nothing and says so; archived sessions can be listed by status."""
    hook = MetricsHook()
    manager.add_global_hook(hook)
    assert await session.archive() is True
    assert await session.archive() is False
    assert await manager.archive_session(session.session_id) is False
    assert await manager.archive_session("nobody") is False
    assert hook.get_metrics()["archived"] == 1
    assert [s.session_id for s in await manager.list_user_sessions("ada", status="archived")] == [
        session.session_id
    ]
    assert await manager.list_user_sessions("ada", status="active") == []


async def test_deleting_is_for_good(manager: SessionManager, session: BaseSession) -> None:
    """It is found nowhere afterwards, and a second delete says so."""
    await session.send_message("a secret word: xylophone")
    assert await manager.delete_session(session.session_id) is True
    assert await manager.get_session(session.session_id) is None
    assert await manager.delete_session(session.session_id) is False
    assert await session.delete() is False
    assert await manager.search_messages("xylophone") == []


async def test_sessions_are_listed_by_user_the_last_used_first(manager: SessionManager) -> None:
    """Only the user's own; the limit counts from the newest."""
    first = await manager.create_session("ada", "mock", "echo", title="1")
    await manager.create_session("ada", "mock", "echo", title="2")
    await manager.create_session("bob", "mock", "echo", title="3")
    await first.send_message("used again")
    assert [s.title for s in await manager.list_user_sessions("ada")] == ["1", "2"]
    assert [s.title for s in await manager.list_user_sessions("ada", limit=1)] == ["1"]
    assert await manager.list_user_sessions("nobody") == []


async def test_inactive_sessions_are_archived_not_deleted(
    manager: SessionManager, session: BaseSession
) -> None:
    """`cleanup_inactive_sessions` counts what it archived; nothing is lost."""
    await session.send_message("kept")
    assert await manager.cleanup_inactive_sessions(24) == 0
    assert await manager.cleanup_inactive_sessions(0) == 1
    assert (await session.refresh()).status is SessionStatus.ARCHIVED
    assert len(await session.get_messages()) == 2
    with pytest.raises(SessionValueError, match="max_inactive_hours"):
        await manager.cleanup_inactive_sessions(-1)


async def test_search_finds_words_of_the_users_sessions(manager: SessionManager) -> None:
    """All words must be there; any text may be asked for."""
    ada = await manager.create_session("ada", "mock", "echo")
    bob = await manager.create_session("bob", "mock", "echo")
    await ada.send_message("green dragons fly")
    await bob.send_message("green apples")
    hits = await manager.search_messages("dragons green", user_id="ada")
    assert {hit.session_id for hit in hits} == {ada.session_id}
    assert {hit.message.role for hit in hits} == {"user", "assistant"}
    assert "dragons" in hits[0].snippet
    assert await manager.search_messages("dragons", user_id="bob") == []
    for odd in ('"', "a OR b", "NEAR(", "*", "-x", "col:on", "'; DROP TABLE messages"):
        assert await manager.search_messages(odd) == []


async def test_two_managers_on_one_file_see_each_other(tmp_path: Path) -> None:
    """What one has acknowledged the other reads next."""
    config = {"db_path": str(tmp_path / "s.db")}
    async with (
        create_session_manager("sqlite", config) as one,
        create_session_manager("sqlite", config) as two,
    ):
        session = await one.create_session("ada", "mock", "echo")
        await session.send_message("from one")
        same = await two.get_session(session.session_id)
        assert same is not None
        await same.send_message("from two")
        assert [m.content for m in await session.get_messages(role="user")] == ["from one", "from two"]


def test_a_manager_works_in_one_loop_after_the_other(tmp_path: Path) -> None:
    """`asyncio.run` twice, and from a thread with a loop of its own: nothing stays bound to a closed loop."""
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")})

    async def send(text: str) -> int:
        sessions = await manager.list_user_sessions("ada")
        session = sessions[0] if sessions else await manager.create_session("ada", "mock", "echo")
        await session.send_message(text)
        return len(await session.get_messages())

    assert asyncio.run(send("one")) == 2
    assert asyncio.run(send("two")) == 4
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(asyncio.run(send("three"))))
    thread.start()
    thread.join()
    assert counts == [6]
    asyncio.run(manager.close())


def test_one_session_takes_turns_across_loops(tmp_path: Path) -> None:
    """Four threads with loops of their own send in one session: every reply follows its question."""
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")})
    session = asyncio.run(manager.create_session("ada", "mock", "plain"))

    def work(name: str) -> None:
        async def send() -> None:
            for n in range(5):
                await session.send_message(f"{name}{n}")

        asyncio.run(send())

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = asyncio.run(session.get_messages())
    asyncio.run(manager.close())
    assert len(messages) == 40
    pairs = list(zip(messages[::2], messages[1::2], strict=True))
    assert all(reply.content.endswith(question.content) for question, reply in pairs)
    for name in "abcd":
        own = [question.content for question, _ in pairs if question.content.startswith(name)]
        assert own == [f"{name}{n}" for n in range(5)]


async def test_closing_the_manager_keeps_open_streams(tmp_path: Path) -> None:
    """A stream left open is settled: what had arrived is stored."""
    config = {"db_path": str(tmp_path / "s.db")}
    manager = create_session_manager("sqlite", config)
    session = await manager.create_session("ada", "mock", "slow")
    stream = session.stream_message("go")
    await anext(stream)
    await manager.close()
    async with create_session_manager("sqlite", config) as other:
        again = await other.get_session(session.session_id)
        assert again is not None
        assert [m.finish_reason for m in await again.get_messages()] == [None, "interrupted"]


async def test_metrics_remember_events(manager: SessionManager, session: BaseSession, script: Script) -> None:
    """Errors and waits too; the oldest are dropped beyond the limit, and counted."""
    hook = MetricsHook(max_events=4)
    manager.add_global_hook(hook)
    script([RetryNotice(1, 0.5, "HTTP 429"), "ok"], ProviderConnectionError("gone"))
    await session.send_message("one")
    with pytest.raises(ProviderConnectionError):
        await session.send_message("two")
    assert [event.event for event in hook.events] == ["retry", "messages_received", "messages_sent", "error"]
    assert hook.events[0].value == 0.5
    assert hook.events[-1].detail == "ProviderConnectionError"
    assert hook.dropped == 1
    assert all(event.at.tzinfo is not None for event in hook.events)


async def test_the_logging_middleware_logs_no_content(
    manager: SessionManager, session: BaseSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Ids and roles are logged, the text is not."""
    manager.add_global_middleware(LoggingMiddleware())
    with caplog.at_level(logging.DEBUG):
        reply = await session.send_message("the secret is 42")
    assert session.session_id in caplog.text
    assert reply.id in caplog.text
    assert "user message" in caplog.text
    assert "secret" not in caplog.text


async def test_an_export_holds_all_branches(session: BaseSession, tmp_path: Path) -> None:
    """JSON lines: the session first, then each message with its place in the tree; private to its owner."""
    await session.send_message("one")
    await session.undo()
    await session.send_message("two \u2028 {}")
    path = tmp_path / "export.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    text = await session.export(path)
    assert path.read_text(encoding="utf-8") == text
    assert path.stat().st_mode & 0o077 == 0
    head, *messages = [json.loads(line) for line in text.split("\n") if line]
    assert head["session"]["session_id"] == session.session_id
    assert [m["content"] for m in messages if m["role"] == "user"] == ["one", "two \u2028 {}"]
    assert [m["seq"] for m in messages] == [0, 1, 2, 3]
    assert "two" in await session.export(format="md")
    with pytest.raises(SessionValueError, match="format='docx'"):
        await session.export(format="docx")  # type: ignore[arg-type]
    with pytest.raises(SessionStorageError, match="could not be written"):
        await session.export(tmp_path / "nowhere" / "x.jsonl")


async def test_health_says_what_is_there(manager: SessionManager) -> None:
    """Facts for diagnostics, never an exception."""
    health = await manager.health_check()
    assert health["status"] == "ok"
    await manager.storage.close()
    assert (await manager.health_check())["status"] == "error"


async def test_durations_do_not_come_from_the_wall_clock(session: BaseSession) -> None:
    """A session's span is never negative."""
    assert session.metrics.session_duration_s >= 0
    assert session.metrics.last_activity - session.metrics.created_at >= timedelta(0)
