"""Write and read files: only their owner can read what is written, and it appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .errors import SessionStorageError, SessionTypeError, SessionValueError

MAX_BYTES = 500_000_000
"""Of a file that is read."""


def write_private(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, text as UTF-8; what stood there before is replaced at once, or left as it was.

    Raises
    ------
    SessionTypeError
        It is not a path.
    SessionStorageError
        The file cannot be written.
    """
    import tempfile  # few sessions ever write a file of their own

    target = as_path(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}."
        )  # 0600, whatever the umask
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            os.replace(name, target)  # noqa: PTH105 - both are names
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise
    except (OSError, ValueError) as error:
        raise SessionStorageError(
            f"{str(target)!r} could not be written: {error}. What was there before is as it was. "
            "Choose another place, or free some space."
        ) from error


def make_private_folders(folder: Path) -> None:
    """Make a folder, and those above it, that only their owner can enter; what is there stays as it is.

    Raises
    ------
    OSError
        One of them cannot be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        try:
            new.mkdir(mode=0o700)
        except FileExistsError:  # another process was faster
            continue
        new.chmod(0o700)


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is not a path, or the file is too large or not UTF-8.
    SessionStorageError
        The file cannot be read.
    """
    source = as_path(path)
    try:
        if source.stat().st_size > MAX_BYTES:
            raise SessionValueError(f"{source} is larger than {MAX_BYTES:,} bytes and was not read.")
        return source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SessionValueError(f"{source} is not UTF-8 text, so there is no conversation in it.") from error
    except OSError as error:
        raise SessionStorageError(f"{source} could not be read: {error}.") from error
    except ValueError as error:
        if isinstance(error, SessionValueError):
            raise
        raise SessionValueError.of("path", str(path), "a file name") from error


def as_path(path: object) -> Path:
    """Return a path.

    Raises
    ------
    SessionTypeError
        It is none.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise SessionTypeError.of("path", path, "a file path")
    return Path(path).expanduser()
