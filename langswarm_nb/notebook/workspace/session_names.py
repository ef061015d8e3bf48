"""Names that are given to sessions: cells find a session by its name, so that no two are to share one."""

from __future__ import annotations

from langswarm_nb.core.session import BaseSession, SessionManager, SessionValueError
from langswarm_nb.core.session.errors import shown


async def check_unused(manager: SessionManager, user_id: str, name: str) -> None:
    """Refuse a name that a session of this user has.

    Raises
    ------
    SessionValueError
        There is such a session.
    """
    known = await manager.list_user_sessions(user_id, limit=None)
    if any(session.title == name for session in known):
        raise SessionValueError(
            f"There is a session {shown(name)} already, and cells find sessions by their names. Choose another name."
        )


async def rename(session: BaseSession, name: str) -> None:
    """Give a session a name that no other of its user has.

    Raises
    ------
    SessionValueError
        Another has it.
    """
    if name != session.title:
        await check_unused(session.manager, session.user_id, name)
    await session.rename(name)
