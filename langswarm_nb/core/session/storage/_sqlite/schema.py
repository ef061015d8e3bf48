"""The tables, and the way from one version of them to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from langswarm_nb.core.session.conversation.names import normal

APPLICATION_ID = 0x4C534E42  # "LSNB": tells our files from those of other programs
_OURS = f"PRAGMA application_id = {APPLICATION_ID}"


def _renumber_turns(db: sqlite3.Connection) -> None:
    if db.execute("SELECT EXISTS (SELECT 1 FROM sessions)").fetchone()[0]:
        from .renumbering import renumber_turns  # only old files need it

        renumber_turns(db)


_VERSION_1 = (
    # The surrogate id is never reused: other kernels may hold it.
    """
    CREATE TABLE sessions(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      session_id TEXT NOT NULL UNIQUE,
      user_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      backend TEXT NOT NULL,
      status TEXT NOT NULL,
      title TEXT,
      created_us INTEGER NOT NULL,                -- microseconds since 1970, UTC
      updated_us INTEGER NOT NULL,
      next_seq INTEGER NOT NULL DEFAULT 0,
      message_count INTEGER NOT NULL DEFAULT 0,
      token_count INTEGER NOT NULL DEFAULT 0,
      fts_upto INTEGER NOT NULL DEFAULT 0,        -- seq up to which the text index has got
      branch TEXT NOT NULL,                       -- the branch whose path is active
      tip INTEGER,                                -- seq of the last message of the active path
      settings TEXT NOT NULL,                     -- JSON, as the next two; what differs from the defaults
      native TEXT,
      metadata TEXT)
    """,
    "CREATE INDEX sessions_user ON sessions(user_id, updated_us)",
    # One b-tree in order of sessions and of sending; the key is sid << 32 | seq.
    """
    CREATE TABLE messages(
      id INTEGER PRIMARY KEY,
      parent INTEGER,                             -- seq of the message before it on its path
      turn INTEGER,
      path_turns INTEGER NOT NULL,                -- turns from the root to here
      version INTEGER NOT NULL DEFAULT 1,         -- 1, 2, ... among those with the same parent
      active INTEGER NOT NULL DEFAULT 1,          -- on the path to sessions.tip
      hidden INTEGER NOT NULL DEFAULT 0,
      ts_us INTEGER NOT NULL,
      role TEXT NOT NULL,
      message_id TEXT NOT NULL,
      finish_reason TEXT,
      token_count INTEGER,
      source TEXT,
      cell_id TEXT,
      provider_message_id TEXT,
      content TEXT NOT NULL,
      parts TEXT,                                 -- JSON, NULL when empty; as metadata, params, details
      metadata TEXT,
      provider TEXT,                              -- from here on: the request an assistant message answers
      request_model TEXT,
      model TEXT,
      started_us INTEGER,
      duration_s REAL,
      time_to_first_chunk_s REAL,
      queued_s REAL,
      input_tokens INTEGER,
      cached_input_tokens INTEGER,
      cache_write_tokens INTEGER,
      output_tokens INTEGER,
      reasoning_tokens INTEGER,
      tokens_source TEXT,
      cost_usd REAL,
      cost_source TEXT,
      status TEXT,
      error_type TEXT,
      error_message TEXT,
      attempts INTEGER,
      streamed INTEGER,
      compare_id TEXT,
      params TEXT,
      provider_finish_reason TEXT,
      provider_request_id TEXT,
      details TEXT,
      sid INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
      seq INTEGER GENERATED ALWAYS AS (id & 4294967295) VIRTUAL)
    """,
    """
    CREATE TABLE branches(
      sid INTEGER NOT NULL,
      name TEXT NOT NULL,
      tip INTEGER,
      PRIMARY KEY (sid, name)) WITHOUT ROWID
    """,
    # What has arrived of replies that are still being written.
    """
    CREATE TABLE partials(
      sid INTEGER NOT NULL,
      message_id TEXT NOT NULL,
      reply_to INTEGER NOT NULL,
      owner TEXT NOT NULL,                        -- the process that writes it
      saved_us INTEGER NOT NULL,
      payload TEXT NOT NULL,                      -- JSON of the message's columns that are set
      PRIMARY KEY (sid, message_id)) WITHOUT ROWID
    """,
    """
    CREATE TRIGGER sessions_ad AFTER DELETE ON sessions BEGIN
      DELETE FROM messages WHERE id >= old.id << 32 AND id < (old.id + 1) << 32;
      DELETE FROM branches WHERE sid = old.id;
      DELETE FROM partials WHERE sid = old.id;
    END
    """,
    _OURS,
)

_VERSION_2 = (
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
    _renumber_turns,
)


def _label_sessions(db: sqlite3.Connection) -> None:
    titled = db.execute("SELECT id, title FROM sessions WHERE title IS NOT NULL").fetchall()
    db.executemany(
        "UPDATE sessions SET label = ? WHERE id = ?", [(normal(title), sid) for sid, title in titled]
    )


_VERSION_3 = (
    # What a name is compared with: the title in normal form C, without the blanks around it.
    "ALTER TABLE sessions ADD COLUMN label TEXT NOT NULL DEFAULT ''",
    _label_sessions,
    "CREATE INDEX sessions_label ON sessions(user_id, label, home)",
    "DROP INDEX sessions_home",
    "CREATE INDEX sessions_home ON sessions(user_id, home)",
    # The sessions that cells which name none have used; few of all.
    "CREATE INDEX sessions_main ON sessions(user_id, home) WHERE main_us IS NOT NULL",
    # Those that note such use in other homes, and those of version 0.1.
    "CREATE INDEX sessions_visited ON sessions(user_id) WHERE json_type(metadata, '$.main_of') IS NOT NULL",
    "CREATE INDEX sessions_old ON sessions(user_id) WHERE json_type(metadata, '$.notebook') IS NOT NULL",
)

Migrations = Sequence[Sequence[str | Callable[[sqlite3.Connection], None]]]
MIGRATIONS: Migrations = (_VERSION_1, _VERSION_2, _VERSION_3)
"""Statements and functions that lead from version ``n`` (the index) to ``n + 1``; never changed once released."""


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 when there are none."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection, migrations: Migrations = MIGRATIONS) -> None:
    """Bring the tables to the newest version: all steps in one transaction, or nothing.

    The version is read again inside the transaction, so that of several processes one makes the steps.
    """
    if version_of(db) >= len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(db), len(migrations)):
            for step in migrations[number]:
                if isinstance(step, str):
                    db.execute(step)
                else:
                    step(db)
            db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
