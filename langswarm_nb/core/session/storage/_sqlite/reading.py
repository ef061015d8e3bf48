"""Read a session's messages in SQL: a path, some messages, the shape of the whole tree.

Plain functions on a connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from langswarm_nb.core.session.conversation.nodes import Stamp, TreeRows
from langswarm_nb.core.session.errors import SessionStorageError, shown
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.storage.packing import key_of_id
from langswarm_nb.core.session.storage.rows import READ_COLUMNS, SENT_COLUMNS, SEQ_BITS, Row

from . import hides as _hides
from .head import Head, head_of, session_key

_SELECT = f"SELECT {', '.join(READ_COLUMNS)} FROM message_rows "
_SELECT_PATH = f"SELECT {', '.join(READ_COLUMNS[:-2])} FROM message_rows "
"""Of messages on the active path, none of which is hidden."""
_SENT = f"SELECT {', '.join(SENT_COLUMNS)} FROM message_rows "
_NODES = (
    "SELECT seq, parent, turn, version, role, active, cell_id, ask, scope, beside, status, compare_id,"
    " CASE WHEN chars THEN 2 WHEN parts IS NOT NULL THEN 1 ELSE 0 END, chars FROM messages "
)
"""In the order of the fields of `Node`."""
_GAP = 8
"""So many rows that are not wanted cost as much as another look-up."""


def branches(db: sqlite3.Connection, name: str, session_id: str) -> dict[str, int | None]:
    """Return the tip of each branch by name."""
    head = head_of(db, session_id, name)
    kept = dict(db.execute("SELECT name, tip FROM branches WHERE sid = ? ORDER BY name", (head.sid,)))
    return {**kept, head.branch: head.tip}


def tree(
    db: sqlite3.Connection, name: str, session_id: str, known: Stamp, head: Head | None = None
) -> TreeRows:
    """Return the shape of a session without its words; of messages that are known, nothing.

    Raises
    ------
    SessionStorageError
        It is damaged: walks through it might never end.
    """
    head = head or head_of(db, session_id, name)
    since = known.messages
    ids = dict(
        db.execute(
            "SELECT seq, message_id FROM messages WHERE id IN (?, ?)", (head.end - 1, head.base + since - 1)
        )
    )
    if known.moves != head.moves or (since and ids.get(since - 1) != known.last_id):
        since = 0
    nodes = db.execute(
        f"{_NODES}WHERE id >= ? AND id < ? ORDER BY id", (head.base + since, head.end)
    ).fetchall()
    if nodes and (
        nodes[-1][0] >= since + len(nodes) or any(row[1] is not None and row[1] >= row[0] for row in nodes)
    ):
        raise SessionStorageError(
            f"The messages of session {shown(session_id)} in {name} are no longer a tree: one is missing, or is "
            "below one that came later. The file is damaged, or another program changed it; "
            "`await session.get_messages()` still reads what there is."
        )
    former = db.execute(
        "SELECT branch, seq FROM former_tips WHERE sid = ? ORDER BY left_us, seq", (head.sid,)
    ).fetchall()
    others = db.execute(
        "SELECT name, tip FROM branches WHERE sid = ? ORDER BY left_us DESC, name", (head.sid,)
    ).fetchall()
    hidden = _hides.all_marks(db, head.sid) if head.has_hides else []
    stamp = Stamp(since + len(nodes), head.moves, ids.get(head.next_seq - 1))
    return TreeRows(nodes, head.tip, head.branch, others, former, hidden, head.next_turn, since, stamp)


def read(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    *,
    active: bool,
    limit: int | None,
    before: int | None,
    role: MessageRole | None,
    since_us: int | None,
) -> list[Row]:
    """Return the rows of the active path, or of all messages, ``before`` a seq, in order; with ``limit`` the last."""
    sid = session_key(db, session_id, name)
    where = "WHERE id >= ? AND id < ?"
    room = 1 << SEQ_BITS
    values: list[Any] = [sid << SEQ_BITS, (sid << SEQ_BITS) + min(room if before is None else before, room)]
    select = _SELECT
    if active:
        where += " AND active"
        (has_hides,) = db.execute("SELECT EXISTS (SELECT 1 FROM hides WHERE sid = ?)", (sid,)).fetchone()
        select = _SELECT if has_hides else _SELECT_PATH
    if role is not None:
        where += " AND role = ?"
        values.append(role.value)
    if since_us is not None:
        where += " AND ts_us >= ?"
        values.append(since_us)
    if limit is None:
        return db.execute(f"{select}{where} ORDER BY id", values).fetchall()
    rows = db.execute(f"{select}{where} ORDER BY id DESC LIMIT ?", [*values, limit]).fetchall()
    rows.reverse()
    return rows


def pick(db: sqlite3.Connection, head: Head, seqs: Sequence[int]) -> list[Row]:
    """Return the rows of some messages, in order of ``seqs``, which ascend."""
    return _among(db, _SELECT, head.base, seqs)


def said(db: sqlite3.Connection, head: Head, seqs: Sequence[int]) -> list[Row]:
    """Return what is sent of some messages, in order of ``seqs``, which ascend; rows of `SENT_COLUMNS`."""
    return _among(db, _SENT, head.base, seqs)


def find(db: sqlite3.Connection, name: str, session_id: str, message_id: str) -> Row | None:
    """Return the row of the newest message with this id; None when there is none."""
    sid = session_key(db, session_id, name)
    row: Row | None = db.execute(
        f"{_SELECT}WHERE id >= ? AND id < ? AND key = ? ORDER BY id DESC LIMIT 1",
        (sid << SEQ_BITS, (sid + 1) << SEQ_BITS, key_of_id(message_id)),
    ).fetchone()
    return row


def _among(db: sqlite3.Connection, select: str, base: int, seqs: Sequence[int]) -> list[Row]:
    found: list[Row] = []
    is_exact = True
    for first, last, count in _stretches(seqs):
        found += db.execute(f"{select}WHERE id >= ? AND id <= ? ORDER BY id", (base | first, base | last))
        is_exact = is_exact and count > last - first
    if is_exact:
        return found
    wanted = {base | seq for seq in seqs}
    return [row for row in found if row[0] in wanted]


def _stretches(seqs: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield first, last and count of those that lie close together: one scan is quicker than many look-ups."""
    if not seqs:
        return
    begin = 0
    if 2 * len(seqs) <= seqs[-1] - seqs[0]:  # else most of what lies between is wanted
        for at in range(1, len(seqs)):
            if seqs[at] - seqs[at - 1] > _GAP:
                yield seqs[begin], seqs[at - 1], at - begin
                begin = at
    yield seqs[begin], seqs[-1], len(seqs) - begin
