"""Who works here, in which notebook, and how a place is told: asked of the system and the front end."""

from __future__ import annotations

import getpass
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def user_id() -> str:
    """Return whose sessions these are: ``LANGSWARM_USER``, the hub's user, the user of the machine."""
    for variable in ("LANGSWARM_USER", "JUPYTERHUB_USER"):
        if name := os.environ.get(variable, "").strip():
            return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without an entry, as in some containers
        return "me"


def notebook_path(shell: InteractiveShell) -> Path | None:
    """Return the notebook's file as the server or VS Code tells it; None when neither does."""
    named = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return Path(named) if isinstance(named, str) and named.endswith(".ipynb") else None


def notebook_name(shell: InteractiveShell) -> str:
    """Return the name of the notebook's file without its ending; empty when it is not known."""
    path = notebook_path(shell)
    return "" if path is None else path.stem


def notebook_key(shell: InteractiveShell) -> str | None:
    """Return what tells notebooks of one name apart, and does not tell where they are."""
    path = notebook_path(shell)
    return None if path is None else hashlib.sha256(str(path).encode()).hexdigest()[:16]


def short_path(path: Path) -> str:
    """Return a path as people would write it: from here when it is near, with ``~`` for the user's folder, or whole."""
    here = Path.cwd()
    for base, prefix in ((here, ""), (here.parent, ".."), (Path("~").expanduser(), "~")):
        is_wide = base in {base.parent, Path("~").expanduser()} and prefix != "~"
        if not is_wide and path.is_relative_to(base):
            return str(Path(prefix) / path.relative_to(base))
    return str(path)
