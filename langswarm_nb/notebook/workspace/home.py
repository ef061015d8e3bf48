"""Which notebook a kernel runs in: what its front end says, and which cells the file holds."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from langswarm_nb.core.session.conversation.homes import Saved, Told, file_name
from langswarm_nb.notebook.running_cell import is_lasting, running_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ENDING = ".ipynb"
_BACKING = re.compile(r"-jvsc-[0-9a-f-]+(?=\.ipynb$)")
"""What VS Code puts into the name that it gives a server of its own choice."""
_MAX_BYTES = 100_000_000
"""A larger file is not read for the ids of its cells."""
_COLAB_WAIT_S = 1.0


def front_end_tells(shell: InteractiveShell) -> Told:
    """Return what is known of the notebook in whose cell we are."""
    home, is_sure = _named(shell)
    cell_id = running_cell(shell).cell_id
    is_ours = home is not None and (is_sure or cell_id is not None)
    return Told(
        home,
        saved=read_saved(home) if home is not None and is_ours else None,
        cell_id=cell_id if cell_id is not None and is_lasting(cell_id) else None,
        in_cell=cell_id is not None,
        is_sure=is_sure,
    )


def first_label(home: str) -> str:
    """Return what the first session of a notebook is called: as its file, without the ending."""
    return "Colab" if home.startswith("colab:") else file_name(home).removesuffix(_ENDING)


def read_saved(home: str) -> Saved | None:
    """Return the file of a notebook; None when there is none, or it cannot be read."""
    path = Path(home)
    try:
        facts = path.stat()
        if not path.is_absolute() or facts.st_size > _MAX_BYTES:
            return None
        cells = json.loads(path.read_bytes())["cells"]
        ids = frozenset(cell["id"] for cell in cells if "id" in cell)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # Moving a file keeps the time of its content; on Windows the second is when it was made.
    at = datetime.fromtimestamp(max(facts.st_mtime, facts.st_ctime), UTC)
    return Saved(ids if ids or not cells else None, at)


def _named(shell: InteractiveShell) -> tuple[str | None, bool]:
    """Return the notebook as the front end names it, and whether the name is this kernel's own for sure."""
    in_code = shell.user_ns.get("__vsc_ipynb_file__")
    if isinstance(in_code, str) and in_code.endswith(_ENDING):
        return in_code, True
    if "google.colab" in sys.modules:
        return _colab_notebook(os.environ), True
    told = _BACKING.sub("", os.environ.get("JPY_SESSION_NAME", ""))
    if not told.endswith(_ENDING):  # a console, a terminal, a script
        return None, False
    return told if Path(told).is_absolute() else str(Path.cwd() / Path(told).name), False


def _colab_notebook(environment: Mapping[str, str]) -> str | None:
    """Return ``colab:ID``; Colab's own server knows which notebook its only kernel belongs to."""
    if told := environment.get("COLAB_NOTEBOOK_ID"):
        return f"colab:{told}"
    address = environment.get("COLAB_JUPYTER_IP")
    if not address:
        return None
    import httpx

    port = environment.get("KMP_TARGET_PORT", "9000")
    try:
        answer = httpx.get(
            f"http://{address}:{port}/api/sessions", timeout=_COLAB_WAIT_S, trust_env=False
        ).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return _colab_id(answer)


def _colab_id(sessions: Any) -> str | None:
    for session in sessions if isinstance(sessions, list) else []:
        path = session.get("path") if isinstance(session, dict) else None
        if isinstance(path, str) and path:
            return f"colab:{unquote(path).removeprefix('fileId=')}"
    return None
