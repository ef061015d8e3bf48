"""Who works here, and how a place is shown: asked of the system."""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def user_id() -> str:
    """Return whose sessions these are: ``LANGSWARM_USER``, the hub's user, the user of the machine."""
    for variable in ("LANGSWARM_USER", "JUPYTERHUB_USER"):
        if name := os.environ.get(variable, "").strip():
            return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without an entry, as in some containers
        return "me"


def short_path(path: Path) -> str:
    """Return a path as people would write it: from here when it is near, with ``~`` for the user's folder, or whole."""
    here = Path.cwd()
    for base, prefix in ((here, ""), (here.parent, ".."), (Path("~").expanduser(), "~")):
        is_wide = base in {base.parent, Path("~").expanduser()} and prefix != "~"
        if not is_wide and path.is_relative_to(base):
            return str(Path(prefix) / path.relative_to(base))
    return str(path)
