"""Full-text search in SQL, over an index that is made and brought up to date by the first search that needs it.

A message is found when it holds all words of the query, in any order, in its text or in what its parts say (results of
tools, names of attachments, sources): a word of letters and digits at the beginning of a word, any other word (with
punctuation, or of a script that puts no spaces between words) anywhere. Case and accents do not count. Within one
session the messages are read; over all sessions the index (FTS5) finds them, or, where this SQLite was built without
it, they are read too.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from langswarm_nb.core.session.errors import SessionStorageError
from langswarm_nb.core.session.storage.part_texts import full_text
from langswarm_nb.core.session.storage.rows import READ_COLUMNS, SEQ_BITS, Row
from langswarm_nb.core.session.values import text

from .head import key_of, user_key

BATCH = 10_000
"""Messages indexed in one transaction: some 50 ms, so that other writers get their turn; less means more merging."""
_SNIPPET_CHARS = 200
_FULL_TEXT = full_text("messages")
"""What the index gets of a message, and must get again to forget it."""
_INDEX = "said_fts"
_FORMER = ("messages_fts", "texts_fts")
"""Indexes of before: the first knew the contents alone, the second not all that parts say."""
# It keeps no text of its own.
_CREATE = (
    *(f"DROP TABLE IF EXISTS {name}" for name in _FORMER),
    "UPDATE sessions SET fts_upto = 0",
    (
        f"CREATE VIRTUAL TABLE {_INDEX} USING fts5("
        "content, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    ),
)
# Scripts written without spaces between words, and what came to Unicode late: the index takes a whole clause of the
# first for one word, and may not know the second as letters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u2e80-\U0010ffff]")
_TOKEN = re.compile(r"[^\W_]")
_WORD_BEGINS = r"(?<![^\W_])"
_MAYBE_ACCENTED = re.compile("[\u00c0-\u1fff\u2100-\u22ff]")
_MAYBE_CASED = re.compile("[A-Za-z\u00c0-\u2dff\ua640-\uabff\uff00-\uffef\U00010400-\U0001efff]")
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class Query:
    """What is looked for, and where."""

    words: tuple[str, ...]
    user_id: str | None
    session_id: str | None
    limit: int | None
    may_index: bool = True

    @classmethod
    def of(cls, query: str, user_id: str | None, session_id: str | None, limit: int | None) -> Query:
        """Return the query for what a user typed; all of it is text, none of it is syntax."""
        return cls(
            tuple(dict.fromkeys(text("text", query).replace("\0", " ").split())),
            None if user_id is None else text("user_id", user_id),
            None if session_id is None else key_of(session_id),
            limit,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found."""
        return not self.words or self.limit == 0

    @property
    def indexed(self) -> tuple[str, ...]:
        """The words that the index can find, or at least narrow down."""
        return tuple(word for word in self.words if _TOKEN.search(word) and not _UNSPACED.search(word))

    @property
    def uses_index(self) -> bool:
        """Whether the index is worth its while."""
        return self.may_index and self.session_id is None and self.limit != 0 and bool(self.indexed)

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """For each word, where it stands in a folded text."""
        return tuple(map(_pattern, self.words))

    @cached_property
    def unsure(self) -> tuple[re.Pattern[str], ...]:
        """The patterns that decide when the index has spoken: of words with symbols it sees the letters only."""
        return tuple(map(_pattern, filter(_is_odd, self.words)))

    def snippet(self, content: str) -> str:
        """Return the text around the first word found, on one line."""
        folded = _folded(content)
        found = [match.start() for pattern in self.patterns if (match := pattern.search(folded))]
        # Folding may change lengths, so the place is near the word, not always on it.
        start = max(0, min(found, default=0) - _SNIPPET_CHARS // 4)
        line = " ".join(content[start : start + _SNIPPET_CHARS].split())
        before, after = "…" if start else "", "…" if start + _SNIPPET_CHARS < len(content) else ""
        return f"{before}{line}{after}"


def _is_odd(word: str) -> bool:
    return not word.isalnum() or _UNSPACED.search(word) is not None


def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(("" if _is_odd(word) else _WORD_BEGINS) + re.escape(_folded(word)))


def _folded(content: str) -> str:
    lowered = content.lower()
    if lowered.isascii():
        return lowered
    if _MAYBE_ACCENTED.search(lowered):
        lowered = _ACCENTS.sub("", unicodedata.normalize("NFD", lowered))
    return unicodedata.normalize("NFC", lowered)


def _test_for(patterns: Sequence[re.Pattern[str]]) -> Callable[[str], bool]:
    """Return a function that tells whether a message's text has all patterns."""
    # What has neither case nor accents, such as Chinese, need not be folded, which saves most of the work.
    caseless = all(_MAYBE_CASED.search(pattern.pattern) is None for pattern in patterns)
    prepare = partial(unicodedata.normalize, "NFC") if caseless else _folded

    def holds(content: str) -> bool:
        prepared = prepare(content)
        return all(pattern.search(prepared) for pattern in patterns)

    return holds


def has_fts5(db: sqlite3.Connection) -> bool:
    """Return whether this SQLite can have the index."""
    return db.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is not None


def is_behind(db: sqlite3.Connection) -> bool:
    """Return whether there are messages that the index does not hold yet."""
    if not has_fts5(db):
        return False
    behind = db.execute("SELECT 1 FROM sessions WHERE next_seq > fts_upto LIMIT 1").fetchone()
    return behind is not None or _is_old(db)


def catch_up(db: sqlite3.Connection) -> None:
    """Add the next `BATCH` messages to the index, which is made if there is none."""
    if not _has_index(db):
        for statement in _CREATE:
            db.execute(statement)
    room = BATCH
    behind = db.execute("SELECT id, fts_upto, next_seq FROM sessions WHERE next_seq > fts_upto").fetchall()
    for sid, upto, next_seq in behind:
        until = min(next_seq, upto + room)
        db.execute(
            f"INSERT INTO {_INDEX}(rowid, content)"
            f" SELECT id, {_FULL_TEXT} FROM messages WHERE id >= ? AND id < ?",
            (sid << SEQ_BITS | upto, (sid << SEQ_BITS) + until),
        )
        db.execute("UPDATE sessions SET fts_upto = ? WHERE id = ?", (until, sid))
        room -= until - upto
        if room <= 0:
            return


def find(db: sqlite3.Connection, name: str, query: Query) -> list[tuple[str, Row]]:
    """Return session id and row of the messages found, newest first."""
    if query.is_empty:
        return []
    where: list[str] = []
    values: list[str | int] = []
    source = "messages m CROSS JOIN sessions s ON s.id = m.id >> 32"
    if query.session_id is not None:
        sid = user_key(db, query.session_id, query.user_id, name)
        where.append("m.id >= ? AND m.id < ?")
        values += [sid << SEQ_BITS, (sid + 1) << SEQ_BITS]
    if query.user_id is not None:
        where.append("s.user_id = ?")
        values.append(query.user_id)
    patterns = query.patterns
    if query.uses_index and has_fts5(db) and _has_index(db):
        patterns = query.unsure
        source = f"{_INDEX} f CROSS JOIN {source}"
        where.append(f"m.id = f.rowid AND {_INDEX} MATCH ?")
        values.append(" ".join(f'"{word.replace(chr(34), " ")}"*' for word in query.indexed))
    if patterns:
        db.create_function("holds", 1, _test_for(patterns))
        where.append(f"holds({full_text('m')})")
    ids = db.execute(
        f"SELECT m.id FROM {source} WHERE {' AND '.join(where)} ORDER BY m.ts_us DESC, m.id DESC LIMIT ?",
        (*values, -1 if query.limit is None else query.limit),
    ).fetchall()
    select = (
        f"SELECT s.session_id, {', '.join(f'm.{c}' for c in READ_COLUMNS)} FROM messages m JOIN sessions s"
    )
    rows = (db.execute(f"{select} ON s.id = m.id >> 32 WHERE m.id = ?", key).fetchone() for key in ids)
    return [(row[0], row[1:]) for row in rows if row is not None]  # None: deleted between the two queries


def forget(db: sqlite3.Connection, sid: int, upto: int) -> None:
    """Take the words of a session's messages out of the index, for good.

    Raises
    ------
    SessionStorageError
        The file has an index that this SQLite cannot change.
    """
    if not upto or not _has_index(db):
        if _is_old(db) and has_fts5(db):
            for name in _FORMER:
                db.execute(f"DROP TABLE IF EXISTS {name}")
        return
    if not has_fts5(db):
        raise SessionStorageError(
            "The session was not deleted: its text is in a search index, which needs FTS5, and the SQLite "
            f"{sqlite3.sqlite_version} of this Python was built without it. Delete it from another Python."
        )
    db.execute(
        f"INSERT INTO {_INDEX}({_INDEX}, rowid, content)"
        f" SELECT 'delete', id, {_FULL_TEXT} FROM messages WHERE id >= ? AND id < ?",
        (sid << SEQ_BITS, (sid << SEQ_BITS) + upto),
    )
    # A deletion only marks the words; merging everything drops them. FTS5's own option for this would shut out
    # programs with an SQLite before 3.42.
    db.execute(f"INSERT INTO {_INDEX}({_INDEX}) VALUES ('optimize')")


def _has_index(db: sqlite3.Connection) -> bool:
    return _has_table(db, _INDEX)


def _is_old(db: sqlite3.Connection) -> bool:
    """Return whether there is an index that does not know all that is searched."""
    return any(_has_table(db, name) for name in _FORMER)


def _has_table(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None
