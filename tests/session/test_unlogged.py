"""What is on disk of a session whose words are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from langswarm_nb.core.session import BaseSession, SessionManager, SessionMessage, SessionStorageError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.core.session.storage.unlogged import UnloggedStorage


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[BaseSession]:
    """Yield a session with all that a tree of messages can have."""
    storage = UnloggedStorage(SQLiteSessionStorage(tmp_path / "s.db"))
    async with SessionManager(storage) as manager:
        session = await manager.create_session("ada", "mock", "echo", title="plans", system="confidential")
        await session.send_message("confidential one", cell_id="c1", source="magic")
        await session.send_message("aside", history=False)
        first = await session.send_message("confidential two", metadata={"note": "confidential"})
        await session.send_message("compared", activate=False, compare_id="one-comparison")
        await session.regenerate(first.id)
        await session.fork(0, "try")
        await session.send_message("on another branch", temperature=0.5)
        await session.hide((await session.get_messages())[-1].id)
        yield session


async def stored(session: BaseSession, tmp_path: Path) -> SQLiteSessionStorage:
    await session.manager.close()
    return SQLiteSessionStorage(tmp_path / "s.db")


def without_words(message: SessionMessage) -> SessionMessage:
    """Return what is left of a message, and nothing that is lost beside its words."""
    facts = message.request and replace(message.request, params={}, details={}, error_message=None)
    metadata = {"content_chars": len(message.content)}
    return replace(message, content="", parts=(), metadata=metadata, request=facts)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def place(message: SessionMessage) -> tuple[object, ...]:
    """Return what `==` does not look at."""
    return (
        message.seq,
        message.parent_seq,
        message.turn,
        message.version,
        message.is_active,
        message.is_hidden,
        message.beside,
    )


async def test_only_the_words_are_not_stored(session: BaseSession, tmp_path: Path) -> None:
    """Branches, versions, hidden messages, asides and comparisons are in the file as they are in memory."""
    known = await session.get_messages(branch="all")
    branches, record = await session.branches(), await session.refresh()
    assert len({message.version for message in known}) > 1
    assert (
        {message.is_active for message in known} == {message.is_hidden for message in known} == {True, False}
    )
    storage = await stored(session, tmp_path)
    kept = await storage.get_messages(session.session_id, branch="all")
    assert kept == list(map(without_words, known))
    assert list(map(place, kept)) == list(map(place, known))
    assert {message.beside for message in kept} == {None, "aside", "comparison"}
    assert await storage.list_branches(session.session_id) == branches
    assert await storage.load_session(session.session_id) == record
    await storage.close()


async def test_no_word_is_in_the_file(session: BaseSession, tmp_path: Path) -> None:
    """Neither prompt, nor system prompt, nor metadata of the caller's."""
    await (await stored(session, tmp_path)).close()
    assert b"confidential" not in all_bytes(tmp_path)


async def test_words_stay_when_a_session_cannot_be_deleted(
    session: BaseSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delete that fails changes nothing."""

    async def locked(*_: object) -> bool:
        raise SessionStorageError("The file is locked.")

    monkeypatch.setattr(SQLiteSessionStorage, "delete_session", locked)
    with pytest.raises(SessionStorageError):
        await session.delete()
    assert (await session.get_messages(branch="all"))[1].content == "confidential one"
