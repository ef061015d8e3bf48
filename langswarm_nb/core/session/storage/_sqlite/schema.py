"""The tables of a store, made in a new file; `former` brings the files of former versions over."""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.storage.packing import FACTS, MARKS, USUAL

APPLICATION_ID = 0x4C534E42  # "LSNB": tells our files from those of other programs
VERSION = 5
"""Of the tables below. Files of versions 1 to 4 were never published, and are brought over all the same."""


def _named(column: str, names: tuple[str, ...]) -> str:
    """Return what stands in a JSON list as columns of a view."""
    return ", ".join(f"{_value(column, at, name)} AS {name}" for at, name in enumerate(names))


def _value(column: str, at: int, name: str) -> str:
    value = f"json_extract({column}, '$[{at}]')"
    if name not in USUAL:
        return value
    return f"CASE WHEN {column} IS NOT NULL THEN ifnull({value}, {USUAL[name]}) END"


TABLES = (
    # The surrogate id is never reused: other kernels may hold it. What each send changes stands in this one row: with
    # the page of its messages that is all that a turn writes, so none of it is in an index.
    """
    CREATE TABLE sessions(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      session_id TEXT NOT NULL UNIQUE,
      user_id TEXT NOT NULL,
      status TEXT NOT NULL,
      created_us INTEGER NOT NULL,                -- microseconds since 1970, UTC
      updated_us INTEGER NOT NULL,
      used_us INTEGER NOT NULL DEFAULT 0,         -- the same, in the order of use also when the clock goes back
      main_us INTEGER,                            -- when a cell that names no session last used it
      next_seq INTEGER NOT NULL DEFAULT 0,
      next_turn INTEGER NOT NULL DEFAULT 0,
      message_count INTEGER NOT NULL DEFAULT 0,
      token_count INTEGER NOT NULL DEFAULT 0,
      fts_upto INTEGER NOT NULL DEFAULT 0,        -- seq up to which the text index has got
      moves INTEGER NOT NULL DEFAULT 0,           -- how often messages that were there have got other marks
      branch TEXT NOT NULL,                       -- the branch whose path is active
      tip INTEGER,                                -- seq of the last message of the active path
      holder TEXT,                                -- who is being answered: id of the reply that is being written
      owner TEXT,                                 -- the process that writes it
      beat_us INTEGER,
      since_us INTEGER,
      next_holder TEXT,                           -- who waits, and gets it at its end; as the two above
      next_owner TEXT,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      backend TEXT NOT NULL,
      title TEXT,
      label TEXT NOT NULL DEFAULT '',             -- what names are compared with: the title in normal form, stripped
      home TEXT,                                  -- the notebook it belongs to
      settings TEXT NOT NULL,                     -- JSON, as the next two; what differs from the defaults
      native TEXT,
      metadata TEXT)
    """,
    "CREATE INDEX sessions_home ON sessions(user_id, home)",
    "CREATE INDEX sessions_label ON sessions(user_id, label, home)",
    # Those that cells which name none have used in their home, in others, and in version 0.1; few of all.
    "CREATE INDEX sessions_main ON sessions(user_id, home) WHERE main_us IS NOT NULL",
    "CREATE INDEX sessions_visited ON sessions(user_id) WHERE json_type(metadata, '$.main_of') IS NOT NULL",
    "CREATE INDEX sessions_old ON sessions(user_id) WHERE json_type(metadata, '$.notebook') IS NOT NULL",
    # One b-tree in order of sessions and of sending; the key is sid << 32 | seq.
    """
    CREATE TABLE message_rows(
      id INTEGER PRIMARY KEY,
      parent INTEGER,                             -- seq of the message before it on its path
      turn INTEGER,
      chars INTEGER NOT NULL,                     -- length of content and what is carried: the tree is read alone
      version INTEGER NOT NULL DEFAULT 1,         -- 1, 2, ... of its turn
      active INTEGER NOT NULL DEFAULT 1,          -- on the path to sessions.tip
      hidden INTEGER NOT NULL DEFAULT 0,
      ts_us INTEGER NOT NULL,
      role TEXT NOT NULL,
      key NOT NULL,                               -- its id: 16 bytes where that is 32 hexadecimal digits, else as it is
      content TEXT NOT NULL,
      parts TEXT,                                 -- JSON, NULL when empty; as all that follows
      metadata TEXT,
      marks TEXT,                                 -- a list; its values by name in messages
      request TEXT)                               -- the same, of the request that an assistant message answers
    """,
    # As people read them: each value by its name. Generated columns would be worked out for every row that is written.
    f"""
    CREATE VIEW messages AS SELECT
      id, id >> 32 AS sid, id & 4294967295 AS seq, parent, turn, chars, version, active, hidden, ts_us, role, key,
      CASE typeof(key) WHEN 'blob' THEN lower(hex(key)) ELSE key END AS message_id, content, parts, metadata,
      marks, {_named("marks", MARKS)},
      request, {_named("request", FACTS)}
      FROM message_rows
    """,
    """
    CREATE TABLE branches(
      sid INTEGER NOT NULL,
      name TEXT NOT NULL,
      tip INTEGER,
      left_us INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (sid, name)) WITHOUT ROWID
    """,
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
    # What messages carry, once for each content, and which message carries what.
    """
    CREATE TABLE blobs(
      id INTEGER PRIMARY KEY,
      hash BLOB NOT NULL UNIQUE,                  -- SHA-256 of data
      media_type TEXT NOT NULL,
      size INTEGER NOT NULL,                      -- bytes
      data BLOB NOT NULL)
    """,
    """
    CREATE TABLE message_blobs(
      message INTEGER NOT NULL,                   -- message_rows.id
      blob INTEGER NOT NULL,                      -- blobs.id
      PRIMARY KEY (message, blob)) WITHOUT ROWID
    """,
    "CREATE INDEX message_blobs_blob ON message_blobs(blob)",
    # Schemas of tools and of answers, once for each body, and which session has which.
    """
    CREATE TABLE definitions(
      hash TEXT PRIMARY KEY,                      -- SHA-256 of body, in hexadecimal
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      body TEXT NOT NULL)
    """,
    """
    CREATE TABLE session_definitions(
      sid INTEGER NOT NULL,
      hash TEXT NOT NULL,
      PRIMARY KEY (sid, hash)) WITHOUT ROWID
    """,
    "CREATE INDEX session_definitions_hash ON session_definitions(hash)",
    """
    CREATE TRIGGER sessions_ad AFTER DELETE ON sessions BEGIN
      DELETE FROM message_rows WHERE id >= old.id << 32 AND id < (old.id + 1) << 32;
      DELETE FROM message_blobs WHERE message >= old.id << 32 AND message < (old.id + 1) << 32;
      DELETE FROM session_definitions WHERE sid = old.id;
      DELETE FROM branches WHERE sid = old.id;
      DELETE FROM partials WHERE sid = old.id;
      DELETE FROM former_tips WHERE sid = old.id;
      DELETE FROM hides WHERE sid = old.id;
    END
    """,
    f"PRAGMA application_id = {APPLICATION_ID}",
)


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 when there are none."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of a former version over: in one transaction, all of it or nothing.

    The version is read again inside the transaction, so that of several processes one makes the step.
    """
    if version_of(db) >= VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(db)
        if version == 0:
            for statement in TABLES:
                db.execute(statement)
        elif version < VERSION:
            from .former.bringing_over import bring_over  # only old files need it

            bring_over(db, version, TABLES)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
