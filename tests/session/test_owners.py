"""Who may see what: a manager asked for a user finds that user's sessions alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    MetricsHook,
    SessionManager,
    SessionNotFoundError,
    SessionStatus,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
)


async def test_a_session_of_somebody_else_is_not_found(manager: SessionManager, session: BaseSession) -> None:
    """To read, archive, search and delete; nothing of it is changed, and its owner finds it."""
    await session.send_message("a secret word: xylophone")
    mine = session.session_id
    assert await manager.get_session(mine, user_id="bob") is None
    assert await manager.archive_session(mine, user_id="bob") is False
    assert await manager.delete_session(mine, user_id="bob") is False
    with pytest.raises(SessionNotFoundError, match=mine):
        await manager.search_messages("xylophone", user_id="bob", session_id=mine)
    assert await manager.search_messages("xylophone", user_id="bob") == []
    assert (await session.refresh()).status is SessionStatus.ACTIVE
    assert await manager.get_session(mine, user_id="ada") is session
    assert len(await manager.search_messages("xylophone", user_id="ada", session_id=mine)) == 2
    assert await manager.archive_session(mine, user_id="ada") is True
    assert await manager.delete_session(mine, user_id="ada") is True


async def test_an_empty_user_is_no_wild_card(manager: SessionManager, session: BaseSession) -> None:
    """What a service passes for who is not logged in finds nothing by mistake."""
    for call in (manager.get_session, manager.archive_session, manager.delete_session):
        with pytest.raises(SessionValueError, match="user_id"):
            await call(session.session_id, user_id="")
    assert (await session.refresh()).status is SessionStatus.ACTIVE


async def test_a_held_session_is_not_the_one_made_anew_under_its_id(tmp_path: Path) -> None:
    """Deleted and made anew by another program: who holds the old one neither reads nor writes the new one."""
    config = {"db_path": str(tmp_path / "s.db")}
    async with (
        create_session_manager("sqlite", config) as one,
        create_session_manager("sqlite", config) as two,
    ):
        held = await one.create_session("ada", "mock", "echo", session_id="s")
        await held.send_message("mine")
        await two.delete_session("s")
        new = await two.create_session("bob", "mock", "echo", session_id="s")
        await new.send_message("not yours")
        for call in (held.get_messages(), held.refresh(), held.send_message("hello"), held.rename("mine")):
            with pytest.raises(SessionNotFoundError, match="'s'"):
                await call
        assert await held.delete() is False
        assert [m.content for m in await new.get_messages(role="user")] == ["not yours"]
        assert await one.get_session("s", user_id="ada") is None
        again = await one.get_session("s")
        assert again is not None
        assert again is not held
        assert again.user_id == "bob"
        assert again.unstored_replies == []
        assert held.user_id == "ada"


async def test_all_of_a_user_is_deleted(
    manager: SessionManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Archived ones too, more than are read at a time, with hooks told; other users keep theirs."""
    monkeypatch.setattr("langswarm_nb.core.session.base._AT_ONCE", 2)
    hook = MetricsHook()
    manager.add_global_hook(hook)
    kept = await manager.create_session("bob", "mock", "echo")
    for number in range(5):
        session = await manager.create_session("ada", "mock", "echo", title=str(number))
        await session.send_message("xylophone")
    await session.archive()
    with caplog.at_level(logging.WARNING):
        assert await manager.delete_user("ada") == 5
    assert caplog.text == ""
    assert await manager.list_user_sessions("ada") == []
    assert await manager.search_messages("xylophone") == []
    assert hook.get_metrics()["deleted"] == 5
    assert await session.delete() is False
    assert await manager.delete_user("ada") == 0
    assert await manager.get_session(kept.session_id) is kept


async def test_deleting_a_user_ends_what_still_runs(
    manager: SessionManager, script: Callable[..., Any]
) -> None:
    """A reply that comes when its session is gone is on the error, and stored nowhere."""
    script(["some ", "words"])
    session = await manager.create_session("ada", "mock", "script")
    stream = session.stream_message("go")
    await anext(stream)
    assert await manager.delete_user("ada") == 1
    with pytest.raises(SessionNotFoundError) as caught:
        async for _ in stream:
            pass
    assert caught.value.reply is not None
    assert caught.value.reply.content == "some words"
    assert session.unstored_replies == []


async def test_a_user_reads_page_by_page(manager: SessionManager) -> None:
    """Sessions from the last used, messages from the end; all of them, once."""
    for number in range(5):
        session = await manager.create_session("ada", "mock", "echo", title=str(number))
        await session.send_message(f"to {number}")
    titles, before = [], None
    while page := await manager.list_user_sessions("ada", limit=2, before=before):
        titles += [each.title for each in page]
        before = page[-1].used_at
    assert titles == list("43210")
    for number in range(4):
        await session.send_message(f"more {number}")
    seqs: list[int | None] = []
    first = None
    while messages := await session.get_messages(limit=3, before_seq=first):
        seqs = [message.seq for message in messages] + seqs
        first = messages[0].seq
    assert seqs == list(range(10))
    with pytest.raises(SessionValueError, match="before_seq"):
        await session.get_messages(before_seq=-1)
    with pytest.raises(SessionTypeError, match="before"):
        await manager.list_user_sessions("ada", before="2026")  # type: ignore[arg-type]
