"""The parts that storages are made of: tables, migrations, owners, locations."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import weakref
from contextlib import closing

import pytest

from langswarm_nb.core.session.errors import SessionStorageError, SessionValueError
from langswarm_nb.core.session.storage._sqlite import database as _database
from langswarm_nb.core.session.storage._sqlite import owner as _owner
from langswarm_nb.core.session.storage._sqlite import schema as _schema
from langswarm_nb.core.session.storage._sqlite.faults import storage_error
from langswarm_nb.core.session.storage._sqlite.search import Query
from langswarm_nb.core.session.storage.packing import pack
from langswarm_nb.core.session.storage.records import RECORD_COLUMNS, decode_record
from langswarm_nb.core.session.storage.rows import COLUMNS


@pytest.fixture
def db():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def columns(db, table):
    return {
        name: (kind, bool(required))
        for _, name, kind, required, *_ in db.execute(f"PRAGMA table_info({table})")
    }


class TestSchema:
    def test_the_tables_hold_the_columns_that_rows_have(self, db):
        """A row's names and the table's are the same."""
        _schema.migrate(db)
        assert sorted(columns(db, "message_rows")) == sorted(COLUMNS)
        assert set(RECORD_COLUMNS) < set(columns(db, "sessions"))

    def test_sid_and_seq_can_be_read_by_name(self, db):
        """People who look into the file with SQL need not know how the key is packed."""
        _schema.migrate(db)
        db.execute(
            "INSERT INTO message_rows(id, chars, ts_us, role, key, content) VALUES (?, 1, 0, 'user', 'm', 'x')",
            (3 << 32 | 7,),
        )
        assert db.execute("SELECT sid, seq FROM messages").fetchone() == (3, 7)

    def test_tables_are_made_once(self, db):
        """A second call changes nothing."""
        _schema.migrate(db)
        db.execute("INSERT INTO definitions VALUES ('h', 'tool', 'n', '{}')")
        _schema.migrate(db)
        assert _schema.version_of(db) == _schema.VERSION
        assert db.execute("SELECT count(*) FROM definitions").fetchone() == (1,)

    def test_what_stands_in_a_list_can_be_read_by_name(self, db):
        """People who look into the file with SQL need not know how rows are packed."""
        _schema.migrate(db)
        marks, request = pack(["magic", None, None, None, 7, "ok"]), pack(["mock", "echo", None, 5, 0.25])
        db.execute(
            "INSERT INTO message_rows(id, chars, ts_us, role, key, content, marks, request)"
            " VALUES (1, 1, 0, 'assistant', 'm', 'x', ?, ?)",
            (marks, request),
        )
        row = db.execute(
            "SELECT finish_reason, token_count, status, source, cell_id, provider, model, started_us, duration_s,"
            " attempts, step, message_id"
            " FROM messages"
        ).fetchone()
        assert row == (None, 7, "ok", "magic", None, "mock", None, 5, 0.25, 1, None, "m")

    def test_a_statement_that_fails_leaves_the_file_as_it_was(self, db, monkeypatch):
        """All tables are made, or none."""
        monkeypatch.setattr(_schema, "TABLES", (*_schema.TABLES, "nonsense"))
        with pytest.raises(sqlite3.OperationalError, match="nonsense"):
            _schema.migrate(db)
        assert _schema.version_of(db) == 0
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        assert not db.in_transaction


class TestOwner:
    def test_this_process_is_not_gone(self):
        """A process does not take its own replies for abandoned."""
        assert not _owner.is_gone(_owner.this_process(), 0)

    def test_a_process_that_has_ended_is_gone(self):
        """Also while its parent has not yet asked for its end."""
        code = (
            "from langswarm_nb.core.session.storage._sqlite import owner\n"
            "print(owner.this_process(), flush=True); input()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            owner = child.stdout.readline().strip()
            assert not _owner.is_gone(owner, 0)
            child.kill()
            if sys.platform == "linux":
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not yet asked for
            else:
                child.wait()
            assert _owner.is_gone(owner, 0)
        assert _owner.is_gone(owner, 0)

    @pytest.mark.skipif(sys.platform not in {"linux", "win32"}, reason="the platform tells no start time")
    def test_a_pid_that_is_used_again_is_another_process(self):
        """The start time tells two processes of one number apart."""
        pid, _, host = _owner.this_process().split(":", 2)
        assert _owner.is_gone(f"{pid}:1:{host}", 0)

    def test_a_process_elsewhere_is_gone_after_a_minute_of_silence(self):
        """Another machine's processes cannot be asked."""
        now = time.time()
        assert not _owner.is_gone("1:1:another-machine", int((now - 30) * 1e6))
        assert _owner.is_gone("1:1:another-machine", int((now - 90) * 1e6))

    @pytest.mark.parametrize("owner", ["", "x", "a:b:c"])
    def test_an_owner_that_is_no_name_is_gone(self, owner):
        """Nobody will come back for it."""
        assert _owner.is_gone(owner, int(time.time() * 1e6))


class TestErrors:
    @pytest.mark.parametrize(
        "code, said",
        [
            ("SQLITE_FULL", "full"),
            ("SQLITE_BUSY_SNAPSHOT", r"within 3 s.*lock"),
            ("SQLITE_IOERR_WRITE", "disk"),
            ("SQLITE_READONLY_DBMOVED", "cannot be written"),
            ("SQLITE_CORRUPT_VTAB", "damaged"),
            ("SQLITE_NOTADB", "not an SQLite database"),
            ("SQLITE_MISUSE", "report"),
        ],
    )
    def test_each_error_says_what_to_do(self, code, said):
        """The file, SQLite's own word, and the next step."""
        error = sqlite3.OperationalError("words of SQLite")
        error.sqlite_errorname = code
        ours = storage_error(error, "SQLite file 'x.db'", waited_s=3.0)
        assert isinstance(ours, SessionStorageError)
        assert "x.db" in str(ours)
        assert "words of SQLite" in str(ours)
        with pytest.raises(SessionStorageError, match=f"(?s){said}"):
            raise ours

    def test_a_message_beyond_sqlites_limit_is_a_value_error(self):
        """That one is about what was given, not about the file."""
        error = sqlite3.DataError("string or blob too big")
        error.sqlite_errorname = "SQLITE_TOOBIG"
        assert isinstance(storage_error(error, "x"), SessionValueError)


class TestRecords:
    def row(self, **changes):
        values = {
            "session_id": "s",
            "user_id": "u",
            "provider": "mock",
            "model": "m",
            "backend": "local",
            "status": "active",
            "title": None,
            "created_us": 0,
            "updated_us": 0,
            "message_count": 0,
            "token_count": 0,
            "branch": "main",
            "tip": None,
            "home": None,
            "main_us": None,
            "settings": "{}",
            "native": None,
            "metadata": None,
            "id": 1,
            "used_us": 0,
        }
        return tuple({**values, **changes}.values())

    def test_settings_of_a_later_release_do_not_lock_a_session_out(self):
        """A setting this version does not know is left out."""
        assert decode_record(self.row(settings='{"seed": 1, "new_setting": 2}')).settings.seed == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"settings": "{"},
            {"settings": "[]"},
            {"settings": '{"seed": "x"}'},
            {"status": "?"},
            {"backend": "?"},
            {"metadata": "nope"},
            {"metadata": 5},
        ],
    )
    def test_a_record_that_makes_no_sense_is_a_storage_error(self, changes):
        """Whatever another program wrote there, the error is ours."""
        with pytest.raises(SessionStorageError):
            decode_record(self.row(**changes))


class TestQuery:
    def test_a_word_may_be_found_by_the_index_when_it_has_letters_of_spaced_scripts(self):
        """Symbols alone, and scripts without spaces, are looked for by reading."""
        assert Query.of("abc c++ 世界 🙂 a世", None, None, 5).indexed == ("abc", "c++")
        assert not Query.of("世界", None, None, 5).uses_index
        assert not Query.of("abc", None, "s", 5).uses_index


def test_a_file_that_is_being_opened_can_be_looked_at(tmp_path, monkeypatch):
    """Another thread that opens the same file looks at all connections to it, also at one that is not ready yet.

    A white-box test: of two threads this happens to few, and only now and then.
    """

    class Looking(weakref.WeakSet[_database.Database]):
        def add(self, db):
            super().add(db)
            assert db.is_current()

    monkeypatch.setattr(_database._files, "databases", Looking())
    _database.Database(tmp_path / "sessions.db", "full", 1.0).close()
