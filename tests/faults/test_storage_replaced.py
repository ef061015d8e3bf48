"""A file that is removed, replaced or written over while it is open: the new one is used, and never harmed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    SessionError,
    SessionManager,
    SessionNotFoundError,
    SessionStorageError,
    create_session_manager,
)
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import checkpoint
from langswarm_nb.core.session.storage import sqlite
from langswarm_nb.core.session.storage._sqlite import database
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import answer, check_sound, question, record, texts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced there")

MANY = 80
"""Turns of which a log is moved into its file."""
Lay = Callable[[Path, Path], None]


def copied_over(other: Path, path: Path) -> None:
    """As `cp` does: the same file with other bytes."""
    shutil.copyfile(other, path)


def moved_over(other: Path, path: Path) -> None:
    """As `mv`, editors and synchronisers do: another file of the same name."""
    shutil.copyfile(other, path.with_name("new"))
    path.with_name("new").replace(path)


def removed(_: Path, path: Path) -> None:
    path.unlink()


def removed_with_its_log(_: Path, path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


LAID = [copied_over, moved_over]
GONE = [removed, removed_with_its_log]
laid = pytest.mark.parametrize("lay", LAID, ids=lambda lay: lay.__name__)
gone = pytest.mark.parametrize("lay", GONE, ids=lambda lay: lay.__name__)
sizes = pytest.mark.parametrize("turns, others", [(2, 2), (2, MANY), (MANY, 2), (MANY, MANY)])


async def fill(storage: SQLiteSessionStorage, session_id: str, turns: int) -> None:
    await storage.create_session(record(session_id))
    for first in range(0, turns, 20):
        turn_numbers = range(first, min(first + 20, turns))
        texts = [f"{session_id}{n} ".ljust(60_000, "x") for n in turn_numbers]
        await storage.append_messages(
            session_id, [each for text in texts for each in (question(text), answer(text[:9]))]
        )


async def other_store(path: Path, turns: int, session_id: str = "new") -> Path:
    """Return a file with another store."""
    storage = SQLiteSessionStorage(path)
    await fill(storage, session_id, turns)
    await storage.close()
    return path


async def contents(path: Path, session_id: str) -> list[str]:
    """Return what a fresh storage reads."""
    storage = SQLiteSessionStorage(path)
    found = await storage.get_messages(session_id)
    await storage.close()
    return [message.content for message in found]


USES: dict[str, Callable[[SQLiteSessionStorage, str], Awaitable[Any]]] = {
    "read": lambda storage, session_id: storage.get_messages(session_id),
    "write": lambda storage, session_id: storage.append_messages(session_id, [question("more")]),
}


@laid
@sizes
@pytest.mark.parametrize("first", [*USES, "close"])
async def test_another_store_in_its_place_is_used_from_then_on_and_stays_whole(
    tmp_path: Path, lay: Lay, turns: int, others: int, first: str
) -> None:
    """Neither the log of the former one is applied to it, nor does closing touch it; at most one use fails."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", others)
    storage = SQLiteSessionStorage(path, durability="fast")
    await fill(storage, "old", turns)
    await storage.list_sessions()
    lay(other, path)
    if first in USES:
        failures = 0
        for use in (USES[first], *USES.values()):
            try:
                await use(storage, "new")
            except SessionError:
                failures += 1
        assert failures <= 1
        with pytest.raises(SessionNotFoundError, match="removed or replaced while it was open"):
            await storage.get_messages("old")
        assert [found.session_id for found in await storage.list_sessions()] == ["new"]
    await storage.close()
    check_sound(path)
    added = (await contents(path, "new"))[2 * others :]
    assert set(added) <= {"more"}
    assert (await contents(other, "new")) == (await contents(path, "new"))[: 2 * others]


@laid
async def test_what_was_not_in_the_former_file_yet_is_kept_beside(
    tmp_path: Path, lay: Lay, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log has another name, as private, and the warning tells it; put back, it is whole."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", 2)
    storage = SQLiteSessionStorage(path)
    await fill(storage, "old", 2)
    shutil.copyfile(path, tmp_path / "old.db")
    lay(other, path)
    await storage.list_sessions()
    kept = tmp_path / "s.db-wal.former-1"
    assert str(kept) in caplog.text
    assert kept.stat().st_mode & 0o777 == 0o600
    await storage.close()
    shutil.copyfile(kept, tmp_path / "old.db-wal")
    assert len(await contents(tmp_path / "old.db", "old")) == 4


@gone
@pytest.mark.parametrize("first", USES)
async def test_a_file_that_is_gone_is_made_anew(tmp_path: Path, lay: Lay, first: str) -> None:
    """What was in it is not found, and the error says why; the next is in the file that a fresh process sees."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await fill(storage, "old", 2)
    await storage.list_sessions()
    lay(path, path)
    with pytest.raises(SessionNotFoundError, match="removed or replaced while it was open"):
        await USES[first](storage, "old")
    await storage.create_session(record("new"))
    assert [found.session_id for found in await storage.list_sessions()] == ["new"]
    await storage.close()
    fresh = SQLiteSessionStorage(path)
    assert [found.session_id for found in await fresh.list_sessions()] == ["new"]
    await fresh.close()
    check_sound(path)


@laid
async def test_an_older_state_of_the_same_store_is_another_store(tmp_path: Path, lay: Lay) -> None:
    """A backup that is put back while the store is open is what there is then, whole."""
    path, backup = tmp_path / "s.db", await other_store(tmp_path / "backup.db", MANY, "s")
    shutil.copyfile(backup, path)
    for _ in range(2):  # the second time the log begins where the first has ended
        storage = SQLiteSessionStorage(path, durability="fast")
        for n in range(5):
            await storage.append_messages("s", [question(f"later {n}".ljust(2_000_000))])
    lay(backup, path)
    assert len(await storage.get_messages("s")) == 2 * MANY
    await storage.append_messages("s", [question("again")])
    await storage.close()
    check_sound(path)
    assert (await contents(path, "s"))[-1] == "again"


@laid
async def test_all_storages_of_the_process_on_the_file_go_on_with_the_new_one(
    tmp_path: Path, lay: Lay
) -> None:
    """Whoever finds out first, and one that opens it before anybody has."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", 2)
    first, second = SQLiteSessionStorage(path), SQLiteSessionStorage(path)
    await fill(first, "old", 2)
    await second.append_messages("old", [question("second")])
    lay(other, path)
    third = SQLiteSessionStorage(path)
    for storage in (third, second, first):
        await storage.append_messages("new", [question("more")])
    for storage in (second, first, third):
        await storage.close()
    check_sound(path)
    assert (await contents(path, "new"))[-3:] == ["more"] * 3


@laid
async def test_the_log_of_a_dead_process_is_not_applied_to_another_file(tmp_path: Path, lay: Lay) -> None:
    """A kernel that was killed leaves its log; who opens the file that was put there meanwhile leaves it aside."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", 3)
    storage = SQLiteSessionStorage(path)
    await fill(storage, "old", 2)
    lost = {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}
    await storage.close()
    for end, data in lost.items():
        path.with_name(path.name + end).write_bytes(data)
    lay(other, path)
    assert len(await contents(path, "new")) == 6
    check_sound(path)
    assert (tmp_path / "s.db-wal.former-1").read_bytes() == lost["-wal"]


async def test_the_log_of_a_dead_process_is_applied_to_its_own_file(tmp_path: Path) -> None:
    """Nothing is left aside where nothing was replaced, also when a part of the log is in the file already."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await fill(storage, "s", 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        await fill(storage, "t", 3)
        await storage._do("write", lambda db: db.execute("PRAGMA wal_checkpoint").fetchall(), alone=True)
        await fill(storage, "u", 3)
        lost = {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}
    await storage.close()
    for end, data in lost.items():
        path.with_name(path.name + end).write_bytes(data)
    assert [len(await contents(path, name)) for name in "stu"] == [6, 6, 6]
    assert not database.was_replaced(path)


async def test_a_part_of_the_log_in_the_file_is_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside one who reads an old state, the file alone makes no sense; the storage writes on."""
    monkeypatch.setattr(sqlite, "_PURGE_WAIT_S", 0)
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path, durability="fast")
    await fill(storage, "s", 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        for n in range(30):
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            await fill(storage, f"t{n}", 10)
            await storage.delete_session(f"t{n // 2}")
            await storage._do("write", lambda db: db.execute("PRAGMA wal_checkpoint").fetchall(), alone=True)
            assert len(await storage.get_messages("s")) == 6
            reader.execute("ROLLBACK")
    await storage.close()
    check_sound(path)
    assert not database.was_replaced(path)


@pytest.mark.parametrize("data", [b"", b"Dear diary, " * 500])
async def test_what_is_no_store_in_its_place_is_not_changed(tmp_path: Path, data: bytes) -> None:
    """A text, or nothing, written over the file: it is refused, or a new store; its former log does not come back."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path, durability="fast")
    await fill(storage, "old", MANY)
    path.write_bytes(data)
    error = SessionStorageError if data else SessionNotFoundError
    for use in USES.values():
        with pytest.raises(error):
            await use(storage, "old")
    await storage.close()
    if data:
        assert path.read_bytes() == data


async def test_a_commit_that_went_with_the_former_file_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the file is replaced while a transaction runs, the write fails, and says where it went."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", 2, "s")
    storage = SQLiteSessionStorage(path)
    await fill(storage, "s", 2)

    def replaced_meanwhile(db: Any) -> None:
        moved_over(other, path)

    with pytest.raises(SessionStorageError, match="lost with it"):
        await storage._write(replaced_meanwhile)
    await storage.append_messages("s", [question("more")])
    await storage.close()
    assert (await contents(path, "s"))[-1] == "more"
    check_sound(path)


async def test_a_log_that_cannot_be_moved_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names it and says what to do; both files stay as they are."""
    path, other = tmp_path / "s.db", await other_store(tmp_path / "other.db", 2)
    storage = SQLiteSessionStorage(path)
    await fill(storage, "old", 2)
    moved_over(other, path)
    before = path.read_bytes(), path.with_name("s.db-wal").read_bytes()

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    for _ in range(2):
        with pytest.raises(SessionStorageError, match=r"s\.db-wal.*cannot be moved away"):
            await storage.get_messages("new")
    assert (path.read_bytes(), path.with_name("s.db-wal").read_bytes()) == before
    monkeypatch.undo()
    assert len(await storage.get_messages("new")) == 4
    await storage.close()
    check_sound(path)


async def test_a_file_that_only_its_time_of_change_was_touched_of_is_the_same(tmp_path: Path) -> None:
    """Programs that make backups do so."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await fill(storage, "s", 2)
    for moment in (1, 2_000_000_000):
        os.utime(path, (moment, moment))
        await storage.append_messages("s", [question("more")])
    assert len(await storage.get_messages("s")) == 6
    await storage.close()
    assert not database.was_replaced(path)
    assert len(await contents(path, "s")) == 6


# -- sends ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def manager(tmp_path: Path) -> Any:
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")})
    manager.add_provider_session(
        "mock", MockProviderSession(replies=["first", "paid and long", *["next"] * 9])
    )
    yield manager
    await manager.close()


async def asked(manager: SessionManager) -> BaseSession:
    """Return a session of one turn."""
    session = await manager.create_session("ada", "mock", "echo", session_id="s")
    await session.send_message("one")
    return session


@laid
async def test_one_send_fails_at_most(tmp_path: Path, manager: SessionManager, lay: Lay) -> None:
    """A copy of the store is put back between two sends: the next goes on from what is in it, and in the log.

    Of a copy written over the file of which the log holds all that came later, SQLite sees the later state.
    """
    session = await asked(manager)
    with closing(sqlite3.connect(tmp_path / "s.db")) as db, closing(sqlite3.connect(tmp_path / "b")) as copy:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    await session.send_message("lost")
    lay(tmp_path / "b", tmp_path / "s.db")
    outcomes = [await _outcome(session, text) for text in ("two", "three")]
    assert outcomes[1] == ""
    assert sum(map(bool, outcomes)) <= 1
    lost = " lost paid and long" if lay is copied_over else ""
    assert texts(await session.get_messages()) == f"one first{lost} two next three next"
    check_sound(tmp_path / "s.db")


async def _outcome(session: BaseSession, text: str) -> str:
    try:
        await session.send_message(text)
    except SessionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("lay", [*LAID, *GONE], ids=lambda lay: lay.__name__)
@pytest.mark.parametrize("saves_parts", [False, True])
async def test_a_reply_whose_question_went_with_the_file_is_on_the_error(
    tmp_path: Path, manager: SessionManager, lay: Lay, monkeypatch: pytest.MonkeyPatch, saves_parts: bool
) -> None:
    """It never goes under another question that has the same number; the error says what happened, and carries it."""
    if saves_parts:
        monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0)
    session = await asked(manager)
    other = await other_store(tmp_path / "other.db", 5, "s")
    stream = session.stream_message("two")
    await anext(stream)
    lay(other, tmp_path / "s.db")
    with pytest.raises(SessionNotFoundError) as caught:
        await stream.read()
    assert caught.value.reply is stream.unstored
    assert caught.value.reply is not None
    assert caught.value.reply.content == "paid and long"
    assert "removed or replaced" in str(caught.value)
    if lay in LAID:
        assert len(await session.get_messages(branch="all")) == 10
        check_sound(tmp_path / "s.db")


@laid
async def test_a_reply_whose_question_is_in_the_new_file_is_stored_there(
    tmp_path: Path, manager: SessionManager, lay: Lay
) -> None:
    """A copy made after the question was stored knows it."""
    session = await asked(manager)
    stream = session.stream_message("two")
    await anext(stream)
    with closing(sqlite3.connect(tmp_path / "s.db")) as db, closing(sqlite3.connect(tmp_path / "b")) as copy:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("UPDATE sessions SET title = 'the copy'")
        copy.commit()
    moved_over(tmp_path / "b", tmp_path / "s.db") if lay is moved_over else None
    await stream.read()
    assert texts(await session.get_messages()) == "one first two paid and long"
    assert (await session.refresh()).title == ("the copy" if lay is moved_over else None)


def test_a_connection_that_its_thread_closes_meanwhile_tells_nothing_of_the_file(tmp_path: Path) -> None:
    """Who looks at the connections of all threads finds closed ones among them, and no other store in that."""
    path = tmp_path / "s.db"
    held, leaving = database.Database(path, "fast", 1.0), database.Database(path, "fast", 1.0)
    held.execute("CREATE TABLE more(x)")
    held.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the file has changed since both looked at it
    leaving.disconnect()
    assert leaving.is_current()
    assert held.is_current()
    assert not database.was_replaced(path)
    held.close()
