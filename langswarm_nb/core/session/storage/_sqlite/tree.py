"""A session's tree of messages in SQL: append to it, number its turns, move its tip, hide.

Plain functions on a connection; the caller holds the transaction. A refusal (`SessionError`) comes before the first
change, so that other work in the same transaction goes on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

from langswarm_nb.core.session.parts.tokens import chars_of
from langswarm_nb.core.session.storage.carried import NOTHING, Load
from langswarm_nb.core.session.storage.packing import MARKS, key_of_id
from langswarm_nb.core.session.storage.rows import COLUMNS, MESSAGE_COLUMNS, Row, as_read, mark_of, to_store
from langswarm_nb.core.session.values import MOST

from . import carried as _carried
from . import conditions as _conditions
from . import hides as _hides
from . import leases as _leases
from .head import TOUCH, Found, Head, head_of, node_of, now_us, question_at, used_us

_INSERT = f"INSERT INTO message_rows({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_BESIDE = f"$[{MARKS.index('beside')}]"
_SHOW = (
    f"UPDATE message_rows SET active = 1, marks = CASE WHEN json_extract(marks, '{_BESIDE}') IS NULL THEN marks"
    f" ELSE json_set(marks, '{_BESIDE}', NULL) END WHERE id = ?"
)
"""Puts a message onto the active path; it is no longer beside it."""
_ROLE = MESSAGE_COLUMNS.index("role")
_MESSAGE_ID = MESSAGE_COLUMNS.index("key")
_CONTENT, _PARTS = MESSAGE_COLUMNS.index("content"), MESSAGE_COLUMNS.index("parts")
_HIDDEN = MESSAGE_COLUMNS.index("hidden")
_TURN, _VERSION = COLUMNS.index("turn"), COLUMNS.index("version")


class _Place(NamedTuple):
    """Where a chain of messages is to hang, and the turn that it goes on."""

    parent: int | None
    turn: int | None
    version: int
    active: bool
    end: int | None = None
    """Of a reply: where paths end that continue from it."""


def append(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    payloads: Sequence[Row],
    *,
    parent: int | Literal["tip"] | None,
    reply_to: int | None = None,
    question_id: str | None = None,
    turn: int | None = None,
    activate: bool = True,
    branch: str | None = None,
    hides: Sequence[tuple[int, int]] = (),
    lease: str | None = None,
    expected_tip: str | None = None,
    once: bool = False,
    load: Load = NOTHING,
    head: Head | None = None,
) -> list[Row]:
    """Insert a chain of messages and return their rows; an empty one moves the tip to ``parent``."""
    head = head or head_of(db, session_id, name)
    if once:
        _conditions.check_new(db, head, session_id, [payload[_MESSAGE_ID] for payload in payloads])
    _conditions.check_path(db, head, session_id, expected_tip)
    _conditions.check_turns(db, head, session_id, turn, hides)
    _carried.check_of_session(db, load, head.sid)
    start = head.tip if isinstance(parent, str) else parent
    if start not in (None, head.tip) and reply_to is None:
        node_of(db, head, session_id, start)
    tip = _tip_on(db, head, branch, start, is_beside=not activate or reply_to is not None)
    if reply_to is None:
        place = _place(db, head, session_id, start, payloads, active=activate)
    else:
        question = question_at(db, head, session_id, reply_to, question_id, name)
        place = _reply_place(db, head, reply_to, question, payloads, tip, active=activate)
    ids = () if lease is None else [payload[_MESSAGE_ID] for payload in payloads]
    ends, goes_on = lease in ids, head.holder in ids
    if lease is not None:  # the last that may refuse: from here on there are changes
        _leases.take(db, head, session_id, lease, ends=ends, goes_on=goes_on)
    answered = lease is not None and not ends and not goes_on
    if head.is_archived and _is_send(payloads, activate=activate, answered=answered):
        db.execute("UPDATE sessions SET status = 'active' WHERE id = ?", (head.sid,))
    if branch not in (None, head.branch):
        head = _go(db, head, tip, branch)
    for hidden in hides:
        _hides.mark(db, head.sid, head.branch, *hidden, hidden=True)
    moves = place.active and place.parent != head.tip
    if not payloads:
        head = _go(db, head, place.parent, None) if moves else head
        rows = []
    else:
        rows = _insert(db, head, place, payloads, turn)
        _carried.link(db, head.end, load)
    is_other = (
        moves or turn is not None or place.version != (head.tip_version or 1)
    )  # than what stood on the path
    if hides or (head.has_hides and place.active and is_other):
        _hides.show(db, head.sid, head.branch)
    return list(map(as_read, rows))


def _is_send(payloads: Sequence[Row], *, activate: bool, answered: bool) -> bool:
    """Return whether something is asked, on the path or beside it, for the first time or again."""
    once_more_beside = not payloads and not activate
    return answered or once_more_beside or any(payload[_ROLE] in ("user", "tool") for payload in payloads)


def _insert(
    db: sqlite3.Connection, head: Head, place: _Place, payloads: Sequence[Row], turn: int | None
) -> list[Row]:
    if place.active and place.parent != head.tip:
        _activate(db, head, place.parent)
    rows, next_turn = _chain(db, head, place, payloads, turn)
    db.executemany(_INSERT, map(to_store, rows))
    last = head.next_seq + len(rows) - 1
    tokens = min(MOST, sum(mark_of(payload, "token_count") or 0 for payload in payloads))
    now, tip = now_us(), last if place.active else head.tip
    db.execute(
        f"UPDATE sessions SET {TOUCH}, next_seq = ?3, next_turn = ?4, message_count = message_count + ?5,"
        " token_count = token_count + ?6, tip = ?7 WHERE id = ?8",
        (now, used_us(db, now), last + 1, next_turn, len(rows), tokens, tip, head.sid),
    )
    _end(db, head, [payload[_MESSAGE_ID] for payload in payloads if payload[_ROLE] == "assistant"])
    if place.end is not None:
        _lead_on(db, head, place.end, last)
    return rows


def _tip_on(
    db: sqlite3.Connection, head: Head, branch: str | None, start: int | None, *, is_beside: bool
) -> int | None:
    """Return where a branch stands before a chain is added to it, there or beside its path."""
    if branch in (None, head.branch):
        return head.tip
    known = _branch(db, head, str(branch))
    return known[0] if known is not None and is_beside else start


def _lead_on(db: sqlite3.Connection, head: Head, end: int | None, last: int) -> None:
    """Let paths that were left where a question waited for its reply end in the reply, when they are gone back to."""
    db.execute("UPDATE branches SET tip = ? WHERE sid = ? AND tip = ?", (last, head.sid, end))
    db.execute("UPDATE former_tips SET seq = ? WHERE sid = ? AND seq = ?", (last, head.sid, end))


def _end(db: sqlite3.Connection, head: Head, replies: Sequence[str]) -> None:
    """Forget what was kept of replies while they were written, and let the next one be asked for."""
    for message_id in replies:
        if head.has_partials:
            db.execute("DELETE FROM partials WHERE sid = ? AND message_id = ?", (head.sid, message_id))
        if message_id in (head.holder, head.next_holder):
            _leases.leave(db, head.sid, message_id, is_awaited=head.next_holder is not None)


def set_tip(db: sqlite3.Connection, name: str, session_id: str, seq: int | None, branch: str | None) -> None:
    """Make the path to ``seq`` the active one, under another branch name if one is given."""
    head = head_of(db, session_id, name)
    if seq is not None:
        node_of(db, head, session_id, seq)
    _go(db, head, seq, branch)


def set_hidden(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    turn: int,
    version: int,
    *,
    hidden: bool,
    branch: str | None,
) -> None:
    """Mark a version of a turn as kept but not sent on a branch, or take the mark back; None is the active one."""
    head = head_of(db, session_id, name)
    _conditions.check_version(db, head, session_id, turn, version)
    _hides.mark(db, head.sid, branch or head.branch, turn, version, hidden=hidden)
    _hides.show(db, head.sid, head.branch)
    now = now_us()
    db.execute(f"UPDATE sessions SET {TOUCH} WHERE id = ?3", (now, used_us(db, now), head.sid))


def _go(db: sqlite3.Connection, head: Head, seq: int | None, branch: str | None) -> Head:
    """Make the path to a message that exists the active one; return where the session then stands."""
    left: int | None = None
    name = branch or head.branch
    if name != head.branch:
        known = _branch(db, head, name)
        db.execute(
            "INSERT OR REPLACE INTO branches VALUES (?, ?, ?, ?)", (head.sid, head.branch, head.tip, now_us())
        )
        db.execute("DELETE FROM branches WHERE sid = ? AND name = ?", (head.sid, name))
        if known is None:  # it begins as the branch that it leaves
            _hides.copy(db, head.sid, head.branch, name)
        else:
            (left,) = known
    _activate(db, head, seq, leaves=name == head.branch)
    if left is not None:
        _note_if_left(db, head, name, left)
    now = now_us()
    db.execute(
        f"UPDATE sessions SET {TOUCH}, tip = ?3, branch = ?4 WHERE id = ?5",
        (now, used_us(db, now), seq, name, head.sid),
    )
    if head.has_hides:
        _hides.show(db, head.sid, name)
    return head._replace(tip=seq, branch=name)


def _branch(db: sqlite3.Connection, head: Head, name: str) -> tuple[int | None] | None:
    """Return the tip of a branch that is not the active one; None when there is none of this name."""
    row: tuple[int | None] | None = db.execute(
        "SELECT tip FROM branches WHERE sid = ? AND name = ?", (head.sid, name)
    ).fetchone()
    return row


def _place(
    db: sqlite3.Connection,
    head: Head,
    session_id: str,
    parent: int | None,
    payloads: Sequence[Row],
    *,
    active: bool,
) -> _Place:
    if parent is None:
        return _Place(None, None, 1, active)
    if parent == head.tip:
        turn, version = head.tip_turn, head.tip_version or 1
    else:
        found = node_of(db, head, session_id, parent)
        turn, version = found.turn, found.version
    return _Place(parent, turn, _version_below(db, head, parent, turn, version, payloads), active)


def _reply_place(
    db: sqlite3.Connection,
    head: Head,
    at: int,
    question: Found,
    payloads: Sequence[Row],
    tip: int | None,
    *,
    active: bool,
) -> _Place:
    """Return the place below a question; the path goes on with the reply only if it still ends in the question."""
    if payloads and (interrupted := _interrupted(db, head, at, payloads[0][_MESSAGE_ID])):
        seq, parent, version = interrupted
        return _Place(parent, question.turn, version, active and seq == tip, seq if active else None)
    version = _version_below(db, head, at, question.turn, question.version, payloads)
    return _Place(at, question.turn, version, active and at == tip, at if active else None)


def _version_below(
    db: sqlite3.Connection, head: Head, parent: int, turn: int | None, version: int, payloads: Sequence[Row]
) -> int:
    """Return the version that goes on below a message: a further answer to it is one of its own."""
    is_answer = bool(payloads) and payloads[0][_ROLE] == "assistant" and turn is not None
    if not is_answer or parent + 1 == head.next_seq:  # nothing was added after the parent
        return version
    answered = db.execute(
        "SELECT 1 FROM messages WHERE id > ? AND id < ? AND parent = ? AND role = 'assistant' LIMIT 1",
        (head.base | parent, head.end, parent),
    ).fetchone()
    return version if answered is None else _next_version(db, head, turn)


def _interrupted(
    db: sqlite3.Connection, head: Head, question: int, message_id: str
) -> tuple[int, int | None, int] | None:
    """Return the place of a reply that was taken for abandoned, though its writer lives and now ends it."""
    if question + 1 == head.next_seq:
        return None
    row: tuple[int, int | None, int] | None = db.execute(
        "SELECT seq, parent, version FROM messages WHERE id > ? AND id < ?"
        " AND key = ? AND finish_reason = 'interrupted' ORDER BY id DESC LIMIT 1",
        (head.base | question, head.end, key_of_id(message_id)),
    ).fetchone()
    return row


def _next_version(db: sqlite3.Connection, head: Head, turn: int | None) -> int:
    (most,) = db.execute(
        "SELECT ifnull(max(version), 0) FROM messages WHERE id >= ? AND id < ? AND turn = ?",
        (head.base, head.end, turn),
    ).fetchone()
    return int(most) + 1


def _chain(
    db: sqlite3.Connection, head: Head, place: _Place, payloads: Sequence[Row], wanted: int | None
) -> tuple[list[Row], int]:
    """Return the rows of a chain, each question of which begins a turn (the first one: the turn that is wanted)."""
    rows: list[Row] = []
    parent, turn, version, active, _ = place
    next_turn = head.next_turn
    roles = [payload[_ROLE] for payload in payloads]
    marks = set(_hides.marks(db, head.sid, head.branch)) if head.has_hides else set()
    is_given = False
    for n, payload in enumerate(payloads):
        question = _question_begun(roles, n)
        if question is not None:  # at the first of the system messages that come with it
            if wanted is not None:
                before = [row[_VERSION] + 1 for row in rows if row[_TURN] == wanted]
                turn, version, wanted = wanted, max(_next_version(db, head, wanted), *before, 1), None
            else:
                turn, version, next_turn = next_turn, 1, next_turn + 1
            if payloads[question][_HIDDEN]:
                marks.add((turn, version))
                _hides.mark(db, head.sid, head.branch, turn, version, hidden=True)
            is_given = True
        is_hidden = (turn, version) in marks and (is_given or roles[n] != "system")
        is_given = is_given and roles[n] == "system"
        seq = head.next_seq + n
        if is_hidden != bool(payload[_HIDDEN]):
            payload = (*payload[:_HIDDEN], int(is_hidden), *payload[_HIDDEN + 1 :])  # noqa: PLW2901 - the mark alone
        rows.append((head.base | seq, parent, turn, _chars(payload), version, int(active), *payload))
        parent = seq
    return rows, next_turn


def _chars(payload: Row) -> int:
    """Return `Node.chars` of a message."""
    parts = payload[_PARTS] if payload[_ROLE] != "assistant" else None
    return len(payload[_CONTENT]) if parts is None else chars_of(payload[_CONTENT], json.loads(parts))


def _question_begun(roles: Sequence[str], n: int) -> int | None:
    """Return where the question is whose turn begins at a message of a chain; None when none begins there."""
    after_system = n > 0 and roles[n - 1] == "system"
    if after_system or roles[n] not in ("user", "system"):
        return None
    question = next((at for at in range(n, len(roles)) if roles[at] != "system"), None)
    return question if question is not None and roles[question] == "user" else None


def _activate(db: sqlite3.Connection, head: Head, tip: int | None, *, leaves: bool = True) -> None:
    """Set the active marks to the path that ends in ``tip``; the cost is the length of what changes."""
    walked = [] if tip is None else _walk_up(db, head, tip)
    joins = max((seq for seq, active in walked if active), default=-1)  # the last that both paths share
    left = db.execute(
        "UPDATE message_rows SET active = 0 WHERE id > ? AND id < ? AND active",
        (head.base + joins, head.end),
    ).rowcount
    joined = [(head.base | seq,) for seq, active in walked if not active]
    db.executemany(_SHOW, joined)
    if left or joined:
        db.execute("UPDATE sessions SET moves = moves + 1 WHERE id = ?", (head.sid,))
    if leaves and head.tip is not None:
        _note_if_left(db, head, head.branch, head.tip)


def _note_if_left(db: sqlite3.Connection, head: Head, branch: str, tip: int) -> None:
    """Remember the end of a path of a branch, unless its path, or one that it left before, goes through that."""
    (active,) = db.execute("SELECT active FROM messages WHERE id = ?", (head.base | tip,)).fetchone()
    if not active and not _is_within(db, head, branch, tip):
        db.execute(
            "INSERT OR REPLACE INTO former_tips VALUES (?, ?, ?, ?)", (head.sid, branch, tip, now_us())
        )


def _is_within(db: sqlite3.Connection, head: Head, branch: str, tip: int) -> bool:
    """Tell whether a path that a branch left before goes through a message, and on."""
    if tip + 1 == head.next_seq:
        return False
    found = db.execute(
        "WITH RECURSIVE up(seq) AS ("
        " SELECT seq FROM former_tips WHERE sid = ? AND branch = ? AND seq > ?"
        " UNION SELECT m.parent FROM up JOIN messages m ON m.id = ? | up.seq WHERE m.parent >= ?)"
        " SELECT 1 FROM up WHERE seq = ?",
        (head.sid, branch, tip, head.base, tip, tip),
    ).fetchone()
    return found is not None


def _walk_up(db: sqlite3.Connection, head: Head, seq: int) -> list[tuple[int, int]]:
    """Return seq and active mark from a message up to the first active one, or to the root."""
    return db.execute(
        "WITH RECURSIVE up(seq, parent, active) AS ("
        " SELECT seq, parent, active FROM messages WHERE id = ?"
        " UNION ALL SELECT m.seq, m.parent, m.active FROM up JOIN messages m ON m.id = ? | up.parent"
        " WHERE NOT up.active AND up.parent IS NOT NULL) SELECT seq, active FROM up",
        (head.base | seq, head.base),
    ).fetchall()
