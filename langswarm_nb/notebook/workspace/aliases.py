"""Short names of models, kept in a file beside the store."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from langswarm_nb.core.session.errors import SessionStorageError
from langswarm_nb.core.session.files import write_private

_FILE = "aliases.json"


def alias_file(db_path: Path | None) -> Path | None:
    """Return where the names of a store are kept; None when it keeps nothing on disk."""
    return None if db_path is None else db_path.parent / _FILE


def read_aliases(path: Path | None) -> dict[str, str]:
    """Return name -> model; empty when there is no file.

    Raises
    ------
    SessionStorageError
        The file cannot be read or is not ours.
    """
    if path is None or not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SessionStorageError(f"{path} cannot be read ({error}). Correct or remove the file.") from error
    if not isinstance(found, dict) or not all(isinstance(target, str) for target in found.values()):
        raise SessionStorageError(f"{path} holds no aliases. Correct or remove the file.")
    return found


def write_aliases(path: Path, aliases: Mapping[str, str]) -> None:
    """Replace the file, all or nothing.

    Raises
    ------
    SessionStorageError
        It could not be written; it is as before.
    """
    with contextlib.suppress(OSError):  # what is wrong with the folder is reported for the file
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, json.dumps(dict(aliases), ensure_ascii=False, indent=1))
