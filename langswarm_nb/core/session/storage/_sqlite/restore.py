"""Take a whole session in, in SQL: with the numbers, branches and marks that it has elsewhere.

Plain functions; the caller holds the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.conversation.nodes import TreeRows, chars_of_message
from langswarm_nb.core.session.errors import SessionValueError
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.storage.carried import Load
from langswarm_nb.core.session.storage.rows import (
    COLUMNS,
    PLACE_COLUMNS,
    SEQ_BITS,
    Row,
    encode_message,
    mark_of,
    to_store,
)
from langswarm_nb.core.session.values import MOST, optional_whole, whole

from . import carried as _carried
from . import hides as _hides
from . import sessions as _sessions
from .head import now_us, session_key

_INSERT = f"INSERT INTO message_rows({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_TURN = COLUMNS.index("turn")


def rows_of(messages: Sequence[SessionMessage], tree: TreeRows) -> list[Row]:
    """Return the rows of messages, with seqs for ids.

    Raises
    ------
    SessionValueError, SessionTypeError
        A message cannot be kept unchanged, or they are not a tree that ends where it should.
    """
    payloads = [encode_message(message) for message in messages]
    ends = [tree.tip, *(tip for _, tip in tree.others), *(tip for _, tip in tree.former)]
    for n, message in enumerate(messages):
        above = message.parent_seq
        if message.seq != n or not (above is None or 0 <= above < n):
            raise SessionValueError(
                f"The message {message.id!r} is at {message.seq} below {above}, but should be at {n} below an earlier "
                "one. Nothing was stored."
            )
    for seq in ends:
        if seq is not None and not 0 <= seq < len(messages):
            raise SessionValueError(
                f"A branch ends in message {seq}, and there are {len(messages)}. Nothing was stored."
            )
    active = _path(messages, tree.tip)
    return [
        (
            n,
            message.parent_seq,
            optional_whole("turn", message.turn),
            chars_of_message(message),
            whole("version", message.version),
            int(n in active),
            *payload,
        )
        for n, (message, payload) in enumerate(zip(messages, payloads, strict=True))
    ]


def _path(messages: Sequence[SessionMessage], seq: int | None) -> set[int]:
    found: set[int] = set()
    while seq is not None:
        found.add(seq)
        seq = messages[seq].parent_seq
    return found


def restore(
    db: sqlite3.Connection,
    name: str,
    record: Mapping[str, Any],
    rows: Sequence[Row],
    load: Load,
    tree: TreeRows,
) -> None:
    """Store a session with the rows of its messages and what they carry."""
    _carried.check_of_user(db, load, str(record["user_id"]))
    _sessions.create(db, name, record)
    sid = session_key(db, str(record["session_id"]), name)
    base, now = sid << SEQ_BITS, now_us()
    db.executemany(_INSERT, [to_store((base | row[0], *row[1:])) for row in rows])
    _carried.link(db, base, load)
    db.executemany(
        "INSERT INTO branches VALUES (?, ?, ?, ?)",
        [(sid, branch, tip, now - n) for n, (branch, tip) in enumerate(tree.others, 1)],
    )
    db.executemany(
        "INSERT OR REPLACE INTO former_tips VALUES (?, ?, ?, ?)",
        [(sid, branch, seq, now - n) for n, (branch, seq) in enumerate(reversed(tree.former), 1)],
    )
    db.executemany(
        "INSERT OR IGNORE INTO hides VALUES (?, ?, ?, ?)", [(sid, *marked) for marked in tree.hidden]
    )
    turns = [row[_TURN] for row in rows if row[_TURN] is not None]
    db.execute(
        "UPDATE sessions SET used_us = ?, next_seq = ?, next_turn = ?, message_count = ?,"
        " token_count = ?, branch = ?, tip = ? WHERE id = ?",
        (
            _free_moment(db, record["user_id"], record["updated_us"], sid),
            len(rows),
            max([tree.next_turn, *(turn + 1 for turn in turns)]),
            len(rows),
            min(MOST, sum(mark_of(row[len(PLACE_COLUMNS) :], "token_count") or 0 for row in rows)),
            tree.branch,
            tree.tip,
            sid,
        ),
    )
    _hides.show(db, sid, tree.branch)


def _free_moment(db: sqlite3.Connection, user_id: str, used_us: int, sid: int) -> int:
    """Return a moment, or the next one at which no other session of the user was used: lists go by it."""
    while db.execute(
        "SELECT 1 FROM sessions WHERE user_id = ? AND used_us = ? AND id <> ?", (user_id, used_us, sid)
    ).fetchone():
        used_us += 1
    return used_us
