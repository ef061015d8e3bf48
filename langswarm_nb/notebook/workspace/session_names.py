"""Labels that are given to sessions: within a home no two are to share one."""

from __future__ import annotations

from langswarm_nb.core.session import BaseSession, SessionManager, SessionValueError
from langswarm_nb.core.session.conversation.names import normal
from langswarm_nb.core.session.errors import shown


async def check_unused(manager: SessionManager, user_id: str, name: str, home: str | None = None) -> None:
    """Refuse a label that a session of this user has in a home.

    Raises
    ------
    SessionValueError
        There is such a session.
    """
    if await manager.storage.list_sessions(user_id=user_id, labels=[normal(name)], home=home or ""):
        raise SessionValueError(
            f"There is a session {shown(name)} already, and cells find a notebook's sessions by their names. "
            "Choose another name."
        )


async def rename(session: BaseSession, name: str) -> None:
    """Give a session a label that no other of its home has.

    Raises
    ------
    SessionValueError
        Another has it.
    """
    label = normal(name)
    if label != session.title:
        await check_unused(session.manager, session.user_id, label, session.record.home)
    await session.rename(label)
