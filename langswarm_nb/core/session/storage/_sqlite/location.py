"""Where a store's file is: the default place, what a path may be, and files only their owner can read."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, SessionValueError
from langswarm_nb.core.session.files import make_private_folders

_NETWORK_FILESYSTEM = re.compile(
    r"9p|afs|beegfs|ceph|cifs|fuse\.(ceph|glusterfs|s3fs|sshfs)|gpfs|lustre|ncpfs|nfs4?|smb[23]|smbfs"
)


def default_db_path() -> Path:
    """Return where sessions are kept when nothing else is said.

    ``LANGSWARM_DB_PATH`` if it is set; else ``langswarm_nb/sessions.db`` in the platform's folder for a user's data:
    ``XDG_DATA_HOME`` or ``~/.local/share``, on macOS ``~/Library/Application Support``, on Windows ``%LOCALAPPDATA%``.
    """
    if named := os.environ.get("LANGSWARM_DB_PATH"):
        return Path(_at_home(named))
    return _data_folder() / "langswarm_nb" / "sessions.db"


def _data_folder() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # a user id without an entry and without HOME, as in some containers
        import tempfile

        home = Path(tempfile.gettempdir())
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    named = os.environ.get("XDG_DATA_HOME", "")
    # The XDG rules say that a relative path is to be ignored.
    return Path(named) if os.path.isabs(named) else home / ".local" / "share"  # noqa: PTH117


def checked_path(db_path: object) -> Path:
    """Return the file's absolute path; nothing is opened.

    Raises
    ------
    SessionTypeError
        It is not a path.
    SessionValueError
        No file can have this path.
    """
    if not isinstance(db_path, (str, os.PathLike)):
        raise SessionTypeError.of("db_path", db_path, "a path (str or os.PathLike)")
    name = os.fspath(db_path)
    if not isinstance(name, str):
        raise SessionTypeError.of("db_path", db_path, "a path of text, not bytes")
    if not name.strip():
        raise SessionValueError.of("db_path", name, "not empty")
    if name == ":memory:":
        raise SessionValueError.of(
            "db_path", name, "a file; sessions are kept in memory with storage='memory'"
        )
    if "\0" in name:
        raise SessionValueError.of("db_path", name, "a file name, which holds no NUL character")
    try:
        name.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
    except UnicodeEncodeError:
        raise SessionValueError.of("db_path", name, "text that a file name can hold") from None
    # An absolute path is never taken for a URI or an option, whatever characters are in it.
    return Path(os.path.abspath(_at_home(name)))  # noqa: PTH100


def _at_home(name: str) -> str:
    """Put the user's folder for a leading ``~/``; another ``~`` is part of the name."""
    return os.path.expanduser(name) if name.startswith(("~/", f"~{os.sep}")) else name  # noqa: PTH111


def refuse_folder(path: Path) -> None:
    """Refuse a path that names a folder, which SQLite takes for a failing disk.

    Raises
    ------
    SessionStorageError
        It is one.
    """
    if path.is_dir():
        raise SessionStorageError(
            f"'{path}' is a folder, and sessions are kept in a file. Name one in it: '{path / 'sessions.db'}'."
        )


def make_private_file(path: Path) -> None:
    """Create an empty file that only its owner can read, with its folders, unless it is there.

    SQLite gives the files beside it (``-wal``, ``-shm``) the same mode.
    """
    make_private_folders(path.parent)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        return
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(handle, 0o600)  # the umask may have taken bits away
    finally:
        os.close(handle)


def network_filesystem(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that holds ``path``; None for a local one, or where unknown.

    Parameters
    ----------
    path : Path
        A file that exists.
    mounts : str, optional
        Text in the form of ``/proc/mounts``; by default that of this machine.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    found, kind = -1, ""
    for line in mounts.splitlines():
        _, point, kind_here, *_ = [*line.split(" "), "", "", ""]
        folder = Path(point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        if point and len(folder.parts) >= found and path.is_relative_to(folder):
            found, kind = len(folder.parts), kind_here  # of mounts on one folder, the last one counts
    return kind if _NETWORK_FILESYSTEM.fullmatch(kind) else None
