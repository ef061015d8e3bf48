"""Bytes of attachments when several processes write, and in files made before they were kept apart."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from langswarm_nb.analysis import messages_df
from langswarm_nb.core.session.storage._sqlite import schema
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.contract.test_storage_definitions import PERSON, fitting
from tests.support.storages import (
    answer,
    check_sound,
    finish,
    go_on,
    question,
    record,
    talk,
    wait_ready,
    worker,
)

PNG = b"\x89PNG and more"
HASH = hashlib.sha256(PNG).hexdigest()
INLINE = [
    {"type": "image", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
    {"type": "citation", "url": "https://e.org"},
]


async def test_processes_share_contents(tmp_path: Path) -> None:
    """Three that attach the same images and delete their sessions leave each content once, and none without a user."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await storage.list_sessions()
    with ExitStack() as stack:
        writers = [stack.enter_context(worker("attach", path, name, 20)) for name in "abc"]
        for process in writers:
            wait_ready(process)
        for process in writers:
            go_on(process)
        for process in writers:
            finish(process)
    for name in "abc":
        messages = await storage.get_messages(name)
        hashes = [message.attachments[0]["blob"] for message in messages]
        assert len(hashes) == 2
        assert (await storage.read_blobs(name, hashes)).keys() == set(hashes)
    with closing(sqlite3.connect(path)) as db:
        used = {blob for (blob,) in db.execute("SELECT blob FROM message_blobs")}
        kept = [blob for (blob,) in db.execute("SELECT id FROM blobs")]
    assert sorted(used) == sorted(kept)
    assert len(kept) == 2
    await storage.close()
    check_sound(path)


def as_version_4(db: sqlite3.Connection) -> None:
    """Make a file one of version 4, in which no session had a schema."""
    trigger = next(table for table in schema.TABLES if "CREATE TRIGGER sessions_ad" in table)
    db.execute("DROP TRIGGER sessions_ad")
    db.execute("\n".join(line for line in trigger.splitlines() if "session_definitions" not in line))
    db.execute("DROP TABLE session_definitions")
    db.execute("PRAGMA user_version = 4")


def as_version_3(path: Path, parts: str) -> None:
    """Make a file one of version 3, with parts as messages had them then."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for name in ("said_fts", "messages"):
            db.execute(f"DROP {'VIEW' if name == 'messages' else 'TABLE'} IF EXISTS {name}")
        view = next(table for table in schema.TABLES if "CREATE VIEW messages" in table)
        columns = [line for line in view.splitlines() if "marks, json" not in line]
        db.execute("\n".join(columns))
        db.execute("UPDATE message_rows SET parts = ? WHERE role = 'user'", [parts])
        as_version_4(db)
        db.execute("PRAGMA user_version = 3")


@pytest.mark.parametrize("version", [2, 3])
async def test_bytes_of_files_of_before_are_taken_out(tmp_path: Path, version: int) -> None:
    """Each content is kept once and read as it was, attachments and sources are counted, and the base64 is gone."""
    path = tmp_path / "old.db"
    if version == 3:
        storage = SQLiteSessionStorage(path)
        await talk(storage, "a", "b", session_id="s")
        await storage.close()
        as_version_3(path, json.dumps(INLINE))
    else:
        with closing(sqlite3.connect(path)) as db:
            db.executescript((Path(__file__).parent / "data" / "version_2.sql").read_text("utf-8"))
            db.execute(
                "UPDATE messages SET parts = ? WHERE role = 'user' AND id % 2 = 0", [json.dumps(INLINE)]
            )
            db.commit()
    storage = SQLiteSessionStorage(path)
    carrying = [
        (each.session_id, message)
        for each in await storage.list_sessions()
        for message in await storage.get_messages(each.session_id, branch="all")
        if message.attachments
    ]
    assert len(carrying) >= 2
    for session_id, message in carrying:
        assert message.attachments == (
            {"type": "image", "media_type": "image/png", "blob": HASH, "size": len(PNG)},
        )
        assert await storage.read_blobs(session_id, [HASH]) == {HASH: PNG}
    with closing(sqlite3.connect(path)) as db:
        counted = db.execute("SELECT sum(n_attachments), sum(n_citations) FROM messages").fetchone()
        assert counted == (len(carrying), len(carrying))
        assert db.execute("SELECT count(*) FROM blobs").fetchone() == (1,)
        assert not db.execute("SELECT 1 FROM messages WHERE parts LIKE '%\"data\"%'").fetchall()
    assert [hit.message.id for hit in await storage.search_messages("e.org")]
    await storage.close()
    check_sound(path)
    assert len(messages_df(SQLiteSessionStorage(path), all=True))


async def test_a_file_in_which_no_session_had_a_schema_gets_them(tmp_path: Path) -> None:
    """Of version 4: all is as it was, schemas are kept from then on, and go with their session."""
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    before = [question("Who?"), fitting()]
    await storage.create_session(record())
    await storage.append_messages("s", [question("Hi"), answer()])
    as_it_was = await storage.get_messages("s")
    await storage.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        as_version_4(db)
    storage = SQLiteSessionStorage(path)
    assert await storage.get_messages("s") == as_it_was
    assert await storage.read_definitions("s") == {}
    await storage.append_messages("s", before)
    assert await storage.read_definitions("s") == {PERSON.hash: PERSON}
    await storage.delete_session("s")
    await storage.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(
            "SELECT (SELECT count(*) FROM definitions), count(*) FROM session_definitions"
        ).fetchone() == (0, 0)
    check_sound(path)


async def test_parts_that_make_no_sense_stay(tmp_path: Path) -> None:
    """A file with broken base64 is brought over, with that message as it was."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    await storage.create_session(record())
    await storage.append_messages("s", [question("Look")])
    await storage.close()
    broken = [{"type": "image", "media_type": "image/png", "data": "no base64!"}]
    as_version_3(tmp_path / "s.db", json.dumps(broken))
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    [message] = await storage.get_messages("s")
    assert list(message.parts) == broken
    await storage.close()
