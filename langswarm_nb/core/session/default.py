"""The manager that a process shares: the only module-level state of the library."""

from __future__ import annotations

import threading

from . import checks
from .base import SessionManager

__all__ = ["get_session_manager", "initialize_default_session_manager", "set_session_manager"]

_lock = threading.Lock()
_manager: SessionManager | None = None


def get_session_manager() -> SessionManager | None:
    """Return the manager of this process; None until one is set."""
    return _manager


def set_session_manager(manager: SessionManager | None) -> None:
    """Set the manager of this process; None removes it. The previous one is not closed.

    Raises
    ------
    SessionTypeError
        It is not a manager.
    """
    global _manager  # noqa: PLW0603 - the one place where the process keeps it
    with _lock:
        _manager = None if manager is None else checks.instance("manager", manager, SessionManager)


def initialize_default_session_manager() -> None:
    """Set a manager made by `configure_development_sessions`, unless one is set already."""
    from .factory import configure_development_sessions

    global _manager  # noqa: PLW0603
    with _lock:
        if _manager is None:
            _manager = configure_development_sessions()
