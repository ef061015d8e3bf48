"""What messages carry, in SQL: bytes and schemas, each content once, linked to the messages or sessions it is of.

Plain functions on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.parts.blobs import Blob
from langswarm_nb.core.session.storage.carried import Load, Named, check_named, not_here, stored_hash
from langswarm_nb.core.session.storage.rows import SEQ_BITS

_AT_ONCE = 500
"""Hashes in one query: some versions of SQLite take no more than 999 values."""


def check_of_session(db: sqlite3.Connection, load: Load, sid: int) -> None:
    """Make sure that what is named without its bytes is carried by a message of a session's user, and is what is said.

    Raises
    ------
    SessionValueError
        It is not so.
    """
    if load.told:
        (user_id,) = db.execute("SELECT user_id FROM sessions WHERE id = ?", (sid,)).fetchone()
        check_of_user(db, load, user_id)


def check_of_user(db: sqlite3.Connection, load: Load, user_id: str) -> None:
    """Make sure of the same for a user.

    Raises
    ------
    SessionValueError
        It is not so.
    """
    check_named(load, lambda told: _stored(db, told, user_id))


_OF_USER = (
    "FROM blobs b CROSS JOIN message_blobs l ON l.blob = b.id CROSS JOIN sessions s ON s.id = l.message >> 32"
)


def _stored(db: sqlite3.Connection, told: Named, user_id: str) -> Named | None:
    """Return what messages of a user say of a content; the same may be attached under several types."""
    values = stored_hash(told.hash), user_id
    found = db.execute(
        f"SELECT b.media_type, b.size {_OF_USER} WHERE b.hash = ? AND s.user_id = ? LIMIT 1", values
    ).fetchone()
    if found is None:
        return None
    media_type, size = found
    if media_type != told.media_type:
        other = db.execute(
            f"SELECT 1 {_OF_USER} CROSS JOIN message_rows m ON m.id = l.message"
            " CROSS JOIN json_each(CASE WHEN json_valid(m.parts) THEN m.parts ELSE '[]' END) p"
            " WHERE b.hash = ? AND s.user_id = ? AND json_extract(p.value, '$.blob') = ?"
            " AND json_extract(p.value, '$.media_type') = ? LIMIT 1",
            (*values, told.hash, told.media_type),
        ).fetchone()
        media_type = media_type if other is None else told.media_type
    return Named(told.hash, media_type, size)


def link(db: sqlite3.Connection, first: int, load: Load) -> None:
    """Store what messages carry; ``first`` is the key of the first of them."""
    if load.definitions:
        define(db, first >> SEQ_BITS, load.definitions)
    if not load.links:
        return
    ids = {key: _kept(db, key, load.blobs.get(key)) for key in dict.fromkeys(key for _, key in load.links)}
    db.executemany(
        "INSERT OR IGNORE INTO message_blobs(message, blob) VALUES (?, ?)",
        [(first + at, ids[key]) for at, key in load.links],
    )


def _kept(db: sqlite3.Connection, key: str, blob: Blob | None) -> int:
    """Return the number of a content, which is stored unless it is there."""
    row = db.execute("SELECT id FROM blobs WHERE hash = ?", (stored_hash(key),)).fetchone()
    if row is not None:
        return int(row[0])
    if blob is None:
        raise not_here([key])
    made = db.execute(
        "INSERT INTO blobs(hash, media_type, size, data) VALUES (?, ?, ?, ?)",
        (stored_hash(key), blob.media_type, len(blob.data), blob.data),
    )
    return int(made.lastrowid or 0)


def define(db: sqlite3.Connection, sid: int, definitions: Sequence[Definition]) -> None:
    """Store the schemas that messages of a session were asked for."""
    hashes = [definition.hash for definition in definitions]
    db.executemany(
        "INSERT OR IGNORE INTO definitions(hash, kind, name, body) VALUES (?, ?, ?, ?)",
        [(key, *definition) for key, definition in zip(hashes, definitions, strict=True)],
    )
    db.executemany(
        "INSERT OR IGNORE INTO session_definitions(sid, hash) VALUES (?, ?)", [(sid, key) for key in hashes]
    )


def read_definitions(
    db: sqlite3.Connection, sid: int, hashes: Collection[str] | None = None
) -> dict[str, Definition]:
    """Return the schemas of a session by hash; all of them, or those with these hashes."""
    rows = db.execute(
        "SELECT d.hash, d.kind, d.name, d.body FROM session_definitions s JOIN definitions d ON d.hash = s.hash"
        " WHERE s.sid = ? AND (?2 IS NULL OR s.hash IN (SELECT value FROM json_each(?2))) ORDER BY d.hash",
        (sid, None if hashes is None else json.dumps(list(hashes))),
    )
    return {key: Definition(*rest) for key, *rest in rows}


def read(db: sqlite3.Connection, sid: int, hashes: Collection[str]) -> dict[str, bytes]:
    """Return the bytes that messages of a session carry, by hash."""
    wanted, found = [key for key in map(stored_hash, hashes) if key], {}
    for some in (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)):
        rows = db.execute(
            f"SELECT b.hash, b.data FROM blobs b WHERE b.hash IN ({', '.join('?' * len(some))})"
            " AND EXISTS (SELECT 1 FROM message_blobs l WHERE l.blob = b.id AND l.message >= ? AND l.message < ?)",
            (*some, sid << SEQ_BITS, (sid + 1) << SEQ_BITS),
        )
        found.update({key.hex(): data for key, data in rows})
    return found


def carried_by(db: sqlite3.Connection, sid: int) -> tuple[list[int], list[str]]:
    """Return the numbers of the bytes that messages of a session carry, and the hashes of its schemas."""
    rows = db.execute(
        "SELECT DISTINCT blob FROM message_blobs WHERE message >= ? AND message < ?",
        (sid << SEQ_BITS, (sid + 1) << SEQ_BITS),
    )
    hashes = db.execute("SELECT hash FROM session_definitions WHERE sid = ?", (sid,))
    return [blob for (blob,) in rows], [key for (key,) in hashes]


def free(db: sqlite3.Connection, blobs: Sequence[int], hashes: Sequence[str]) -> None:
    """Delete those contents that no message carries, and those schemas that no session has."""
    if hashes:
        db.execute(
            "DELETE FROM definitions WHERE hash IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM session_definitions s WHERE s.hash = definitions.hash)",
            (json.dumps(hashes),),
        )
    if blobs:
        db.execute(
            "DELETE FROM blobs WHERE id IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM message_blobs l WHERE l.blob = blobs.id)",
            (json.dumps(blobs),),
        )
