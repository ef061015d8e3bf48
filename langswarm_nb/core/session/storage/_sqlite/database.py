"""A connection to one file: opened with care, and able to run many jobs in one transaction."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from langswarm_nb.core.session.errors import SessionError, SessionStorageError

from . import witness
from .location import make_private_file, network_filesystem
from .placeholders import Connection
from .schema import APPLICATION_ID, VERSION, migrate, version_of

logger = logging.getLogger(__name__)


class _OpenFiles:
    """The connections of this process.

    Locks on files belong to the process. Closing any handle of a file drops them all, so no thread may open a file
    with SQLite while another, which creates it, has a handle of its own. And a forked child inherits SQLite's belief
    that it holds locks, which are its parent's only: there, a file that was open at the fork cannot be used safely.
    """

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.databases: weakref.WeakSet[Database] = weakref.WeakSet()
        self.inherited: frozenset[tuple[int, int]] = frozenset()
        self.replaced: set[Path] = set()
        """Files that were removed or replaced while they were open."""

    def after_fork(self) -> None:
        """Leave everything that is open to the parent."""
        for db in self.databases:
            keep_for_ever(db)
        self.inherited |= frozenset(db.file for db in self.databases)
        self.databases = weakref.WeakSet()
        self.opening = threading.Lock()


class Task:
    """One job and its outcome; one that is ``alone`` shares no transaction, and makes its own if it needs one."""

    __slots__ = ("alone", "error", "finished", "job", "result")

    def __init__(self, job: Callable[[Database], Any], *, alone: bool = False) -> None:
        self.job = job
        self.alone = alone
        self.result: Any = None
        self.error: BaseException | None = None
        self.finished = False

    def run(self, db: Database) -> None:
        """Do the job; a refusal is its outcome, any other error goes on."""
        self.error = None
        try:
            self.result = self.job(db)
        except SessionError as refusal:
            self.error = refusal

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        self.error, self.finished = error, True


class Database(Connection):
    """A connection to our file that knows when the file is not ours, or no longer there.

    Parameters
    ----------
    path : Path
        The file, absolute; made when it is missing.
    durability : {"full", "fast"}
        Whether each commit is on disk when it returns.
    timeout : float
        Seconds to wait for locks of other processes.

    Raises
    ------
    SessionStorageError
        It is another program's file, or one of a newer version.
    """

    def __init__(self, path: Path, durability: str, timeout: float) -> None:
        self.path = path
        self.is_lost = False
        """Whether the file was removed or replaced."""
        self.real: Path = Path(os.path.realpath(path))
        """Where a link leads to; SQLite puts its log beside that."""
        self._log = f"{self.real}-wal"
        self._log_file = _NO_FILE
        self._state: tuple[int, int] = _NO_STATE
        """Size and time of change of the file when it was looked into last."""
        self._seen = witness.Seen()
        self.using = threading.RLock()
        """Held while jobs run on it."""
        for other in list(_files.databases):  # before the log of a former file is taken for this one's
            if other.real == self.real:
                other.is_current()
        with _files.opening:
            make_private_file(self.real)
            self.file = _identity(path)
            """Device and inode."""
            self._refuse_inherited()
            if _size(self._log) and witness.has_foreign_log(self.real, timeout):
                witness.move_log_away(self.real)
            _check_ours(path, _look(self.real, timeout))
            super().__init__(str(self.real), timeout=timeout, isolation_level=None, check_same_thread=False)
            _files.databases.add(self)
        try:
            self._prepare(durability, timeout)
            self._log_file = _identity(self._log)
            self._look_again()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.is_current():
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, whatever the file is now."""
        with self.using:
            super().close()
        _files.databases.discard(self)

    def _refuse_inherited(self) -> None:
        if self.file in _files.inherited:
            raise SessionStorageError(
                f"'{self.path}' was open when this process was forked from its parent, and SQLite cannot share it "
                "safely then. Open the storage only after the fork, or start processes with the method 'spawn' or "
                "'forkserver'. It keeps working in the parent."
            )

    def _prepare(self, durability: str, timeout: float) -> None:
        network = network_filesystem(Path(os.path.realpath(self.path)))
        if network is not None:
            _warn_of_network(self.path, network)
        self.execute("PRAGMA secure_delete = ON")
        self._set_journal("DELETE" if network else "WAL", timeout)
        self.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        if sys.platform == "darwin" and durability == "full":
            self.execute("PRAGMA fullfsync = 1")  # there, fsync alone leaves data in the drive
        self.execute("PRAGMA journal_size_limit = 67108864")
        self._migrate()

    def _migrate(self) -> None:
        # The version and the copy are of one moment, whoever makes the new tables meanwhile.
        self.execute("BEGIN")
        try:
            version = version_of(self)
            if 0 < version < VERSION:
                self._keep_copy(version)
        finally:
            self.execute("ROLLBACK")
        migrate(self)

    def _keep_copy(self, version: int) -> None:
        copy = self.path.with_name(f"{self.path.name}.version-{version}")
        make_private_file(copy)
        with closing(sqlite3.connect(copy)) as target:
            self.backup(target)
        logger.warning("%s gets new tables; a copy of it as it was is in %s", self.path, copy)

    def commit_together(self, tasks: Sequence[Task]) -> None:
        """Do jobs in one transaction; one that fails does not take the others with it."""
        if tasks[0].alone:
            self.run_each(tasks)
            return
        try:
            self.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            for task in tasks:
                task.fail(error)
            return
        try:
            for task in tasks:
                task.run(self)
            self.execute("COMMIT")
            self._check_file()
        except Exception as error:  # noqa: BLE001 - it goes to the callers
            if self.in_transaction:
                self.execute("ROLLBACK")
            if len(tasks) == 1:
                tasks[0].fail(error)
                return
            for task in tasks:
                self.commit_together([task])
        for task in tasks:
            task.finished = True

    def run_each(self, tasks: Sequence[Task]) -> None:
        """Do jobs that only read, or need no transaction."""
        for task in tasks:
            try:
                task.run(self)
                task.finished = True
            except Exception as error:  # noqa: BLE001 - it goes to the caller
                task.fail(error)

    def is_current(self) -> bool:
        """Tell whether the file is still the one that was opened; once it is not, this connection is given up."""
        if not self.is_lost and not self._is_in_place():
            with _files.opening:
                if not self.is_lost:
                    self._give_up()
        return not self.is_lost

    def _give_up(self) -> None:
        """Let go of all connections of this process to the file, and keep its log from the one that exists now."""
        _files.replaced.add(self.path)
        all_of_it = [db for db in list(_files.databases) if db.file == self.file]
        for db in all_of_it:
            db.is_lost = True
        is_own_log = (
            _identity(self._log) == self._log_file
        )  # else it is the new file's, or another has moved it
        if _identity(self.path) == self.file:
            # Another store was laid over it. Connections to one inode share what SQLite knows of its log, so these
            # have to be closed; emptied before, the log cannot be moved into the file by that.
            if is_own_log:
                witness.empty_log(self.real)
            for db in all_of_it:
                with suppress(sqlite3.Error):
                    db.disconnect()
        else:
            for db in all_of_it:
                keep_for_ever(db)
                _files.databases.discard(db)
        if is_own_log and _identity(self._log) == self._log_file:
            witness.move_log_away(self.real)

    def _is_in_place(self) -> bool:
        try:
            status = os.stat(self.path)  # noqa: PTH116 - asked for each transaction
        except FileNotFoundError:
            return False
        if (status.st_dev, status.st_ino) != self.file:
            return False
        if (status.st_size, status.st_mtime_ns) == self._state:
            return True
        verdict = witness.is_another(self.real, self._seen, self)
        if verdict is False:
            self._look_again()
        return verdict is not True

    def _look_again(self) -> None:
        """Note how the file is now."""
        status = os.stat(self.path)  # noqa: PTH116 - as above
        self._state = status.st_size, status.st_mtime_ns
        with suppress(sqlite3.Error):  # moved into it in part: what was seen before is as true
            alone = witness.seen_alone(self.real, self._seen.sessions)
            whole = witness.seen(self, alone.sessions)
            if alone.may_become(whole):
                self._seen = alone.within(whole)

    def _check_file(self) -> None:
        """Make sure that what was committed is in the file that everybody sees.

        Raises
        ------
        SessionStorageError
            The file was removed or replaced meanwhile.
        """
        if self.is_lost or not self._is_in_place():
            raise SessionStorageError(
                f"The file '{self.path}' was just removed or replaced, and the last changes were lost with it. "
                "Try again to continue with the file that exists now (a new one if there is none)."
            )

    def _set_journal(self, mode: str, timeout: float) -> None:
        """Set the journal mode; processes that open a new file at the same moment may lock each other out."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.execute(f"PRAGMA journal_mode = {mode}")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


_files = _OpenFiles()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_files.after_fork)
_NO_FILE = _NO_STATE = (0, 0)


def was_replaced(path: Path) -> bool:
    """Tell whether a file was removed or replaced while this process had it open."""
    return path in _files.replaced


def _identity(path: Path | str) -> tuple[int, int]:
    """Return device and inode of a file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - of a name that may be text
    except FileNotFoundError:
        return _NO_FILE
    return status.st_dev, status.st_ino


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as above
    except OSError:
        return 0


@cache
def _warn_of_network(path: Path, kind: str) -> None:
    """Say once that a file is in a place where locks are not to be trusted."""
    logger.warning(
        "%s is on a network file system (%s), where only one machine at a time can use it safely. "
        "Choose a local db_path, or a database server for a store that several machines share.",
        path,
        kind,
    )


def _check_ours(path: Path, header: tuple[int, int, int]) -> None:
    """Make sure that the file is ours, and that we know its tables.

    Raises
    ------
    SessionStorageError
        Another program's file, or one of a newer version.
    """
    application, version, tables = header
    if application != APPLICATION_ID and (tables or application or version):
        raise SessionStorageError(
            f"'{path}' is a database of another program; it was not changed. Choose another db_path."
        )
    if version > VERSION:
        raise SessionStorageError(
            f"'{path}' was written by a newer version of langswarm-nb (tables of version {version}, this one knows "
            f"{VERSION}); it was not changed. Upgrade with `pip install -U langswarm-nb`."
        )


def _look(path: Path, timeout: float) -> tuple[int, int, int]:
    """Return application id, version and number of tables; nothing is changed, and no file is left beside it."""
    # A log beside the file may hold newer pages. Without one, to read as if nothing could change makes no new files;
    # should another process write at this very moment, that may fail, and the careful way decides.
    if not path.with_name(f"{path.name}-wal").exists():
        with suppress(sqlite3.DatabaseError):
            return _read_header(f"{path.as_uri()}?mode=ro&immutable=1", timeout)
    return _read_header(f"{path.as_uri()}?mode=ro", timeout)


def _read_header(address: str, timeout: float) -> tuple[int, int, int]:
    with closing(sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None)) as db:
        db.execute("BEGIN")  # one moment for all three: another process may be making the tables
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return application, version_of(db), tables


def keep_for_ever(connections: object) -> None:
    """Let connections never be closed, not even by the garbage collector.

    SQLite, closing the last connection of a file, deletes the ``-wal`` file by its name. When the file was replaced,
    that is another file's; in a forked child, it is the parent's.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connections))
