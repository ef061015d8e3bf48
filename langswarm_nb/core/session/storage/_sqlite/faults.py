"""What SQLite says when it fails, in our words: what happened, to which file, and what to do next."""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.errors import SessionError, SessionStorageError, SessionValueError

_NEXT_STEP = {
    "SQLITE_BUSY": "another program holds a lock on it. Close that program, or try again",
    "SQLITE_LOCKED": "another connection of this program holds a lock on it. Try again",
    "SQLITE_FULL": "the disk or a quota is full. Nothing was half-written; free some space and send again",
    "SQLITE_READONLY": "it, or its folder, cannot be written. Change the permissions, or choose another db_path",
    "SQLITE_PERM": "the permissions forbid it. Change them, or choose another db_path",
    "SQLITE_CANTOPEN": "it cannot be opened. Check that db_path names a file in a folder that you can write to",
    "SQLITE_NOTADB": "it is not an SQLite database; it was not changed. Choose another db_path",
    "SQLITE_CORRUPT": "it is damaged; it was not repaired or changed. Restore a copy, or choose another db_path",
    "SQLITE_IOERR": "the disk reported an error. Nothing was half-written; check the disk and try again",
    "SQLITE_NOMEM": "there is not enough memory. Close something and try again",
    "SQLITE_PROTOCOL": "other programs kept it locked. Try again",
}


def storage_error(
    error: sqlite3.Error | UnicodeDecodeError, name: str, *, waited_s: float | None = None
) -> SessionError:
    """Return our error for one of SQLite's; the caller chains the two."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, UnicodeDecodeError):  # SQLite quotes what is damaged, and Python cannot read that
        code = "SQLITE_CORRUPT"
    if code == "SQLITE_TOOBIG":
        return SessionValueError("A message is longer than SQLite can hold (about 1 GB); it was not stored.")
    family = "_".join(code.split("_")[:2])
    why = _NEXT_STEP.get(family, "try again; if it stays, please report it with this text")
    limit = f" within {waited_s:g} s" if family == "SQLITE_BUSY" and waited_s is not None else ""
    return SessionStorageError(
        f"{name} could not be used{limit} ({code or type(error).__name__}: {error}): {why}."
    )
