"""The magics as functions: `langswarm_nb.ask` and `langswarm_nb.session`."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, SessionValueError

from .bridge import run_sync
from .conversing import converse, prompt_of
from .options import CellOptions

if TYPE_CHECKING:
    from .conversing import Answer
    from .workspace import Workspace

_FIELDS = frozenset(field.name for field in fields(CellOptions)) - {"models", "name", "shows", "options"}


def ask(prompt: str, *models: str, show: bool = True, **options: Any) -> Answer:
    """Send a prompt as ``%%langswarm`` does: in this notebook's session, shown while the answer arrives.

    Parameters
    ----------
    prompt : str
        The text; ``{{ name }}`` is filled in from the notebook's variables unless ``raw=True``.
    *models : str
        ``provider:model`` or aliases; two or more answer side by side.
    show : bool
        False shows nothing.
    **options
        The flags of ``%%langswarm`` by their names (``session``, ``system``, ``temperature``, ``timeout_s``, …);
        any other goes to the provider.

    Returns
    -------
    Reply, Comparison or Preview
        What the cell would return.

    Raises
    ------
    SessionError
        It was not sent, or failed; also where no notebook runs.
    UsageError
        A name in the prompt is not defined.

    Examples
    --------
    ::

        answers = [ls.ask(question, show=False).text for question in questions]
    """
    flags = {name: value for name, value in options.items() if name in _FIELDS}
    extra = {name: value for name, value in options.items() if name not in _FIELDS}
    asked = CellOptions(models=tuple(dict.fromkeys(models)), shows=show, options=extra, **flags)
    workspace = _workspace()
    return converse(workspace, prompt_of(workspace, prompt, asked), asked)


def session(name: str | None = None) -> BaseSession:
    """Return a session of this notebook's store, by name or id; by default the one that cells talk to.

    Raises
    ------
    SessionNotFoundError
        There is none of this name.
    SessionError
        The store cannot be read, or no notebook runs.
    """
    return run_sync(_workspace().get(name))


def _workspace() -> Workspace:
    from IPython.core.getipython import get_ipython

    from .extension import workspace_of

    shell = get_ipython()
    if shell is None:
        raise SessionValueError(
            "No notebook runs here, so there is no session to speak to. In a script, make one with "
            "`langswarm_nb.core.session.create_session_manager()`."
        )
    return workspace_of(shell)
