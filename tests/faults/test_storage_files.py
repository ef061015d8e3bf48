"""Files that are not ours, broken, newer, gone, read-only or oddly named: typed errors, and nothing is changed."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from langswarm_nb.analysis import messages_df
from langswarm_nb.core.session import (
    SessionError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
)
from langswarm_nb.core.session.storage import create_storage, default_db_path
from langswarm_nb.core.session.storage._sqlite import database, schema
from langswarm_nb.core.session.storage._sqlite.former import bringing_over
from langswarm_nb.core.session.storage._sqlite.location import network_filesystem
from langswarm_nb.core.session.storage._sqlite.schema import APPLICATION_ID, VERSION
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.paths import REPOSITORY
from tests.support.storages import answer, check_sound, question, record, texts

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and open files")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def make(path: Path, *contents: str) -> None:
    """Store a session in a new file and close it."""
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    await storage.append_messages("s", [question(content) for content in contents or ["kept"]])
    await storage.close()


# -- names and places -------------------------------------------------------------------------------------------

NAMES = [
    "a?mode=memory",
    "a#b",
    "100%41.db",
    'it\'s "quoted"',
    " spaces .db",
    "-v",
    "ünï 🙂.db",
    "file:x.db?mode=ro",
    "new\nline",
    "semi;colon",
    "'; DROP TABLE x; --",
]


@posix
@pytest.mark.parametrize("name", NAMES)
async def test_odd_file_names_are_plain_names(tmp_path, monkeypatch, name):
    """No character of a name is taken for an option or an address."""
    monkeypatch.chdir(tmp_path)
    storage = SQLiteSessionStorage(name)
    await storage.create_session(record())
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}-wal", f"{name}-shm"}
    assert (await storage.health_check())["path"] == str(tmp_path / name)
    await storage.close()
    again = SQLiteSessionStorage(tmp_path / name)
    assert (await again.load_session("s")).user_id == "ada"
    await again.close()


async def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    """Changing the working folder later does not move the file."""
    monkeypatch.chdir(tmp_path)
    storage = SQLiteSessionStorage("here.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    await storage.create_session(record())
    await storage.close()
    assert (tmp_path / "here.db").exists()


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_only_the_owner_can_read_files_and_folders(tmp_path, umask):
    """Whatever the umask: files 0600, new folders 0700; folders that were there stay as they are."""
    tmp_path.chmod(0o755)
    path = tmp_path / "new" / "deep" / "s.db"
    before = os.umask(umask)
    try:
        storage = SQLiteSessionStorage(path)
        await storage.create_session(record())
        files = [path, *(path.with_name(f"s.db{end}") for end in ("-wal", "-shm"))]
        assert [mode(file) for file in files] == [0o600] * 3
    finally:
        os.umask(before)
        await storage.close()
    assert [mode(path.parent), mode(path.parent.parent), mode(tmp_path)] == [0o700, 0o700, 0o755]


@posix
async def test_a_link_leads_to_a_file_that_is_as_private(tmp_path):
    """Also when the file that it leads to is not there yet; and the store is one, whichever name is used."""
    link, target = tmp_path / "link.db", tmp_path / "target" / "s.db"
    link.symlink_to(target)
    storage = SQLiteSessionStorage(link)
    await storage.create_session(record())
    assert [mode(target), mode(target.with_name("s.db-wal")), mode(target.parent)] == [0o600, 0o600, 0o700]
    direct = SQLiteSessionStorage(target)
    await direct.append_messages("s", [question("direct")])
    assert texts(await storage.get_messages("s")) == "direct"
    assert (await storage.health_check())["log_bytes"] > 0
    await direct.close()
    await storage.close()
    loop = tmp_path / "loop.db"
    loop.symlink_to(loop)
    broken = SQLiteSessionStorage(loop)
    with pytest.raises(SessionStorageError, match=r"loop\.db"):
        await broken.list_sessions()
    await broken.close()


@pytest.mark.parametrize(
    "db_path, error",
    [
        ("", SessionValueError),
        ("   ", SessionValueError),
        (":memory:", SessionValueError),
        ("a\0b", SessionValueError),
        (b"bytes.db", SessionTypeError),
        (5, SessionTypeError),
        (True, SessionTypeError),
    ],
)
def test_a_path_that_no_file_can_have_is_refused_at_creation(db_path, error):
    """The error names the parameter; nothing is opened."""
    with pytest.raises(error, match="db_path"):
        create_storage("sqlite", {"db_path": db_path})


@pytest.mark.parametrize(
    "config, said",
    [
        ({"durability": "safe"}, "durability.*'full'"),
        ({"busy_timeout_s": -1}, "busy_timeout_s"),
        ({"busy_timeout_s": float("nan")}, "busy_timeout_s"),
        ({"busy_timeout_s": "5"}, "busy_timeout_s"),
        ({"db_pth": "x"}, "db_pth.*Did you mean 'db_path'"),
    ],
)
def test_an_option_that_is_not_allowed_is_refused_at_creation(config, said):
    """Unknown options and values name what is allowed."""
    with pytest.raises(SessionError, match=f"(?s){said}"):
        create_storage("sqlite", config)


def test_an_unknown_storage_names_those_there_are():
    """By name, with the nearest match; a storage without options takes none."""
    with pytest.raises(SessionValueError, match=r"(?s)'memory'.*Did you mean 'sqlite'"):
        create_storage("sqlit")
    with pytest.raises(SessionTypeError, match="storage"):
        create_storage(None)  # type: ignore[arg-type]
    with pytest.raises(SessionValueError, match="db_path"):
        create_storage("memory", {"db_path": "x"})
    with pytest.raises(SessionTypeError, match="storage_config"):
        create_storage("memory", ["db_path"])  # type: ignore[arg-type]


async def test_a_path_that_cannot_be_used_is_an_error_at_first_use(tmp_path):
    """A name that is too long, a folder that is a file: the error names the path."""
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / ("n" * 300), tmp_path / "file" / "s.db"):
        storage = SQLiteSessionStorage(path)
        with pytest.raises(SessionStorageError) as caught:
            await storage.create_session(record())
        assert str(path)[:40] in str(caught.value)
        assert caught.value.__cause__ is not None
        await storage.close()
    assert (tmp_path / "file").read_text() == "x"


async def test_a_folder_in_the_place_of_the_file_is_called_one(tmp_path):
    """By each door, written and read: it is not a fault of the disk; the error says what to name instead."""
    storage = SQLiteSessionStorage(tmp_path)
    words = f"is a folder.*{re.escape(str(tmp_path / 'sessions.db'))}"
    with pytest.raises(SessionStorageError, match=words):
        await storage.create_session(record())
    with pytest.raises(SessionStorageError, match=words):
        await storage.list_sessions()
    with pytest.raises(SessionStorageError, match=words):
        messages_df(storage)
    await storage.close()
    assert list(tmp_path.iterdir()) == []


def test_the_default_place_is_the_users_data_folder(home, monkeypatch):
    """By the platform's rules; LANGSWARM_DB_PATH goes first; a relative XDG path is ignored."""
    monkeypatch.delenv("LANGSWARM_DB_PATH", raising=False)
    assert default_db_path().is_relative_to(home)
    assert default_db_path().parts[-2:] == ("langswarm_nb", "sessions.db")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_DATA_HOME", "relative")
        assert default_db_path() == home / ".local" / "share" / "langswarm_nb" / "sessions.db"
        monkeypatch.delenv("XDG_DATA_HOME")
        assert default_db_path() == home / ".local" / "share" / "langswarm_nb" / "sessions.db"
    monkeypatch.setenv("LANGSWARM_DB_PATH", "~/chats.db")
    assert default_db_path() == home / "chats.db"
    assert SQLiteSessionStorage().db_path == home / "chats.db"


# -- other programs' files --------------------------------------------------------------------------------------


def text_file(path: Path) -> None:
    path.write_text("Dear diary, " * 500)


def few_bytes(path: Path) -> None:
    path.write_bytes(b"hello")


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t(x)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()


def other_in_wal_mode(path: Path) -> None:
    other_database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")


def other_application(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 1")


def versioned_by_another(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")


@pytest.mark.parametrize(
    "write",
    [text_file, few_bytes, other_database, other_in_wal_mode, other_application, versioned_by_another],
    ids=lambda write: write.__name__,
)
async def test_a_file_that_is_not_ours_is_never_changed(tmp_path, write):
    """Reading and writing are typed errors that name the path, and every byte stays."""
    path = tmp_path / "other.db"
    write(path)
    before = path.read_bytes()
    storage = SQLiteSessionStorage(path)
    for call in (storage.create_session(record()), storage.list_sessions(), storage.health_check()):
        with pytest.raises(SessionStorageError, match=r"other\.db.*not changed"):
            await call
    await storage.close()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


async def test_a_file_of_a_newer_version_is_never_changed(tmp_path):
    """The error says which version wrote it and to upgrade; every byte stays."""
    path = tmp_path / "new.db"
    await make(path)
    newer = VERSION + 1
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA user_version = {newer}")
    before = path.read_bytes()
    storage = SQLiteSessionStorage(path)
    for call in (storage.create_session(record("t")), storage.get_messages("s")):
        with pytest.raises(SessionStorageError, match=rf"(?s)version {newer}.*[Uu]pgrade"):
            await call
    await storage.close()
    assert path.read_bytes() == before


async def test_a_file_says_whose_it_is(tmp_path):
    """The header carries our application id and the version of the tables."""
    path = tmp_path / "s.db"
    await make(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_a_file_of_an_older_version_is_copied_and_brought_up_to_date(tmp_path, monkeypatch):
    """All messages are kept, the copy is as private as the file, and a second open finds nothing to do."""
    path = tmp_path / "s.db"
    await make(path, "kept")
    for module in (database, schema):
        monkeypatch.setattr(module, "VERSION", VERSION + 1)
    monkeypatch.setattr(bringing_over, "bring_over", lambda db, *_: db.execute("CREATE TABLE extra(x)"))
    for _ in range(2):
        storage = SQLiteSessionStorage(path)
        assert texts(await storage.get_messages("s")) == "kept"
        assert (await storage.health_check())["schema_version"] == VERSION + 1
        await storage.close()
    monkeypatch.undo()
    copy = tmp_path / f"s.db.version-{VERSION}"
    assert {file.name for file in tmp_path.iterdir()} == {path.name, copy.name}
    if os.name == "posix":
        assert mode(copy) == 0o600
    old = SQLiteSessionStorage(copy)
    assert texts(await old.get_messages("s")) == "kept"
    await old.close()


async def test_an_empty_file_is_a_new_store(tmp_path):
    """Somebody may have made the file before."""
    path = tmp_path / "s.db"
    path.touch()
    await make(path, "hello")
    check_sound(path)


async def test_a_file_cut_short_is_an_error_and_stays_as_it_is(tmp_path):
    """A file that lost its end is reported, never deleted, overwritten or repaired."""
    path = tmp_path / "s.db"
    await make(path, *("x" * 3000 for _ in range(20)))
    whole = path.read_bytes()
    for size in (len(whole) - 4096, len(whole) // 2, 5000, 4096, 100, 20):
        path.write_bytes(whole[:size])
        storage = SQLiteSessionStorage(path)
        with pytest.raises(SessionStorageError, match=r"s\.db"):
            await storage.get_messages("s")
        await storage.close()
        assert path.read_bytes() == whole[:size]


async def test_damaged_pages_are_an_error_and_stay_as_they_are(tmp_path):
    """A page of noise is reported when it is touched; nothing is repaired behind the user's back."""
    path = tmp_path / "s.db"
    await make(path, *("x" * 3000 for _ in range(40)))
    damaged = bytearray(path.read_bytes())
    for page in range(8, len(damaged) // 4096):
        damaged[page * 4096 : page * 4096 + 200] = os.urandom(200)
    path.write_bytes(damaged)
    storage = SQLiteSessionStorage(path)
    with pytest.raises(SessionStorageError, match=r"(?s)s\.db.*damaged"):
        await storage.get_messages("s")
    await storage.close()
    assert path.read_bytes() == damaged


async def test_damaged_tables_are_an_error_of_ours(tmp_path):
    """SQLite quotes what it cannot read, in bytes that are not text; that is our error too, not Python's."""
    path = tmp_path / "s.db"
    await make(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = CAST(x'435245415445ff' AS TEXT) WHERE name = 'branches'")
        db.commit()
    damaged = path.read_bytes()
    storage = SQLiteSessionStorage(path)
    with pytest.raises(SessionStorageError, match="damaged"):
        await storage.get_messages("s")
    await storage.close()
    assert path.read_bytes() == damaged


async def test_what_makes_no_sense_in_the_file_is_an_error_of_ours(tmp_path):
    """A role or JSON that another program wrote is reported when it is read; the rest can be read."""
    path = tmp_path / "s.db"
    await make(path, "one", "two", "three", "four", "five")
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE message_rows SET role = 'robot' WHERE id & 4294967295 = 0")
        db.execute("UPDATE message_rows SET metadata = 'no json' WHERE id & 4294967295 = 1")
        db.execute("UPDATE message_rows SET ts_us = 1 << 62 WHERE id & 4294967295 = 3")
        db.execute("UPDATE message_rows SET content = x'00ff' WHERE id & 4294967295 = 4")
        db.commit()
    storage = SQLiteSessionStorage(path)
    one, two, three, four, five = await storage.get_messages("s")
    with pytest.raises(SessionStorageError, match="robot"):
        _ = one.role
    with pytest.raises(SessionStorageError, match="JSON"):
        _ = two.metadata
    with pytest.raises(SessionStorageError, match="time"):
        _ = four.timestamp
    with pytest.raises(SessionStorageError, match="content is not text"):
        _ = five.content
    assert texts([one, two, three]) == "one two three"
    await storage.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM message_rows WHERE id & 4294967295 = 1",
        "UPDATE message_rows SET parent = 2 WHERE id & 4294967295 = 1",
        "UPDATE message_rows SET parent = 1 WHERE id & 4294967295 = 1",
        "UPDATE message_rows SET parent = 99 WHERE id & 4294967295 = 1",
    ],
)
async def test_messages_that_are_no_tree_any_more_are_an_error_of_ours(tmp_path, damage):
    """A send says so, and never walks in circles; what there is can still be read."""
    path = tmp_path / "s.db"
    await make(path, "one", "two", "three")
    with closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()
    async with create_session_manager("sqlite", {"db_path": str(path)}) as manager:
        session = await manager.get_session("s")
        assert session is not None
        with pytest.raises(SessionStorageError, match="no longer a tree"):
            await session.send_message("four")
        assert {"one", "three"} <= {m.content for m in await session.get_messages()}


async def test_a_part_that_cannot_be_read_locks_nobody_out(tmp_path, caplog):
    """A damaged remnant of a reply is left as it is, and said; the session can be used."""
    path = tmp_path / "s.db"
    await make(path)
    with closing(sqlite3.connect(path)) as db:
        for payload in ("no json", "[]", "{}"):
            db.execute("INSERT INTO partials VALUES (1, ?, 0, 'gone', 0, ?)", (payload, payload))
        db.execute("INSERT INTO partials VALUES (1, 'm', 99, 'gone', 0, '{\"key\": \"m\"}')")
        db.commit()
    storage = SQLiteSessionStorage(path)
    await storage.append_messages("s", [question("more")])
    assert (await storage.load_session("s")).message_count == 2
    await storage.close()
    assert "cannot be read" in caplog.text


# -- files that go away or cannot be written --------------------------------------------------------------------


READS_ONLY = """
import asyncio, sys
from langswarm_nb.core.session import SessionStorageError
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from tests.support.storages import obey_modes, question, texts

async def attempt(call):
    try:
        found = await call
        print("read", texts(m if hasattr(m, "content") else m.message for m in found))
    except SessionStorageError as error:
        print("error", error)

async def main():
    storage = SQLiteSessionStorage(sys.argv[1])
    await attempt(storage.get_messages("s"))
    await attempt(storage.search_messages("kept"))
    await attempt(storage.append_messages("s", [question("more")]))
    await storage.close()

obey_modes()
asyncio.run(main())
"""


def run_python(code: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


@posix
async def test_a_read_only_file_is_read_and_not_written(tmp_path):
    """Reading and searching work; writing is an error that names the file; the file stays as it is."""
    path = tmp_path / "s.db"
    await make(path)
    path.chmod(0o400)
    before = path.read_bytes()
    read, searched, written = run_python(READS_ONLY, path).splitlines()
    assert (read, searched) == ("read kept", "read kept")
    assert re.match(r"error .*s\.db.*cannot be written", written)
    assert path.read_bytes() == before


@posix
async def test_a_read_only_folder_is_an_error_that_names_the_file(tmp_path):
    """SQLite needs to write beside the file even to read it; the error says which file."""
    path = tmp_path / "folder" / "s.db"
    await make(path)
    path.parent.chmod(0o500)
    before = path.read_bytes()
    output = run_python(READS_ONLY, path).splitlines()
    path.parent.chmod(0o700)
    assert all(re.match(r"(read kept|error .*s\.db)", line) for line in output)
    assert output[-1].startswith("error")
    assert path.read_bytes() == before


@posix
async def test_a_folder_without_permission_is_an_error_that_names_the_file(tmp_path):
    """A new file in a folder that cannot be written, or a file that cannot be read."""
    (tmp_path / "folder").mkdir(mode=0o500)
    for path in (tmp_path / "folder" / "s.db", tmp_path / "folder" / "new" / "s.db"):
        output = run_python(READS_ONLY, path).splitlines()
        assert all(re.match(r"error .*s\.db", line) for line in output)
    secret = tmp_path / "secret.db"
    await make(secret)
    secret.chmod(0)
    output = run_python(READS_ONLY, secret).splitlines()
    assert all(re.match(r"error .*secret\.db", line) for line in output)


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/local tmpfs rw 0 0
//host/share /mnt/my\\040share cifs rw 0 0
/dev/fuse /data fuse.sshfs rw 0 0
"""


@posix
@pytest.mark.parametrize(
    "path, kind",
    [
        ("/var/s.db", None),
        ("/home/ada/s.db", "nfs4"),
        ("/homes/s.db", None),
        ("/home/local/s.db", None),
        ("/mnt/my share/s.db", "cifs"),
        ("/data/s.db", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_known(path, kind):
    """The mount that holds the file decides, the innermost one."""
    assert network_filesystem(Path(path), MOUNTS) == kind


async def test_on_a_network_file_system_the_log_is_not_shared_memory(tmp_path, monkeypatch, caplog):
    """There the journal is a plain file, and a warning says that only one machine may use the store."""
    monkeypatch.setattr(
        "langswarm_nb.core.session.storage._sqlite.database.network_filesystem", lambda _: "nfs4"
    )
    path = tmp_path / "s.db"
    storage = SQLiteSessionStorage(path)
    await storage.create_session(record())
    await storage.append_messages("s", [question(), answer()])
    assert (await storage.health_check())["journal_mode"] == "delete"
    await storage.close()
    assert "nfs4" in caplog.text
    assert str(path) in caplog.text
    check_sound(path)


# -- what was deleted -------------------------------------------------------------------------------------------


def bytes_of(folder: Path) -> bytes:
    """Return what is in the file and the log; the ``-shm`` file holds no text."""
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.suffix != ".db-shm").lower()


@pytest.mark.parametrize("searched", [False, True])
async def test_a_deleted_session_leaves_no_text(tmp_path, searched):
    """Neither in the file, nor in the log beside it, nor in the search index; other sessions stay whole."""
    storage = SQLiteSessionStorage(tmp_path / "s.db")
    for session_id in ("s", "kept"):
        await storage.create_session(replace(record(session_id), title=f"title-of-{session_id}"))
    await storage.append_messages("kept", [question("publicword " * 50) for _ in range(20)])
    for number in range(30):
        await storage.append_messages(
            "s", [question(f"Secretword{number} " * 40), answer("Secretanswer " * 300)]
        )
    await storage.save_partial("s", answer("secretpartial"), reply_to=0)
    if searched:
        assert len(await storage.search_messages("secretword7")) == 1
    assert b"secretword7" in bytes_of(tmp_path)
    assert b"secretpartial" in bytes_of(tmp_path)
    assert await storage.delete_session("s") is True
    left = bytes_of(tmp_path)
    for secret in (b"secret", b"title-of-s", b"ecretword"):
        assert secret not in left
    assert b"publicword" in left
    if searched:
        assert len(await storage.search_messages("publicword", limit=100)) == 20
    assert len(await storage.get_messages("kept")) == 20
    await storage.close()
    check_sound(tmp_path / "s.db")


async def test_a_deletion_beside_a_reader_says_what_is_left(tmp_path, caplog):
    """While another connection reads an old state, the log cannot be emptied; the session is gone all the same."""
    storage = SQLiteSessionStorage(tmp_path / "s.db", busy_timeout_s=0.1)  # short on purpose: it passes
    await storage.create_session(record())
    await storage.append_messages("s", [question("secret")])
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        assert await storage.delete_session("s") is True
        assert "still holds the text" in caplog.text
    await storage.create_session(record("t"))
    await storage.delete_session("t")
    assert b"secret" not in bytes_of(tmp_path)
    await storage.close()
