"""Files that are not what they should be: a typed error that names the file, which stays as it was."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest

from langswarm_nb.analysis import messages_df, sessions_df, turns_df
from langswarm_nb.core.session import SessionStorageError, create_session_manager
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage


def test_a_file_that_is_not_there_yet_has_no_rows(tmp_path):
    """A frame is empty before the first message, and asking for it makes no file."""
    storage = SQLiteSessionStorage(tmp_path / "folder" / "new.db")
    assert len(messages_df(storage)) == len(turns_df(storage)) == len(sessions_df(storage)) == 0
    assert not (tmp_path / "folder").exists()


def other_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes(text)")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.write_bytes(b"no database at all" * 300), other_program],
    ids=["no database", "another program's"],
)
def test_a_foreign_file_is_refused_and_kept(tmp_path, spoil):
    """The error names the file; not a byte of it changes."""
    path = tmp_path / "other.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(SessionStorageError, match=r"other\.db.*could not be read"):
        messages_df(SQLiteSessionStorage(path))
    assert path.read_bytes() == before


async def test_a_damaged_file_gives_no_partial_frame(tmp_path):
    """A file that lost its end is an error, not a shorter history."""
    path = tmp_path / "cut.db"
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        for _ in range(30):
            await session.send_message("x" * 2000)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cut_short(path)
    with pytest.raises(SessionStorageError, match=r"cut\.db"):
        messages_df(SQLiteSessionStorage(path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_an_error(tmp_path):
    """Without permission: the error names the file."""
    path = tmp_path / "closed.db"
    other_program(path)
    path.chmod(0)
    with pytest.raises(SessionStorageError, match=r"closed\.db"):
        messages_df(SQLiteSessionStorage(path))


def test_a_folder_is_no_store(tmp_path):
    """The path of a folder is an error too."""
    with pytest.raises(SessionStorageError, match="could not be read"):
        messages_df(SQLiteSessionStorage(tmp_path))


async def test_reading_changes_nothing_and_waits_for_nobody(tmp_path):
    """While another connection holds the write lock, frames are read all the same."""
    path = tmp_path / "busy.db"
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hello!")
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE sessions SET title = 'not yet'")
            frame = sessions_df(manager)
            other.execute("ROLLBACK")
        assert frame["title"].isna().all()


async def test_frames_can_be_read_by_many_threads_at_once(filled):
    """Each reads on a connection of its own."""
    lengths: list[int] = []
    threads = [threading.Thread(target=lambda: lengths.append(len(messages_df(filled)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(lengths)) == 1
    assert len(lengths) == 8
