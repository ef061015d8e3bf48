"""What tells two states of one store from two stores: a log that is not its file's, another file laid over it.

SQLite takes any ``-wal`` beside a file for the file's own. When another file has taken the place, it applies the pages
of the former one to it, and both are lost. A store never goes backwards: the surrogate ids of its sessions are given
once, and what each session holds only grows. So of two states that can be read it is clear whether one may have
become the other.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from langswarm_nb.core.session.errors import SessionStorageError

from .location import make_private_file

logger = logging.getLogger(__name__)

_MOST = 50
"""This many sessions are enough: the newest, and those that the other state knew."""


class Seen(NamedTuple):
    """What is known of a state of a store."""

    highest: int = 0
    """Highest surrogate id ever given."""
    sessions: dict[int, tuple[str, int]] = {}  # noqa: RUF012 - of a tuple, never changed
    """Session id and next seq of some sessions, by their surrogate ids."""

    def may_become(self, later: Seen) -> bool:
        """Tell whether a store may have been in this state before it was in the other."""
        if later.highest < self.highest:
            return False
        return all(
            self.sessions[sid][0] == later.sessions[sid][0]
            and self.sessions[sid][1] <= later.sessions[sid][1]
            for sid in self.sessions.keys() & later.sessions.keys()
        )

    def within(self, other: Seen) -> Seen:
        """Return what another state, which this one may become, knows too."""
        return self._replace(
            sessions={sid: self.sessions[sid] for sid in self.sessions.keys() & other.sessions.keys()}
        )


def seen(db: sqlite3.Connection, also: Collection[int] = ()) -> Seen:
    """Return what a connection sees of a store: its newest sessions, and those of some surrogate ids."""
    (has_tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sessions'").fetchone()
    if not has_tables:
        return Seen()
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'sessions'").fetchone()
    found = db.execute(
        "SELECT id, session_id, next_seq FROM sessions WHERE id > (SELECT max(id) FROM sessions) - ?"
        " OR id IN (SELECT value FROM json_each(?))",
        (_MOST, json.dumps(list(also))),
    )
    return Seen(0 if row is None else row[0], {sid: (name, seq) for sid, name, seq in found})


def seen_alone(path: Path, also: Collection[int] = ()) -> Seen:
    """Return what the file itself holds, without what still stands in its log; it is not changed."""
    with closing(_alone(path)) as db:
        return seen(db, also)


def has_foreign_log(path: Path, timeout: float) -> bool:
    """Tell whether the log beside a file, which nobody may be using, was written for another file."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=timeout)) as db:
        return is_another(path, Seen(), db) is True


def is_another(path: Path, before: Seen, db: sqlite3.Connection) -> bool | None:
    """Tell whether a file is another store than the one that a connection, with the log, takes it for.

    Parameters
    ----------
    path : Path
        The file.
    before : Seen
        What was seen of it alone before.
    db : sqlite3.Connection
        Sees the file with the log.

    Returns
    -------
    bool or None
        None when it cannot be known now. A log of which somebody still reads an old state is moved into the file in
        part, and what then stands in the file alone need make no sense.
    """
    try:
        if _agrees(path, before, db):
            return False
        # Where it makes sense now, it is looked at once more: a log may have been moved into it between two looks.
        return not _agrees(path, before, db) if _is_whole(path) else None
    except sqlite3.Error as error:
        return True if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB" else None


def _agrees(path: Path, before: Seen, db: sqlite3.Connection) -> bool:
    alone = seen_alone(path, before.sessions)
    if not before.may_become(alone):
        return False
    try:
        return alone.may_become(seen(db, alone.sessions))
    except (sqlite3.OperationalError, sqlite3.ProgrammingError):
        raise  # locked, out of reach, closed by another thread: says nothing of what is in it
    except sqlite3.DatabaseError:  # the pages of two stores together
        return False


def _is_whole(path: Path) -> bool:
    """Tell whether a file makes sense without its log, by SQLite's own check; reads all of it."""
    with closing(_alone(path)) as db:
        return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))


def _alone(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def empty_log(path: Path) -> None:
    """Keep a copy of the log beside a file and empty it, for all who have it open.

    Raises
    ------
    SessionStorageError
        It cannot be.
    """
    log = path.with_name(f"{path.name}-wal")
    with _moving(path, log):
        if log.stat().st_size:
            kept = _free_name(path)
            make_private_file(kept)
            shutil.copyfile(log, kept)
            os.truncate(log, 0)
            _tell(path, kept)


def move_log_away(path: Path) -> None:
    """Take the log beside a file away from it, under another name.

    Raises
    ------
    SessionStorageError
        It cannot be.
    """
    log = path.with_name(f"{path.name}-wal")
    with _moving(path, log):
        if log.stat().st_size:
            kept = _free_name(path)
            log.rename(kept)
            _tell(path, kept)
        else:
            log.unlink()
    with _moving(path, log):
        path.with_name(f"{path.name}-shm").unlink()  # an index of the log, made again


def _free_name(path: Path) -> Path:
    return next(
        kept
        for n in itertools.count(1)
        if not (kept := path.with_name(f"{path.name}-wal.former-{n}")).exists()
    )


def _tell(path: Path, kept: Path) -> None:
    logger.warning(
        "'%s' was removed or replaced while it was open. What had not been moved into it yet is in '%s', which "
        "belongs only to the earlier file.",
        path,
        kept,
    )


@contextmanager
def _moving(path: Path, log: Path) -> Iterator[None]:
    try:
        with suppress(FileNotFoundError):
            yield
    except OSError as error:
        raise SessionStorageError(
            f"The log '{log}' belongs to another file than '{path}' and cannot be moved away ({error.strerror}). "
            "Applied to this file it would damage it: move it, and the '-shm' beside it, to another folder."
        ) from error
