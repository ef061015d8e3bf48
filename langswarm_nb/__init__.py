"""LangSwarm sessions in Jupyter: stream, keep, branch, search and analyse conversations with language models.

``%load_ext langswarm_nb`` adds the ``%%langswarm`` cell.
``langswarm_nb.core.session`` is the library underneath, which needs no notebook.
The short names of `_SHORT_NAMES` load on first use, so that this import stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .analysis import (
        attachments_df,
        calibration,
        data_df,
        events_df,
        export,
        import_sessions,
        messages_df,
        plots,
        search,
        sessions_df,
        set_price,
        sql,
        summary,
        turns_df,
    )
    from .core.session.answers.questions import levels
    from .core.session.attachments.attaching import attach
    from .notebook.calls import ask, attachment, chat, decide, session
    from .notebook.panel import ChatPanel

__all__ = [
    "ChatPanel",
    "ask",
    "attach",
    "attachment",
    "attachments_df",
    "calibration",
    "chat",
    "data_df",
    "decide",
    "events_df",
    "export",
    "import_sessions",
    "levels",
    "messages_df",
    "plots",
    "search",
    "session",
    "sessions_df",
    "set_price",
    "sql",
    "summary",
    "turns_df",
]
_SHORT_NAMES: dict[str, str] = {
    "ChatPanel": "langswarm_nb.notebook.panel:ChatPanel",
    "ask": "langswarm_nb.notebook.calls:ask",
    "attach": "langswarm_nb.core.session.attachments.attaching:attach",
    "attachment": "langswarm_nb.notebook.calls:attachment",
    "attachments_df": "langswarm_nb.analysis:attachments_df",
    "calibration": "langswarm_nb.analysis:calibration",
    "chat": "langswarm_nb.notebook.calls:chat",
    "data_df": "langswarm_nb.analysis:data_df",
    "decide": "langswarm_nb.notebook.calls:decide",
    "events_df": "langswarm_nb.analysis:events_df",
    "export": "langswarm_nb.analysis:export",
    "import_sessions": "langswarm_nb.analysis:import_sessions",
    "levels": "langswarm_nb.core.session.answers.questions:levels",
    "messages_df": "langswarm_nb.analysis:messages_df",
    "plots": "langswarm_nb.analysis:plots",
    "search": "langswarm_nb.analysis:search",
    "session": "langswarm_nb.notebook.calls:session",
    "sessions_df": "langswarm_nb.analysis:sessions_df",
    "set_price": "langswarm_nb.analysis:set_price",
    "sql": "langswarm_nb.analysis:sql",
    "summary": "langswarm_nb.analysis:summary",
    "turns_df": "langswarm_nb.analysis:turns_df",
}
"""Short name -> where it is defined, as ``"package.module:attribute"``."""


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register the magics; IPython calls this for ``%load_ext langswarm_nb``."""
    from .notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Undo `load_ipython_extension`; IPython calls this for ``%unload_ext langswarm_nb``."""
    from .notebook import unload_ipython_extension as unload

    unload(ipython)


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _SHORT_NAMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _SHORT_NAMES[name].partition(":")
        value = getattr(import_module(module), attribute)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_SHORT_NAMES})
