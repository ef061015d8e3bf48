"""Bring the tables of a former version over, in the caller's transaction.

The steps name the tables and columns of their time. What they make are the tables of now, which the caller gives.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.conversation.names import normal
from langswarm_nb.core.session.storage.packing import FACTS, MARKS, key_of_id, pack, pack_facts

from .inline_bytes import take_bytes_out
from .renumbering import renumber_turns

_TO_VERSION_2 = (
    # A turn has a number of its own, given once; before, it was counted on each path. Where two turns of a session
    # have one number, the one on the active path keeps it, else the older one; the others get new numbers.
    "ALTER TABLE sessions ADD COLUMN next_turn INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN home TEXT",  # the notebook it belongs to
    # As updated_us, but never less than that of another session of the user which was used before.
    "ALTER TABLE sessions ADD COLUMN used_us INTEGER NOT NULL DEFAULT 0",
    "UPDATE sessions SET used_us = updated_us",
    "DROP INDEX sessions_user",
    "CREATE INDEX sessions_user ON sessions(user_id, used_us)",
    "ALTER TABLE sessions ADD COLUMN main_us INTEGER",  # when a cell that names no session last used it
    "ALTER TABLE messages RENAME COLUMN path_turns TO chars",  # length of content: the tree is read without the words
    "ALTER TABLE messages ADD COLUMN ask INTEGER",  # which ask of one run of its cell, from 0
    "ALTER TABLE messages ADD COLUMN scope TEXT",  # of a system message: replace, add, session, none
    "ALTER TABLE messages ADD COLUMN beside TEXT",  # asked beside the path: aside, comparison
    "ALTER TABLE branches ADD COLUMN left_us INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX sessions_home ON sessions(home) WHERE home IS NOT NULL",
    # Where a branch has been: the ends of paths that it left for others.
    """
    CREATE TABLE former_tips(
      sid INTEGER NOT NULL,
      branch TEXT NOT NULL,
      seq INTEGER NOT NULL,
      left_us INTEGER NOT NULL,
      PRIMARY KEY (sid, branch, seq)) WITHOUT ROWID
    """,
    # What a branch does not send; messages.hidden shows it for the branch whose path is active.
    """
    CREATE TABLE hides(
      sid INTEGER NOT NULL,
      branch TEXT NOT NULL,
      turn INTEGER NOT NULL,
      version INTEGER NOT NULL,
      PRIMARY KEY (sid, branch, turn, version)) WITHOUT ROWID
    """,
    # Who is being answered in a session: one at a time, whatever kernel asks.
    """
    CREATE TABLE leases(
      sid INTEGER PRIMARY KEY,
      holder TEXT NOT NULL,                       -- id of the reply that is being written
      owner TEXT NOT NULL,                        -- the process that writes it
      beat_us INTEGER NOT NULL,
      since_us INTEGER NOT NULL,
      next_holder TEXT,                           -- who waits, and gets it at its end; as the two above
      next_owner TEXT)
    """,
    "DROP TRIGGER sessions_ad",
    """
    CREATE TRIGGER sessions_ad AFTER DELETE ON sessions BEGIN
      DELETE FROM messages WHERE id >= old.id << 32 AND id < (old.id + 1) << 32;
      DELETE FROM branches WHERE sid = old.id;
      DELETE FROM partials WHERE sid = old.id;
      DELETE FROM former_tips WHERE sid = old.id;
      DELETE FROM hides WHERE sid = old.id;
      DELETE FROM leases WHERE sid = old.id;
    END
    """,
)

_KEPT = ("sessions", "messages", "branches", "former_tips", "hides", "partials")
_SAME = {
    "sessions": (
        "id, session_id, user_id, provider, model, backend, status, title, created_us, updated_us, next_seq,"
        " message_count, token_count, fts_upto, branch, tip, settings, native, metadata, next_turn, home,"
        " used_us, main_us"
    ),
    "branches": "sid, name, tip, left_us",
    "former_tips": "sid, branch, seq, left_us",
    "hides": "sid, branch, turn, version",
}
"""Tables whose columns have the same names and values in version 3."""
_LEASE = "holder, owner, beat_us, since_us, next_holder, next_owner"
_MESSAGES = (
    "id, parent, turn, chars, version, active, hidden, ts_us, role, message_id, content, parts, metadata"
)
_RENAMED = {"message_id": "key"}
_NOW = _MESSAGES.replace("message_id", "key")
_KEY = _MESSAGES.split(", ").index("message_id")


def bring_over(db: sqlite3.Connection, version: int, tables: Sequence[str]) -> None:
    """Make ``tables`` of those of version 1 to 4."""
    if version == 1:
        for statement in _TO_VERSION_2:
            db.execute(statement)
        renumber_turns(db)
    if version < 3:  # noqa: PLR2004 - a version
        _to_version_3(db, tables)
    else:
        _make_again(db, tables)
    if version < 4:  # noqa: PLR2004
        take_bytes_out(db)


def _make_again(db: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Bring the tables of version 3 or 4 over: the view has more columns, and sessions have schemas."""
    db.execute("DROP VIEW messages")
    db.execute("DROP TRIGGER sessions_ad")
    new = ("VIEW messages", "TABLE session_definitions", "INDEX session_definitions", "TRIGGER sessions_ad")
    for statement in tables:
        if any(f"CREATE {what}" in statement for what in new):
            db.execute(statement)


def _to_version_3(db: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Pack what most messages do not have into JSON lists, and move leases into the row of their session."""
    for name in ("sessions_user", "sessions_home"):
        db.execute(f"DROP INDEX {name}")
    db.execute("DROP TRIGGER sessions_ad")
    for table in _KEPT:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in tables:
        db.execute(statement)
    for table, columns in _SAME.items():
        db.execute(f"INSERT INTO {table}({columns}) SELECT {columns} FROM old_{table}")
    db.execute(
        f"UPDATE sessions SET ({_LEASE}) = (SELECT {_LEASE} FROM leases WHERE sid = sessions.id)"
        " WHERE id IN (SELECT sid FROM leases)"
    )
    titles = db.execute("SELECT title, id FROM sessions WHERE title IS NOT NULL").fetchall()
    db.executemany(
        "UPDATE sessions SET label = ? WHERE id = ?", [(normal(title), sid) for title, sid in titles]
    )
    # Ids of deleted sessions are not given again.
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'sessions'")
    db.execute("UPDATE sqlite_sequence SET name = 'sessions' WHERE name = 'old_sessions'")
    db.executemany(
        f"INSERT INTO message_rows({_NOW}, marks, request) VALUES ({', '.join('?' * 15)})", _messages(db)
    )
    db.executemany("INSERT INTO partials VALUES (?, ?, ?, ?, ?, ?)", _partials(db))
    for table in (*(f"old_{table}" for table in _KEPT), "leases"):
        db.execute(f"DROP TABLE {table}")


def _messages(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    marks, facts = (", ".join(_stored(names)) for names in (MARKS, FACTS))
    n_marks, n_same = len(_stored(MARKS)), _MESSAGES.count(",") + 1
    rows = db.execute(f"SELECT {_MESSAGES}, {marks}, {facts} FROM old_messages ORDER BY id")
    for row in rows:
        marks, facts = row[n_same : n_same + n_marks], row[n_same + n_marks :]
        request = pack_facts(_with_json(facts)) if facts[0] is not None else None
        yield (*row[:_KEY], key_of_id(row[_KEY]), *row[_KEY + 1 : n_same], pack(marks), request)


def _with_json(facts: Sequence[Any]) -> list[Any]:
    """Return facts with those that are JSON read."""
    names = _stored(FACTS)
    return [
        json.loads(value) if value is not None and name in ("params", "details") else value
        for name, value in zip(names, facts, strict=True)
    ]


def _partials(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    rows = db.execute("SELECT sid, message_id, reply_to, owner, saved_us, payload FROM old_partials")
    for *place, payload in rows:
        yield (*place, _repacked(payload))


def _repacked(payload: str) -> str:
    """Return what was kept of a reply with its marks and facts in lists; what makes no sense stays as it is."""
    try:
        columns: Mapping[str, Any] = json.loads(payload)
        lists = {
            "marks": pack(_values(columns, MARKS)),
            "request": pack_facts(_with_json(_values(columns, FACTS))),
        }
    except (ValueError, TypeError, AttributeError):
        return payload
    rest = {
        _RENAMED.get(name, name): value for name, value in columns.items() if name not in (*MARKS, *FACTS)
    }
    return json.dumps({**rest, **{name: value for name, value in lists.items() if value is not None}})


def _values(columns: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    return [columns.get(name) for name in _stored(names)]


def _stored(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that version 2 had a column for."""
    return names[: names.index(_AFTER[names])]


_AFTER = {MARKS: "n_attachments", FACTS: "step"}
"""The first name that version 2 had no column for."""
